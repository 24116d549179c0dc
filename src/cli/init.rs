//! `atelier init`: asks the questions of a first set-up, and writes the configuration file.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::Args;
use toml::Value;

use super::flags::YesNo;
use super::output::shell_word;
use super::{CliError, print, say};
use crate::config::{Config, keys};
use crate::domain::email::Email;

pub const EXAMPLES: &str = "Examples:\n  atelier init\n  atelier init /etc/atelier.toml\n  atelier init --address \
                            https://atelier.example.com --admin ada@example.com --backups /backup/atelier \
                            --second-factor yes";

/// The longest answer that is read.
const MAX_ANSWER: u64 = 4096;

/// How often a question is asked again after an answer that breaks its rule.
const MAX_TRIES: usize = 5;

/// When the server makes backups if it has a directory for them.
const BACKUP_TIME: &str = "03:00";

/// The file, and answers that are not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Answers {
    /// The file to write.
    #[arg(default_value = "atelier.toml")]
    file: PathBuf,
    /// Address to listen on, such as 127.0.0.1:8787, or the https address of a proxy in front of the server.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Email of the first administrator.
    #[arg(long, value_name = "EMAIL")]
    admin: Option<String>,
    /// Directory of the backups, or `none`.
    #[arg(long, value_name = "DIR")]
    backups: Option<String>,
    /// Whether administrators need two-factor authentication.
    #[arg(long, value_name = "YES/NO")]
    second_factor: Option<YesNo>,
}

/// Keys of the configuration with their values.
type Settings = Vec<(&'static str, Value)>;

/// A question of `init`.
struct Question {
    flag: &'static str,
    words: &'static str,
    default: &'static str,
    parse: fn(&str) -> Result<Settings, String>,
}

const QUESTIONS: [Question; 4] = [
    Question {
        flag: "--address",
        words: "Address to listen on, or the https address of a proxy in front of the server",
        default: "127.0.0.1:8787",
        parse: address,
    },
    Question { flag: "--admin", words: "Email of the first administrator", default: "admin@localhost", parse: admin },
    Question { flag: "--backups", words: "Directory of the backups, or none", default: "none", parse: backups },
    Question {
        flag: "--second-factor",
        words: "Require two-factor authentication of administrators (yes or no)",
        default: "no",
        parse: second_factor,
    },
];

impl Answers {
    pub(super) fn run(self) -> Result<(), CliError> {
        let shown = self.file.display();
        let exists = || CliError::Failed(format!("{shown} exists; name another file, or delete it first"));
        if self.file.exists() {
            return Err(exists());
        }
        let second_factor = self.second_factor.map(|answer| if answer.is_yes() { "yes" } else { "no" }.to_owned());
        let given = [&self.address, &self.admin, &self.backups, &second_factor];
        let missing: Vec<&str> = QUESTIONS
            .iter()
            .zip(given)
            .filter(|(_, given)| given.is_none())
            .map(|(question, _)| question.flag)
            .collect();
        if !missing.is_empty() && (!io::stdin().is_terminal() || !io::stderr().is_terminal()) {
            let words = format!("there is no terminal to ask on; give the answers with {}", missing.join(", "));
            return Err(CliError::Usage(words));
        }
        let mut settings = Settings::new();
        for (question, given) in QUESTIONS.iter().zip(given) {
            settings.extend(match given {
                Some(answer) => (question.parse)(answer)
                    .map_err(|rule| CliError::Usage(format!("{} {rule}; correct it", question.flag)))?,
                None => question.ask()?,
            });
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file).map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    return exists();
                }
                CliError::Failed(format!("cannot create {shown}: {error}; name another file"))
            })?;
        file.write_all(text(&settings).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| CliError::Failed(format!("cannot write {shown}: {error}; delete it and try again")))?;
        say(&format!("wrote {shown}; start the server with"));
        print(&format!("atelier serve --config {}\n", shell_word(&self.file.to_string_lossy())))
    }
}

impl Question {
    /// Asks on the terminal. An empty answer is the default.
    fn ask(&self) -> Result<Settings, CliError> {
        let unreadable = |error| {
            CliError::Failed(format!("cannot ask on the terminal: {error}; give the answer with {}", self.flag))
        };
        for _ in 0..MAX_TRIES {
            let mut err = io::stderr().lock();
            write!(err, "{} [{}]: ", self.words, self.default).and_then(|()| err.flush()).map_err(unreadable)?;
            drop(err);
            let mut answer = String::new();
            let read = io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(unreadable)?;
            if read == 0 {
                return Err(CliError::Failed("the input has ended; nothing was written".to_owned()));
            }
            let answer = if answer.trim().is_empty() { self.default } else { answer.trim() };
            match (self.parse)(answer) {
                Ok(settings) => return Ok(settings),
                Err(rule) => say(&format!("The answer {rule}.")),
            }
        }
        Err(CliError::Failed(format!("nothing was written; give the answer with {}", self.flag)))
    }
}

fn address(text: &str) -> Result<Settings, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        checked("public_url", text)?;
        return Ok(vec![("public_url", text.into())]);
    }
    checked("listen", text)?;
    Ok(vec![("listen", Value::Array(vec![text.into()]))])
}

fn admin(text: &str) -> Result<Settings, String> {
    Email::parse(text).map_err(|invalid| invalid.to_string())?;
    Ok(vec![("admin_email", text.into())])
}

fn backups(text: &str) -> Result<Settings, String> {
    if text == "none" {
        return Ok(Settings::new());
    }
    checked("backup_directory", text)?;
    Ok(vec![("backup_directory", text.into()), ("backup_schedule", BACKUP_TIME.into())])
}

fn second_factor(text: &str) -> Result<Settings, String> {
    let is_needed = match text.to_lowercase().as_str() {
        "yes" | "y" => true,
        "no" | "n" => false,
        _ => return Err("must be yes or no".to_owned()),
    };
    Ok(vec![("administrators_need_second_factor", is_needed.into())])
}

/// The rule of a key that a value breaks, if it breaks one.
fn checked(key: &'static str, text: &str) -> Result<(), String> {
    match Config::load([(key, text.to_owned())], [], None) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.rule().unwrap_or("is not valid").to_owned()),
    }
}

fn text(settings: &Settings) -> String {
    let mut text = "# Configuration of atelier. config.example.toml describes every key.\n".to_owned();
    for (key, value) in settings {
        let help = keys::help(key);
        // Writing to a String never fails.
        let _ = write!(text, "\n# {help}\n{key} = {value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_answers() {
        for question in QUESTIONS {
            assert!((question.parse)(question.default).is_ok(), "{}", question.flag);
        }
    }

    #[test]
    fn an_answer_that_breaks_a_rule_is_refused() {
        for (parse, bad) in [
            (address as fn(&str) -> _, "8787"),
            (address, "atelier.example.com"),
            (address, "https://a.example/x/"),
            (admin, "ada"),
            (second_factor, "perhaps"),
        ] {
            let rule = parse(bad).unwrap_err();
            assert!(rule.starts_with("must "), "{bad}: {rule}");
        }
    }

    #[test]
    fn the_file_is_a_configuration() {
        let mut settings = address("https://a.example").unwrap();
        settings.extend(backups("/b/\"x\"").unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, text(&settings)).unwrap();
        let config = Config::load(std::iter::empty::<(&str, String)>(), [], Some(&path)).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://a.example"));
        assert_eq!(config.backup_directory.unwrap().to_str(), Some("/b/\"x\""));
        assert!(config.backup_schedule.is_some());
    }
}
