//! Where the server listens, as it is configured.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::text_form::TextForm;

/// A socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    pub fn unix(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path.clone()),
        }
    }
}

impl TextForm for SocketAddr {
    const RULE: &'static str = "an IP address and a port such as 127.0.0.1:8787 or [::1]:8787";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl TextForm for Listen {
    const RULE: &'static str = "an IP address and a port such as 127.0.0.1:8787 or [::1]:8787, or unix: and the path of a \
                                socket such as unix:/run/atelier/http.sock";

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) => (!path.is_empty()).then(|| Self::Unix(path.into())),
            None => text.parse().ok().map(Self::Tcp),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

/// The permissions of a file, without its special bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl TextForm for Mode {
    const RULE: &'static str = "an octal mode from 0000 to 0777 such as 0660";

    fn parse(text: &str) -> Option<Self> {
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o777).map(Self)
    }

    fn to_text(&self) -> String {
        format!("{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_an_address_or_a_path() {
        for text in ["127.0.0.1:8787", "[::1]:0", "unix:/run/a b.sock", "unix:a"] {
            assert_eq!(Listen::parse(text).unwrap().to_text(), text);
        }
        for bad in ["", "unix:", "localhost:1", "/run/a.sock", "127.0.0.1"] {
            assert_eq!(Listen::parse(bad), None, "{bad}");
        }
        for (text, mode) in [("0660", 0o660), ("600", 0o600), ("0777", 0o777)] {
            assert_eq!(Mode::parse(text), Some(Mode(mode)));
        }
        assert_eq!(Mode(0o60).to_text(), "0060");
        for bad in ["", "8", "66", "0o660", "1777", "00660", "0968", "rw"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }
}
