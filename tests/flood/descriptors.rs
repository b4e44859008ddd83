//! More silent connections than the process may have descriptors.

use std::process::Command;

use autoflow_tests::artifacts;
use autoflow_tests::caller::Caller;

use crate::bystander::Bystander;
use crate::responder::{Responder, flooder};

#[test]
fn without_descriptors_those_that_say_nothing_make_room() {
    let mut few = Command::new("sh");
    few.arg("-c").arg("ulimit -n 128; exec \"$0\" \"$@\"");
    few.arg(&artifacts().host);
    let responder = Responder::by(&mut few, "--log error");
    let bystander = Bystander::of(&responder);
    let silent: Vec<_> = (0..400)
        .map(|_| Caller::connect(flooder(1), responder.control()).unwrap())
        .collect();
    responder.serves();
    drop(silent);
    responder.serves();
    bystander.has_lost_nothing();
}
