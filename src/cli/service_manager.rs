//! Tells systemd how the server is doing (`sd_notify(3)`, `Type=notify`), if it asks for that with `NOTIFY_SOCKET`.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

const SOCKET: &str = "NOTIFY_SOCKET";

/// The maximum time for a message, which waits while the socket's queue is full.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server accepts requests.
pub(super) fn ready() {
    notify("READY=1\nSTATUS=Accepting requests\n");
}

/// The server was told to stop.
pub(super) fn stopping() {
    notify("STOPPING=1\nSTATUS=Finishing the accepted requests\n");
}

fn notify(state: &str) {
    let Some(socket) = env::var_os(SOCKET).filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        log::warn!("cannot tell the service manager the state of the server ({SOCKET}): {error}");
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_write_timeout(Some(PATIENCE))?;
    sender.send_to_addr(state.as_bytes(), &address(socket)?)?;
    Ok(())
}

/// The address of a path, or of a name in the abstract namespace, which begins with an `@`.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(socket),
        _ => Err(io::Error::other(format!("{} is neither a path nor an abstract name", socket.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_path_or_an_abstract_name() {
        assert_eq!(
            address("/run/systemd/notify".as_ref()).unwrap().as_pathname().unwrap().to_str(),
            Some("/run/systemd/notify")
        );
        assert_eq!(address("@atelier".as_ref()).unwrap().as_abstract_name(), Some(&b"atelier"[..]));
        let too_long = format!("/{}", "x".repeat(200));
        for wrong in ["vsock:2:1", "notify", &too_long] {
            assert!(address(wrong.as_ref()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_message_arrives_at_an_abstract_socket() {
        let name = format!("atelier-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(format!("@{name}").as_ref(), "READY=1\n").unwrap();
        let mut message = [0; 64];
        let length = manager.recv(&mut message).unwrap();
        assert_eq!(&message[..length], b"READY=1\n");
    }

    #[test]
    fn a_socket_without_a_reader_is_an_error() {
        assert!(send("/nonexistent/notify".as_ref(), "READY=1\n").is_err());
    }
}
