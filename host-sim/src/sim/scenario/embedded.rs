//! The scenarios that the program has with it, one file each in `sim/scenarios/`.

use super::Scenario;
use crate::document::Source;

/// Names and texts, in the order of names.
const TEXTS: &[(&str, &str)] = &[
    (
        "s01-hard-fail",
        include_str!("../scenarios/s01-hard-fail.toml"),
    ),
    (
        "s02-brown-out-10",
        include_str!("../scenarios/s02-brown-out-10.toml"),
    ),
    (
        "s02-brown-out-2",
        include_str!("../scenarios/s02-brown-out-2.toml"),
    ),
    (
        "s02-brown-out-5",
        include_str!("../scenarios/s02-brown-out-5.toml"),
    ),
    (
        "s03-forward-loss",
        include_str!("../scenarios/s03-forward-loss.toml"),
    ),
    (
        "s04-backward-loss",
        include_str!("../scenarios/s04-backward-loss.toml"),
    ),
    ("s05-bursty", include_str!("../scenarios/s05-bursty.toml")),
    (
        "s06-jitter-bursts",
        include_str!("../scenarios/s06-jitter-bursts.toml"),
    ),
    (
        "s07-latency-step",
        include_str!("../scenarios/s07-latency-step.toml"),
    ),
    ("s08-drift", include_str!("../scenarios/s08-drift.toml")),
    (
        "s09-oscillator",
        include_str!("../scenarios/s09-oscillator.toml"),
    ),
    (
        "s10-equal-lines",
        include_str!("../scenarios/s10-equal-lines.toml"),
    ),
    (
        "s11-correlated",
        include_str!("../scenarios/s11-correlated.toml"),
    ),
    (
        "s12-self-congestion",
        include_str!("../scenarios/s12-self-congestion.toml"),
    ),
    ("s13-leo", include_str!("../scenarios/s13-leo.toml")),
    (
        "s14-lte-wake",
        include_str!("../scenarios/s14-lte-wake.toml"),
    ),
    ("s15-clock", include_str!("../scenarios/s15-clock.toml")),
    (
        "s16-reflector-restart",
        include_str!("../scenarios/s16-reflector-restart.toml"),
    ),
    (
        "s17-start-up",
        include_str!("../scenarios/s17-start-up.toml"),
    ),
    (
        "s18-healthy-week",
        include_str!("../scenarios/s18-healthy-week.toml"),
    ),
    (
        "s19-local-pause",
        include_str!("../scenarios/s19-local-pause.toml"),
    ),
    ("s20-replay", include_str!("../scenarios/s20-replay.toml")),
    (
        "s21-hub-dead-far-end",
        include_str!("../scenarios/s21-hub-dead-far-end.toml"),
    ),
    (
        "s22-shared-brown-out",
        include_str!("../scenarios/s22-shared-brown-out.toml"),
    ),
    (
        "s23-best-effort-queue",
        include_str!("../scenarios/s23-best-effort-queue.toml"),
    ),
    (
        "s24-satellite",
        include_str!("../scenarios/s24-satellite.toml"),
    ),
    (
        "s25-mtu-black-hole",
        include_str!("../scenarios/s25-mtu-black-hole.toml"),
    ),
];

/// The names of the scenarios that the program has with it.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// The scenario of this name, if the program has it with it.
#[must_use]
pub fn embedded(name: &str) -> Option<Scenario> {
    let (name, text) = TEXTS.iter().find(|(known, _)| *known == name)?;
    Scenario::read(Source::new(name, text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Paint;

    #[test]
    fn each_is_sound_and_says_what_is_true() {
        for (name, text) in TEXTS {
            match Scenario::read(Source::new(name, text)) {
                Ok(scenario) => {
                    assert_eq!(scenario.name, *name);
                    assert!(
                        !scenario.truth.is_empty(),
                        "{name} says nothing of what is right"
                    );
                }
                Err((source, mistakes)) => panic!("{}", source.show(&mistakes, Paint::PLAIN)),
            }
        }
    }

    #[test]
    fn an_unknown_one_is_not_there() {
        assert!(embedded("s01-hard-fail").is_some());
        assert!(embedded("s01").is_none());
    }
}
