//! Opens the sockets that the server listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// The maximum number of connections that wait to be accepted. The system may have a lower limit
/// (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// The bytes of a response that the system keeps for a connection; it may keep twice as many. Without a limit, it keeps
/// megabytes for each client that does not read, and a client that reads slowly seems to accept nothing for minutes,
/// because the system asks for more only when a third of them has been read.
const SEND_BUFFER: usize = 256 << 10;

/// Opens a socket to listen on.
///
/// Its connections send without delay (`TCP_NODELAY`). Otherwise, the end of a long response would wait for the
/// client's acknowledgment of the start, which clients delay by 40 ms. Their send buffers are small. The backlog is
/// large, because a client retries a connection that finds no place only after a whole second.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    prepare(&listener)?;
    Ok(listener)
}

/// Sets the options of a socket of TCP that is open already.
pub fn prepare(listener: &TcpListener) -> io::Result<()> {
    sockopt::set_tcp_nodelay(listener, true)?;
    sockopt::set_socket_send_buffer_size(listener, SEND_BUFFER)?;
    Ok(rustix::net::listen(listener, BACKLOG)?)
}

/// Opens a Unix socket to listen on. Nobody can connect before `permit` has returned.
pub fn listen_unix(path: &Path, permit: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    permit(path)?;
    let listener = UnixListener::from(socket);
    prepare_unix(&listener)?;
    Ok(listener)
}

/// Sets the options of a Unix socket, and lets clients connect.
pub fn prepare_unix(listener: &UnixListener) -> io::Result<()> {
    sockopt::set_socket_send_buffer_size(listener, SEND_BUFFER)?;
    Ok(rustix::net::listen(listener, BACKLOG)?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_connections_can_wait_to_be_accepted() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
        let limit = limit.and_then(|limit| limit.trim().parse().ok()).unwrap_or(128);
        let open = |_| TcpStream::connect_timeout(&address, Duration::from_millis(900));
        let waiting: Vec<_> = (0..limit.min(400)).map(open).collect();
        let refused = waiting.iter().filter(|stream| stream.is_err()).count();
        assert_eq!(refused, 0, "of {}", waiting.len());
    }
}
