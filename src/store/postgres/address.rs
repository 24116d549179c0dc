//! The address of a database, as `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::domain::secret::Secret;

/// How long opening a connection to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const PORT: u16 = 5432;

/// Where a database is, and who signs in to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    pub(super) connect_timeout: Duration,
}

/// A server that may be the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Tcp(String, u16),
    /// The directory of a socket.
    Unix(PathBuf, u16),
}

impl Host {
    fn is_local(&self) -> bool {
        match self {
            Self::Unix(..) => true,
            Self::Tcp(name, _) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name, port) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(directory, port) => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

/// Whether connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    /// With a certificate for the name of the host, of a root in this file, or of one that the system knows.
    Verified(Option<PathBuf>),
}

/// The address without its password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "the database {} at {}", self.database, hosts.join(", "))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The rule that a text breaks; it does not quote the text, which may contain a password.
type Rule = String;

impl Address {
    /// Parses an address. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or("must begin with postgres://")?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        let (mut user, mut database) = (decoded(user)?, decoded(database)?);
        let mut password = password.map(decoded).transpose()?;
        let (mut mode, mut root, mut connect_timeout) = (None, None, CONNECT_TIMEOUT);
        let mut places: Vec<&str> = hosts.split(',').filter(|host| !host.is_empty()).collect();
        let mut port = PORT;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or("must have options as name=value")?;
            match name {
                "host" => places = value.split(',').collect(),
                "port" => port = value.parse().map_err(|_| "must have a port from 1 to 65535")?,
                "user" => user = decoded(value)?,
                "password" => password = Some(decoded(value)?),
                "dbname" => database = decoded(value)?,
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = Some(PathBuf::from(decoded(value)?)),
                "connect_timeout" => {
                    let seconds = value.parse().map_err(|_| "must have connect_timeout as whole seconds")?;
                    connect_timeout = Duration::from_secs(seconds);
                }
                "target_session_attrs" if value == "read-write" || value == "primary" => {}
                _ => {
                    return Err("may have the options host, port, user, password, dbname, sslmode, sslrootcert and \
                                connect_timeout only"
                        .to_owned());
                }
            }
        }
        let hosts = places.into_iter().map(|place| host(place, port)).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err("must name a host, or the directory of a socket as ?host=/run/postgresql".to_owned());
        }
        if user.is_empty() {
            return Err("must name a user".to_owned());
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        let encryption = match mode {
            None if root.is_none() && hosts.iter().all(Host::is_local) => Encryption::None,
            Some("disable") => Encryption::None,
            None | Some("verify-full") => Encryption::Verified(root),
            Some(_) => return Err("must have sslmode=verify-full or sslmode=disable".to_owned()),
        };
        let password = password.map(Secret::new);
        Ok(Self { hosts, user, password, database, encryption, connect_timeout })
    }

    /// Sets the password, if the address has none.
    #[must_use]
    pub fn with_password(mut self, password: Option<Secret>) -> Self {
        self.password = self.password.or(password);
        self
    }

    /// The password of the first fitting line of a file like `~/.pgpass`
    /// (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).
    #[must_use]
    pub fn password_in(&self, file: &Path) -> Option<Secret> {
        let text = std::fs::read_to_string(file).ok()?;
        let fits = |field: &str, value: &str| field == "*" || field == value;
        text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let [host, port, database, user, password] = <[String; 5]>::try_from(fields(line)).ok()?;
            let is_place = |place: &Host| match place {
                Host::Tcp(name, number) => fits(&host, name) && fits(&port, &number.to_string()),
                Host::Unix(directory, number) => {
                    (fits(&host, "localhost") || Path::new(&host) == directory) && fits(&port, &number.to_string())
                }
            };
            let is_it = self.hosts.iter().any(is_place) && fits(&database, &self.database) && fits(&user, &self.user);
            is_it.then(|| Secret::new(password))
        })
    }

    /// Whether passwords and data cross the network in the open.
    pub fn is_exposed(&self) -> bool {
        self.encryption == Encryption::None && !self.hosts.iter().all(Host::is_local)
    }
}

/// The fields of a line of a password file: `\` escapes the next character.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut chars) = (Vec::new(), String::new(), line.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => field.extend(chars.next()),
            ':' if all.len() < 4 => all.push(std::mem::take(&mut field)),
            char => field.push(char),
        }
    }
    all.push(field);
    all
}

fn decoded(text: &str) -> Result<String, Rule> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| "must be UTF-8")?;
    if text.contains('\0') { Err("must not contain control characters".to_owned()) } else { Ok(text.into_owned()) }
}

fn host(text: &str, port: u16) -> Result<Host, Rule> {
    let wrong = || "must have a port from 1 to 65535".to_owned();
    let number = |text: &str| text.parse().ok().filter(|port| *port > 0).ok_or_else(wrong);
    if let Some(rest) = text.strip_prefix('[') {
        let (name, rest) = rest.split_once(']').ok_or("must close the [ of an IPv6 address")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok(Host::Tcp(name.to_owned(), number(port)?)),
            None => Ok(Host::Tcp(name.to_owned(), port)),
        };
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, number(port)?),
        None => (text, port),
    };
    let name = decoded(name)?;
    if name.starts_with('/') { Ok(Host::Unix(name.into(), port)) } else { Ok(Host::Tcp(name, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_parsed() {
        let address = Address::parse("postgres://me%40here:s%3Acret@one.example,two.example:5433/team").unwrap();
        assert_eq!(address.to_string(), "the database team at one.example:5432, two.example:5433");
        assert_eq!(address.user, "me@here");
        assert_eq!(address.password.as_ref().map(Secret::expose), Some("s:cret"));
        assert_eq!(address.encryption, Encryption::Verified(None));
        assert!(!format!("{address:?} {address}").contains("cret"));
        let address = Address::parse("postgresql://me@[::1]:7/?sslmode=verify-full&sslrootcert=/etc/root.pem").unwrap();
        assert_eq!((address.hosts, address.database), (vec![Host::Tcp("::1".to_owned(), 7)], "me".to_owned()));
        assert_eq!(address.encryption, Encryption::Verified(Some("/etc/root.pem".into())));
        let address = Address::parse("postgres://me@/team?host=/run/postgresql&port=5433").unwrap();
        assert_eq!(address.hosts, [Host::Unix("/run/postgresql".into(), 5433)]);
        assert_eq!(address.encryption, Encryption::None);
        assert!(Address::parse("postgres://me@db/x?sslmode=disable").unwrap().is_exposed());
        assert!(!Address::parse("postgres://me@127.0.0.1/x").unwrap().is_exposed());
    }

    #[test]
    fn an_address_with_a_fault_is_refused() {
        for text in [
            "mysql://me@host/x",
            "postgres://",
            "postgres:///x",
            "postgres://host/x",
            "postgres://me@host:0/x",
            "postgres://me@host:port/x",
            "postgres://me@[::1/x",
            "postgres://me@host/x?sslmode=require",
            "postgres://me@host/x?sslmode",
            "postgres://me@host/x?options=-c",
            "postgres://me%00@host/x",
            "postgres://me@host/%ff",
        ] {
            let rule = Address::parse(text).unwrap_err();
            assert!(rule.starts_with("must") || rule.starts_with("may"), "{text}: {rule}");
        }
    }

    #[test]
    fn a_password_file_is_searched() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pgpass");
        std::fs::write(&file, "# a comment\nother:*:*:*:no\n*:5432:team:me:a\\:b:c\\\\\n*:*:*:*:last\n").unwrap();
        let find = |text: &str| Address::parse(text).unwrap().password_in(&file).map(|found| found.expose().to_owned());
        assert_eq!(find("postgres://me@host/team").as_deref(), Some("a:b:c\\"));
        assert_eq!(find("postgres://you@host/team").as_deref(), Some("last"));
        assert_eq!(Address::parse("postgres://me@host/team").unwrap().password_in(place.path()).map(drop), None);
    }
}
