//! Scripts of line impairments: what is valid can be played, in order of time, and is written as
//! it was read.

#![no_main]

use host_sim::link::Script;
use libfuzzer_sys::fuzz_target;

/// Lines that the scripts may be about.
const LINES: [&str; 2] = ["A", "B"];

/// Events looked at of one script.
const ENOUGH: usize = 10_000;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let Ok(script) = toml::from_str::<Script>(text) else {
        return;
    };
    if script.validate(&LINES).is_err() {
        return;
    }
    let written = toml::to_string(&script).expect("a script can be written");
    assert_eq!(toml::from_str::<Script>(&written).as_ref(), Ok(&script));

    let mut player = script.play();
    let mut before = 0;
    for _ in 0..ENOUGH {
        let Some(at) = player.next_at() else {
            break;
        };
        assert!(before <= at, "an event comes too late");
        assert!(
            at == 0 || player.due(at - 1).is_none(),
            "an event comes too early"
        );
        let moment = player.due(at).expect("it is due");
        assert!(LINES.contains(&moment.event.line.as_str()));
        before = at;
    }
});
