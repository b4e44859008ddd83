//! Scenarios of the simulator: one that is sound is written as it was read, mistakes in others have
//! a place and can be shown.

#![no_main]

use host_sim::document::Source;
use host_sim::sim::scenario::Scenario;
use host_sim::text::Paint;
use libfuzzer_sys::fuzz_target;

/// What is true is looked for at each change: only so much of it in the time that there is.
const MOST_SECONDS: f64 = 1_000.0;
const MOST_LINES: usize = 20;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    if let Ok(asked) = toml::from_str::<Scenario>(text) {
        let lines = asked.groups.saturating_mul(asked.lines.len());
        if asked.seconds > MOST_SECONDS || lines > MOST_LINES {
            return;
        }
    }
    match Scenario::read(Source::new("file", text)) {
        Ok(scenario) => {
            let written = toml::to_string(&scenario).expect("a scenario can be written");
            let Ok(again) = Scenario::read(Source::new("again", &written)) else {
                panic!("what is written is refused:\n{written}");
            };
            assert_eq!(again, scenario);
        }
        Err((source, mistakes)) => {
            assert!(!mistakes.is_empty());
            let _ = source.show(&mistakes, Paint::PLAIN);
        }
    }
});
