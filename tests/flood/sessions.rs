//! A hundred thousand requests for sessions.

use std::io::Write;
use std::thread;

use autoflow_tests::caller::{Caller, request};

use crate::bystander::Bystander;
use crate::responder::{Responder, flooder};
use crate::size::short_or_long;

const CONNECTIONS: u32 = 100;
/// Sessions of one connection, by default.
const GRANTED: u32 = 64;
const TEMPORARY_LIMIT: u8 = 5;

#[test]
fn requests_for_sessions_beyond_the_limit_are_refused_one_by_one() {
    let responder = Responder::start("");
    let bystander = Bystander::of(&responder);
    let before = responder.memory();
    let each = short_or_long(10_000, 100_000) / CONNECTIONS;
    let granted: u32 = thread::scope(|scope| {
        let floods: Vec<_> = (0..4)
            .map(|number| {
                let to = responder.control();
                scope.spawn(move || {
                    let share = 0..CONNECTIONS / 4;
                    share
                        .map(|_| flood(flooder(number + 1), to, each))
                        .sum::<u32>()
                })
            })
            .collect();
        floods.into_iter().map(|flood| flood.join().unwrap()).sum()
    });
    assert_eq!(granted, CONNECTIONS * GRANTED.min(each));
    let grown = responder.memory().saturating_sub(before);
    // Generous: what was refused leaves nothing behind, what was granted some kilobytes.
    assert!(grown < u64::from(granted) * (16 << 10), "{grown} octets");
    responder.serves();
    bystander.has_lost_nothing();
}

/// Asks so often, starts what was granted and leaves; answers how much that was.
fn flood(from: std::net::Ipv4Addr, to: std::net::SocketAddr, requests: u32) -> u32 {
    let mut caller = Caller::connect(from, to).unwrap();
    caller.set_up().unwrap();
    let mut writing = caller.stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        for number in 0..requests {
            let port = 10_000 + (number % 50_000) as u16;
            writing.write_all(&request(port)).unwrap();
        }
    });
    let mut granted = 0;
    for _ in 0..requests {
        match caller.answer().unwrap().accept {
            0 => granted += 1,
            accept => assert_eq!(accept, TEMPORARY_LIMIT),
        }
    }
    writer.join().unwrap();
    assert_eq!(caller.start().unwrap(), 0);
    granted
}
