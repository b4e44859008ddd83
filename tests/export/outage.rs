//! A collector is killed and started again while results go on.
//!
//! `OUTAGE=long` makes it 1,000 results a second, and 30 s without a collector.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoflow_tests::address;
use plugin_abi::manage::CollectorState;
use serde_json::{Value, json};

use crate::engine::{Exporting, collector};
use crate::sink::Sink;
use crate::values::decoded;

/// Sessions, each told of once a second, and for how long nobody listens.
fn size() -> (usize, Duration) {
    match std::env::var_os("OUTAGE") {
        Some(_) => (1_000, Duration::from_secs(30)),
        None => (100, Duration::from_secs(3)),
    }
}

/// So many records, all of whose templates are known, with numbers one after the other.
fn records(stream: &[u8]) -> Option<u64> {
    let all = decoded(stream)?;
    let sessions = all
        .iter()
        .filter(|record| record["twampSessionId"].is_string());
    Some(sessions.count() as u64)
}

/// The number that the record after the last one of a stream would have, if all of its messages are
/// there from the first on; what began before, began with `first`.
fn numbered(stream: &[u8]) -> (u32, u32) {
    let (mut rest, mut first, mut last) = (stream, None, 0);
    while rest.len() >= 16 {
        let word = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        last = word(8);
        first.get_or_insert(last);
        rest = rest.get(length..).unwrap_or_default();
    }
    (first.unwrap_or(0), last)
}

/// What became of all results, over a transport.
fn outage(transport: &str, sink: fn(SocketAddr) -> Sink) {
    let (count, away) = size();
    let at = SocketAddr::new(address::own().into(), 4_739);
    let from = address::own();
    let sessions = |to| {
        let session = |number: usize| {
            json!({
                "name": format!("s{number}"),
                "remote": format!("{to}:8622"),
                "local": from,
                "local_port": 20_000 + number,
                "probe": {"protocol": "stamp", "interval_ms": 1_000},
                "export_s": 1,
            })
        };
        json!({"sessions": (0..count).map(session).collect::<Vec<Value>>()})
    };
    // Each result is two records.
    let two = 4 * count as u64;
    let first = sink(at);
    let collectors = json!([collector("it", &at, transport)]);
    let engine = Exporting::every(3_600, &collectors, sessions);
    engine.until("two results of each", |rows| {
        rows.first().is_some_and(|row| row.sent >= two)
    });

    // Undisturbed, as many probes leave in a span as in another one.
    let rate = |span: Duration| {
        let (before, begin) = (engine.probes_sent(), Instant::now());
        sleep(span);
        (engine.probes_sent() - before) as f64 / begin.elapsed().as_secs_f64()
    };
    let usual = rate(Duration::from_secs(2));
    let first = first.end().concat();
    let while_away = rate(away);
    assert!(while_away > usual / 2.0, "{while_away} probes/s of {usual}");
    let lost = engine.rows().remove(0);
    assert_ne!(lost.state, CollectorState::Sending, "{lost:?}");

    let second = sink(at);
    engine.until("it hears again", |rows| {
        rows[0].state == CollectorState::Sending
    });
    let back = engine.rows().remove(0);
    engine.until("results of each", |rows| rows[0].sent >= back.sent + two);
    // What is produced is sent or dropped, which the end itself asserts.
    let (_, rows) = engine.end();
    let row = &rows[0];
    let second = second.end().concat();
    let Some((first_heard, second_heard)) = records(&first).zip(records(&second)) else {
        return;
    };
    println!(
        "{transport}: {usual:.0} probes/s, {while_away:.0} while away; heard {first_heard} and then \
         {second_heard}; {row:?}"
    );
    let heard = first_heard + second_heard;
    // What the network had taken for the one that was killed, nobody has read.
    assert!(heard <= row.sent, "{heard} heard: {row:?}");
    let unread = row.sent - heard;
    assert!(unread <= two, "{unread} are with nobody: {row:?}");
    assert!(second_heard >= two, "{second_heard}");
    let (begin, _) = numbered(&second);
    match transport {
        "tcp" => assert_eq!(begin, 0, "a new connection counts anew"),
        _ => assert!(row.dropped > 0, "{row:?}"),
    }
}

#[test]
fn over_tcp_a_collector_that_was_killed_hears_all_that_waited_with_its_templates() {
    outage("tcp", Sink::tcp_at);
}

#[test]
fn over_udp_what_a_killed_collector_refuses_is_counted_and_the_next_one_knows_all_templates() {
    outage("udp", Sink::udp_at);
}
