//! `atelier health`: the health check of containers.

use std::net::TcpListener;

use crate::Place;
use crate::support::{Server, Setup};

fn health(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let output = server.cli(&[&["health"], args].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_running_server_is_healthy_wherever_it_listens() {
    for listen in [None, Some("0.0.0.0:0"), Some("[::]:0"), Some("[::1]:0")] {
        let server = match listen {
            None => Server::start(),
            Some(address) => Setup::new().args(&["--listen", address]).start(),
        };
        assert_eq!(health(&server, &[]), (Some(0), "ready\n".to_owned(), String::new()), "{listen:?}");
        assert_eq!(health(&server, &["--live"]), (Some(0), "ok\n".to_owned(), String::new()), "{listen:?}");
    }
}

#[test]
fn a_server_with_tls_or_on_a_unix_socket_only_is_healthy() {
    let place = Place::new();
    let socket = format!("unix:{}/http.sock", place.path().display());
    for args in [&["--tls-self-signed"][..], &["--listen", &socket]] {
        let server = Setup::new().args(args).start();
        assert_eq!(health(&server, &[]), (Some(0), "ready\n".to_owned(), String::new()), "{args:?}");
        assert_eq!(health(&server, &["--live"]), (Some(0), "ok\n".to_owned(), String::new()), "{args:?}");
        let status = server.cli(&["status"]);
        assert!(status.status.success() && status.stdout.starts_with(b"health       ready"), "{status:?}");
    }
}

#[test]
fn nobody_on_a_unix_socket_is_told() {
    let place = Place::new();
    let path = place.path().join("http.sock");
    let listen = format!("unix:{}", path.display());
    let run = place.run_with("health", &[("ATELIER_LISTEN", &listen)]);
    assert!(run.code == 1 && run.err.starts_with(&format!("error: no server answers at {listen}: ")), "{}", run.err);
    // One that accepts nothing holds the command up for a limited time.
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let run = place.run_with("health", &[("ATELIER_LISTEN", &listen)]);
    assert!(run.code == 1 && run.err.contains("timed out"), "{}", run.err);
}

#[test]
fn a_server_that_lost_its_file_is_alive_but_not_ready() {
    let server = Server::start();
    std::fs::remove_file(server.data_dir().join("atelier.db")).unwrap();
    let (code, out, err) = health(&server, &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains(" is not ready: ") && err.contains(" was removed while atelier was using it; "), "{err}");
    assert_eq!(health(&server, &["--live"]).0, Some(0));
}

#[test]
fn the_address_is_that_of_the_configuration_where_no_server_has_published_one() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n<html>").unwrap();
    });
    let place = Place::new();
    let run = place.run_with("health", &[("ATELIER_LISTEN", &address)]);
    let words = format!("the program at http://{address} answers /readyz with 200 and is not atelier; check `listen`");
    run.refused(1, &words);
    answering.join().unwrap();

    let run = place.run_with("health", &[("ATELIER_LISTEN", "127.0.0.1:1")]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.starts_with("error: no server answers at http://127.0.0.1:1: "), "{}", run.err);
    let run = place.run_with("health", &[("ATELIER_LISTEN", "nonsense")]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
}
