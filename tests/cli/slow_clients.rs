//! Clients that hold on to connections and responses.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Server, Workplace};

/// Resident memory in kilobytes.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).unwrap()
}

/// SEC-3, SEC-8: a client that never reads responses costs no more than the buffers of a
/// connection.
#[test]
fn unread_responses_do_not_pile_up() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    server.token(&client);
    let before = memory(&server);
    let questions = "GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    let connections: Vec<TcpStream> = (0..10).map(|_| connect(&server)).collect();
    let began = Instant::now();
    for connection in &connections {
        connection.set_nonblocking(true).unwrap();
    }
    let mut sent = 0;
    while began.elapsed() < Duration::from_secs(3) {
        for mut connection in &connections {
            match connection.write(questions.as_bytes()) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // A cut connection is acceptable too.
                Err(_) => {}
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 40_000, "{grown} kB after {sent} bytes of questions");
    assert_eq!(server.ask_for_token(&client).status, 200);
}

/// SEC-8: silent or incomplete connections block no other client.
#[test]
fn a_thousand_slow_connections_delay_no_client() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    let slow: Vec<TcpStream> = (0..1000)
        .map(|number| {
            let mut connection = connect(&server);
            if number % 2 == 0 {
                connection.write_all(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            }
            connection
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(server.ask_for_token(&client).status, 200);
    }
    // Each is cut once its head is overdue, five seconds after the first byte.
    let mut cut = slow.into_iter().next().unwrap();
    cut.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    cut.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{}", rest.escape_ascii());
}
