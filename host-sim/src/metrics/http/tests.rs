use std::net::Ipv4Addr;

use super::*;

fn server() -> Server {
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    Server::open(at, |form| Ok(format!("{form:?}\n"))).unwrap()
}

/// All that is answered to these octets.
fn asked(server: &Server, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.at()).unwrap();
    // One that is refused may be closed before all is written.
    let _ = stream.write_all(octets);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn metrics_are_told_in_the_form_that_is_asked_for() {
    let server = server();
    let answer = asked(&server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Length: 6\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nPlain\n"), "{answer}");
    let request = b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n";
    assert!(asked(&server, request).ends_with("\r\n\r\nOpenMetrics\n"));
    let head = asked(&server, b"HEAD /metrics HTTP/1.0\r\n\r\n");
    assert!(
        head.contains("Content-Length: 6") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let server = server();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "200"),
        ("GET /x HTTP/1.1\r\n\r\n", "404"),
        ("DELETE /metrics HTTP/1.1\r\n\r\n", "405"),
        ("GET /metrics HTTP/3\r\n\r\n", "505"),
        ("what?\r\n\r\n", "400"),
    ] {
        let answer = asked(&server, request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    let endless = vec![b'a'; LONGEST + 1];
    assert!(asked(&server, &endless).starts_with("HTTP/1.1 431 "));
    assert!(asked(&server, b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

#[test]
fn who_says_nothing_makes_room_for_a_scraper() {
    let server = server();
    let silent: Vec<_> = (0..3 * PLACES)
        .map(|_| TcpStream::connect(server.at()).unwrap())
        .collect();
    let answer = asked(&server, b"GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(silent);
}

#[test]
fn a_failure_is_told_and_a_server_that_ends_waits_for_nobody() {
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let server = Server::open(at, |_| Err("the engine is gone".to_owned())).unwrap();
    let answer = asked(&server, b"GET /metrics HTTP/1.1\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("is gone\n"),
        "{answer}"
    );
    let silent = TcpStream::connect(server.at()).unwrap();
    let begin = Instant::now();
    drop(server);
    assert!(begin.elapsed() < TO_ASK);
    drop(silent);
}
