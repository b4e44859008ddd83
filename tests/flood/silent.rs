//! A thousand connections that say nothing.

use autoflow_tests::caller::Caller;

use crate::bystander::Bystander;
use crate::responder::{Responder, flooder};

#[test]
fn silent_connections_keep_nobody_out() {
    let responder = Responder::start("");
    let bystander = Bystander::of(&responder);
    let before = responder.memory();
    // Half of one address, half of many.
    let silent: Vec<_> = (0..1_000)
        .map(|number: u16| match number % 2 {
            0 => Caller::connect(flooder(1), responder.control()).unwrap(),
            _ => {
                let host = (number / 2 % 200) as u8 + 2;
                Caller::connect(flooder(host), responder.control()).unwrap()
            }
        })
        .collect();
    responder.serves();
    // Generous: a connection takes some kilobytes.
    let each = responder.memory().saturating_sub(before) / silent.len() as u64;
    assert!(each < 64 << 10, "{each} octets each");
    // In the end they are dropped, and nobody has noticed.
    for mut caller in silent {
        caller.closed().unwrap();
    }
    responder.serves();
    bystander.has_lost_nothing();
}
