use std::time::Duration;

use serde::Deserialize as _;
use std::io::Write;

use serde::de::value::Error as Plain;
use serde::de::{self, Visitor};
use serde::forward_to_deserialize_any;
use tempfile::NamedTempFile;

use super::origin::Origins;
use super::*;
use crate::domain::backup::Schedule;

const NONE: [(&str, String); 0] = [];

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn vars(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn flags<'k>(all: &[(&'k str, &str)]) -> Vec<(&'k str, String)> {
    all.iter().map(|(key, text)| (*key, (*text).to_owned())).collect()
}

fn refused(text: &str) -> String {
    let file = file(text);
    let error = Config::load(NONE, vars(&[]), Some(file.path())).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "FILE")
}

fn refused_variable(name: &str, text: &str) -> String {
    Config::load(NONE, vars(&[(name, text)]), None).unwrap_err().to_string()
}

/// A deserializer that records the field names of a struct and stops.
struct Fields<'f>(&'f mut Vec<&'static str>);

impl<'de> de::Deserializer<'de> for Fields<'_> {
    type Error = Plain;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Plain> {
        Err(de::Error::custom("only a struct has fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Plain> {
        self.0.extend(fields);
        Err(de::Error::custom("seen"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[test]
fn the_example_documents_every_key_once() {
    let mut fields = Vec::new();
    let _ = Config::deserialize(Fields(&mut fields));
    assert!(fields.contains(&"data_dir"));
    let names: Vec<&str> = keys::all().iter().map(|key| key.name).collect();
    assert_eq!(names, fields, "config.example.toml and Config hold the same keys in the same order");

    for key in keys::all() {
        let begin = format!("{} = ", key.name);
        let lines = keys::EXAMPLE.lines().filter(|line| line.trim_start_matches('#').starts_with(&begin));
        assert_eq!(lines.count(), 1, "{}", key.name);
        assert!(key.help.len() > 20 && key.help.ends_with('.'), "{} says why", key.name);
        assert!(key.help.len() <= 110, "{} says why in one line", key.name);
        assert_eq!(help(key.name), key.help);
    }
}

#[test]
fn the_example_contains_the_defaults() {
    assert_eq!(toml::from_str::<Config>(keys::EXAMPLE).unwrap(), Config::default());
    let example = file(keys::EXAMPLE);
    let mut config = Config::load(NONE, vars(&[]), Some(example.path())).unwrap();
    config.origins = Origins::default();
    assert_eq!(config, Config::default());

    for (key, (name, value, origin)) in keys::all().iter().zip(Config::default().entries()) {
        assert_eq!((key.name, origin.as_str()), (name, "default"));
        assert_eq!(value, if key.optional { "(not set)" } else { key.example }, "{name}");
    }
}

#[test]
fn the_examples_of_optional_keys_are_well_formed() {
    for key in keys::all().iter().filter(|key| key.optional) {
        let config = file(&format!("{} = {}", key.name, key.example));
        Config::load(NONE, vars(&[]), Some(config.path())).unwrap();
    }
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let file = file("# mine\nworkers = 2\nreaders = 2\nkeep_alive = \"2s\"\n");
    let env =
        vars(&[("ATELIER_READERS", "3"), ("ATELIER_KEEP_ALIVE", "3s"), ("PATH", "/bin"), ("ATELIER_TEST_KEEP", "1")]);
    let config = Config::load(flags(&[("keep_alive", "4s")]), env, Some(file.path())).unwrap();

    assert_eq!((config.workers, config.readers), (2, 3));
    assert_eq!(config.keep_alive, Duration::from_secs(4));
    assert_eq!(config.write_queue, Config::default().write_queue);

    let entries = config.entries();
    let row = |name| entries.iter().find(|row| row.0 == name).map(|row| (row.1.as_str(), row.2.as_str())).unwrap();
    assert_eq!(row("workers"), ("2", format!("{}:2", file.path().display()).as_str()));
    assert_eq!(row("readers"), ("3", "ATELIER_READERS"));
    assert_eq!(row("keep_alive"), ("\"4s\"", "--keep-alive"));
    assert_eq!(row("write_queue"), ("1024", "default"));
    assert_eq!(row("public_url"), ("(not set)", "default"));
}

#[test]
fn every_key_can_be_set_by_every_layer() {
    for key in keys::all() {
        let text = key.example.trim_matches(['"', '[', ']']);
        let env = vars(&[(&key.variable(), text)]);
        let by_variable = Config::load(NONE, env, None).unwrap();
        assert_eq!(by_variable.origins.of(key.name), Origin::Variable(key.variable()));

        let by_flag = Config::load(flags(&[(key.name, text.trim_matches('"'))]), vars(&[]), None).unwrap();
        assert_eq!(by_flag.origins.of(key.name), Origin::Flag(key.flag()));
    }
}

#[test]
fn lists_are_separated_by_commas_in_variables_and_repeated_as_flags() {
    let (one, two) = ("127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap());
    let env = vars(&[("ATELIER_LISTEN", "127.0.0.1:1, [::1]:2"), ("ATELIER_TRUSTED_HOSTS", "")]);
    let config = Config::load(NONE, env.clone(), None).unwrap();
    assert_eq!(config.addresses(), [one, two]);
    assert!(config.trusted_hosts.is_empty());

    let config = Config::load(flags(&[("listen", "[::1]:2"), ("listen", "127.0.0.1:1")]), env, None).unwrap();
    assert_eq!(config.addresses(), [two, one]);
}

#[test]
fn an_empty_variable_sets_an_optional_key_to_nothing() {
    let file = file("public_url = \"https://a.example\"");
    let config = Config::load(NONE, vars(&[("ATELIER_PUBLIC_URL", "")]), Some(file.path())).unwrap();
    assert_eq!(config.public_url, None);
    assert_eq!(config.origins.of("public_url"), Origin::Variable("ATELIER_PUBLIC_URL".to_owned()));
}

#[test]
fn the_flag_or_else_the_variable_names_the_file() {
    let (one, two) = (file("workers = 1"), file("workers = 2"));
    let env = vars(&[(FILE_VARIABLE, &two.path().display().to_string())]);
    assert_eq!(Config::load(NONE, env.clone(), None).unwrap().workers, 2);
    assert_eq!(Config::load(NONE, env, Some(one.path())).unwrap().workers, 1);
    assert_eq!(Config::load(NONE, vars(&[(FILE_VARIABLE, "")]), None).unwrap(), Config::default());

    let absent = refused_variable(FILE_VARIABLE, "/nowhere/atelier.toml");
    assert!(absent.starts_with("cannot read the configuration file /nowhere/atelier.toml: "), "{absent}");
    assert!(absent.ends_with("; check the path that ATELIER_CONFIG gives"), "{absent}");
}

#[test]
fn the_error_of_an_unknown_key_names_its_file_and_line() {
    assert_eq!(
        refused("# mine\n\nlog = \"info\"\nkeepalive = \"1s\"\n"),
        "unknown key `keepalive` (FILE:4); write keep_alive or remove line 4 (config.example.toml lists every key)"
    );
    assert_eq!(
        refused("[machine]\nzzz = 1\n"),
        "unknown key `machine` (FILE:1); remove line 1 (config.example.toml lists every key)"
    );
    // The error names the first unknown key of the file, not the first in alphabetical order.
    assert!(refused("zzz = 1\naaa = 2").starts_with("unknown key `zzz` (FILE:1)"));
}

#[test]
fn the_error_of_an_unknown_variable_or_flag_suggests_similar_names() {
    assert_eq!(
        refused_variable("ATELIER_DATADIR", "/srv"),
        "unknown key `DATADIR` (ATELIER_DATADIR); write ATELIER_DATA_DIR or unset ATELIER_DATADIR \
         (config.example.toml lists every key)"
    );
    assert!(refused_variable("ATELIER_Log", "info").starts_with("unknown key `Log` (ATELIER_Log); write ATELIER_LOG"));
    let error = Config::load(flags(&[("lissten", "x")]), vars(&[]), None).unwrap_err().to_string();
    assert!(error.starts_with("unknown key `lissten` (--lissten); write --listen or remove --lissten"), "{error}");
}

#[test]
fn the_error_of_an_invalid_toml_file_names_its_line() {
    let error = refused("log = \"info\"\nworkers = \n");
    assert!(error.starts_with("FILE:2 is not valid TOML: "), "{error}");
    assert!(error.ends_with("; correct line 2, or start again from config.example.toml"), "{error}");
    let error = refused("workers = 1\n\nworkers = 2\n");
    assert!(error.starts_with("FILE:3 is not valid TOML: duplicate key"), "{error}");
}

#[test]
fn the_error_of_an_ill_typed_value_names_its_source_and_rule() {
    assert_eq!(
        refused("\nworkers = \"two\""),
        "`workers` (FILE:2) must be a whole number from 0 to 4294967295; \
         correct line 2 of FILE (config.example.toml lists every key)"
    );
    for (line, rule) in [
        ("workers = -1", "must be a whole number"),
        ("workers = 1.5", "must be a whole number"),
        ("workers = 4294967296", "must be a whole number"),
        ("keep_alive = 75", "must be a duration such as"),
        ("keep_alive = \"75\"", "must be a duration such as 500ms, 90s, 15m, 12h or 30d, not \"75\""),
        ("max_body = 1048576", "must be a size such as"),
        ("max_body = \"1MB\"", "must be a size such as 512B, 64KiB, 1MiB or 2GiB, not \"1MB\""),
        ("password_grant = \"yes\"", "must be true or false"),
        ("listen = \"127.0.0.1:1\"", "must be a list of strings"),
        ("listen = [1]", "must be a list of strings"),
        ("listen = [\n\"127.0.0.1:1\",\n\"localhost:1\"]", "must be an IP address and a port such as"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "must be an IP address such as"),
        ("signing_key_bits = 1024", "must be 2048, 3072 or 4096"),
        ("signing_algorithm = \"HS256\"", "must be RS256, ES256 or EdDSA, not \"HS256\""),
        ("data_dir = 1", "must be a string such as"),
        ("public_url = 1979-05-27", "must be a string such as"),
        ("log.level = \"info\"", "must be a string such as"),
    ] {
        let key = line.split([' ', '.']).next().unwrap();
        let error = refused(&format!("# mine\n{line}\n"));
        assert!(error.starts_with(&format!("`{key}` (FILE:2) {rule}")), "{line}: {error}");
        assert!(error.contains("; correct line 2 of FILE"), "{line}: {error}");
    }
    assert_eq!(
        refused_variable("ATELIER_PASSWORD_GRANT", "yes"),
        "`password_grant` (ATELIER_PASSWORD_GRANT) must be true or false; \
         correct or unset the variable ATELIER_PASSWORD_GRANT"
    );
    let error = Config::load(flags(&[("keep_alive", "soon")]), vars(&[]), None).unwrap_err().to_string();
    assert!(error.starts_with("`keep_alive` (--keep-alive) must be a duration"), "{error}");
    assert!(error.ends_with("; give --keep-alive another value"), "{error}");
}

#[test]
fn the_error_of_an_invalid_value_contains_its_rule() {
    for (line, rule) in [
        ("data_dir = \"\"", "must be the path of a directory"),
        ("listen = []", "must contain at least one address"),
        ("public_url = \"https://a.example/\"", "must be http:// or https://"),
        ("trusted_hosts = [\"http://a.example\"]", "must contain hosts"),
        ("log = \"inof\"", "must be off, error, warn"),
        ("workers = 1025", "must be from 0 to 1024"),
        ("max_connections = 0", "must be from 1 to 1000000"),
        ("max_body = \"1B\"", "must be from 1KiB to 1GiB"),
        ("request_timeout = \"0s\"", "must be from 100ms to 1h"),
        ("keep_alive = \"2h\"", "must be from 1s to 1h"),
        ("stop_grace = \"2h\"", "must be from 0s to 1h"),
        ("write_queue = 0", "must be from 1 to 1000000"),
        ("readers = 1", "must be from 2 to 1024"),
        ("page_cache = \"1KiB\"", "must be from 64KiB to 1GiB"),
        ("answer_memory = \"2GiB\"", "must be from 0B to 1GiB"),
        ("search_memory = \"2GiB\"", "must be from 0B to 1GiB"),
        ("password_threads = 5000", "must be from 0 to 1024"),
        ("password_queue = 0", "must be from 1 to 100000"),
        ("access_token_life = \"2d\"", "must be from 1s to 1d"),
        ("session_idle = \"0s\"", "must be from 1s to 3650d"),
        ("session_idle = \"91d\"", "must not be longer than session_life, which is 90d"),
        ("session_life = \"4000d\"", "must be from 1s to 3650d"),
        ("signing_key_life = \"0s\"", "must be from 1s to 3650d"),
        ("signing_key_life = \"4m\"", "must not be shorter than access_token_life, which is 5m"),
        ("offline_idle = \"366d\"", "must not be longer than offline_life, which is 365d"),
        ("offline_life = \"4000d\"", "must be from 1s to 3650d"),
        ("browser_idle = \"0s\"", "must be from 1s to 3650d"),
        ("browser_idle = \"8d\"", "must not be longer than browser_life, which is 7d"),
        ("browser_life = \"4000d\"", "must be from 1s to 3650d"),
        ("key_longest_life = \"0s\"", "must be from 1s to 3650d"),
        ("sign_in_free_failures = 0", "must be from 1 to 1000"),
        ("sign_in_longest_wait = \"2d\"", "must be from 1s to 1d"),
        ("graphql_depth = 14", "must be from 15 to 100"),
        ("graphql_complexity = 0", "must be from 1 to 100000"),
        ("master_key = \"a\"\nmaster_key_file = \"b\"", "must not be set together with master_key_file"),
        ("admin_password = \"a\"\nadmin_password_file = \"b\"", "must not be set together with admin_password_file"),
    ] {
        let key = line.split(' ').next().unwrap();
        let error = refused(line);
        assert!(error.starts_with(&format!("`{key}` (FILE:1) {rule}")), "{line}: {error}");
        assert!(error.contains("; correct line 1 of FILE"), "{line}: {error}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    let config = Config::load(NONE, vars(&[("ATELIER_ADMIN_PASSWORD", "hunter2")]), None).unwrap();
    assert_eq!(config.admin_password.as_ref().unwrap().expose(), "hunter2");
    assert!(config.entries().contains(&("admin_password", "\"***\"".to_owned(), "ATELIER_ADMIN_PASSWORD".to_owned())));
    let printed = format!("{config:?} {:?} {}", config.entries(), toml::to_string(&config).unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");

    let config = Config::load(NONE, vars(&[("ATELIER_MASTER_KEY", "hunter2")]), None).unwrap();
    assert_eq!(config.master_key.as_ref().unwrap().expose(), "hunter2");
    let printed = format!("{config:?} {:?} {}", config.entries(), toml::to_string(&config).unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");

    for text in [
        "master_key = 48151623",
        "master_key = [\"48151623\"]",
        "admin_password = 48151623",
        "admin_password = [\"48151623\"]",
        "admin_password = \"48151623\"\nadmin_password_file = \"x\"",
        "admin_password = \"48151623",
        "admin_password = 48151623x",
        "admin_pasword = \"48151623\"",
        "admin_password = { file = \"48151623\" }",
    ] {
        let error = Config::load(NONE, vars(&[]), Some(file(text).path())).unwrap_err();
        assert!(!error.to_string().contains("48151623"), "{error}");
        assert!(!format!("{error:?}").contains("48151623"), "{error:?}");
    }
}

#[test]
fn backups_have_a_table_of_their_own() {
    let text = "workers = 2\n[backup]\nschedule = \"03:00\"\ndirectory = \"/b\"\nkeep = \"3d\"\n";
    let written = file(text);
    let config = Config::load(NONE, vars(&[("ATELIER_BACKUP_KEEP", "5w")]), Some(written.path())).unwrap();
    assert_eq!((config.workers, config.backup_schedule), (2, Some(Schedule::Daily(180))));
    assert_eq!((config.backup_directory.unwrap().to_str(), config.backup_keep.weeks), (Some("/b"), 5));
    assert!(config.origins.of("backup_schedule").to_string().ends_with(":3"));
    for (text, words) in [
        ("[backup]\nschedul = \"03:00\"", "backup_schedul"),
        ("[backup]\nschedule = \"3 am\"", "`backup_schedule` (FILE:2) must be a time of day in UTC such as 03:00"),
        ("[backup]\nschedule = \"10s\"", "must be from 1m to 366d"),
        ("[backup]\nkeep = \"7\"", "must be numbers of days, weeks and months such as 7d 4w 12m"),
        ("backup_keep = \"1d\"\n[backup]\nkeep = \"2d\"", "(FILE:3) must not be set twice; line 1 sets it, too"),
        ("backup = 3", "backup"),
        ("[files]\nurl = \"s3://x\"", "files"),
    ] {
        assert!(refused(text).contains(words), "{text}: {}", refused(text));
    }
}
