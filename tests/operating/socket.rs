//! The control socket: whose it is, what comes over it, and how it goes.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;

use autoflow_tests::address;
use autoflow_tests::host::host_sim;
use serde_json::{Value, json};

use crate::host::{Host, configuration};

fn ask(stream: &mut UnixStream, line: &str) -> Value {
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(&*stream).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn the_socket_is_its_owners_alone_and_gone_with_the_host() {
    let host = Host::start();
    let file = std::fs::symlink_metadata(&host.socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.mode() & 0o777, 0o600);
    host.running.interrupt();
    let socket = host.socket.clone();
    assert_eq!(host.running.end().code, 0);
    assert!(!socket.exists());
}

#[test]
fn a_second_host_on_the_same_socket_is_refused_before_it_begins_anything() {
    let host = Host::start();
    let other = host.file("other.toml");
    std::fs::write(&other, configuration(address::own())).unwrap();
    let (file, socket) = (other.display(), host.socket.display());
    let answer = host_sim(&format!("run --config {file} --socket {socket}"));
    assert_eq!(
        answer.stderr,
        format!(
            "host-sim: another host-sim runs at {socket}; end it, or name another socket with \
             --socket\n"
        )
    );
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""));
    assert_eq!(host.object("lines")["lines"][0]["state"], "alive");
}

#[test]
fn a_socket_that_a_killed_host_left_is_replaced() {
    let host = Host::start();
    let id = i32::try_from(host.running.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGKILL).unwrap();
    // Its end is waited for by starting again: SIGINT to a dead process is no error yet.
    let (config, socket) = (host.config.display(), host.socket.display());
    let words = format!("run --json --config {config} --socket {socket} --seconds 1");
    drop(host.running);
    assert!(host.socket.exists());
    let answer = host_sim(&words);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    assert!(!host.socket.exists());
}

#[test]
fn garbage_is_refused_and_the_host_goes_on() {
    let host = Host::start();
    let mut stream = UnixStream::connect(&host.socket).unwrap();
    for garbage in ["", "garbage", "[]", "{\"do\":\"dance\"}", "\u{0}\u{7}"] {
        let answer = ask(&mut stream, garbage);
        assert!(
            answer["error"]["message"].is_string(),
            "{garbage:?}: {answer}"
        );
    }
    // On the same connection, a good request is answered.
    let answer = ask(&mut stream, "{\"do\":\"lines\"}");
    assert_eq!(answer["lines"][0]["name"], "fibre");
    let mut rude = UnixStream::connect(&host.socket).unwrap();
    rude.write_all(&[0xff; 4096]).unwrap();
    drop(rude);
    assert_eq!(host.object("lines")["lines"][0]["state"], "alive");
}

#[test]
fn a_script_asks_line_by_line_what_commands_ask() {
    let host = Host::start();
    let mut stream = UnixStream::connect(&host.socket).unwrap();
    let asked = ask(
        &mut stream,
        &json!({"do": "why", "class": "voice"}).to_string(),
    );
    assert_eq!(asked["why"][0]["class"], "voice");
    assert_eq!(host.object("why voice")["why"][0]["class"], "voice");
}

#[test]
fn a_client_that_stays_does_not_keep_the_host_from_ending() {
    let host = Host::start();
    let mut stays = UnixStream::connect(&host.socket).unwrap();
    ask(&mut stays, "{\"do\":\"lines\"}");
    let mut half = UnixStream::connect(&host.socket).unwrap();
    half.write_all(b"{\"do\":").unwrap();
    host.running.interrupt();
    assert_eq!(host.running.end().code, 0);
    let mut rest = String::new();
    stays.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
