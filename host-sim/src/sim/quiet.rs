//! The same lines when nothing happens to them: how often is a line left then?

use super::scenario::Scenario;

/// One such run takes so long, in seconds.
const RUN_S: f64 = 6.0 * 3_600.0;
/// All of them take this share of the time of those in which something happens…
const SHARE: f64 = 0.5;
/// … and a week at most.
const MOST_RUNS: f64 = 28.0;

/// A scenario without its events; `None`: it has none.
pub(super) fn quiet(scenario: &Scenario) -> Option<Scenario> {
    if scenario.events.is_empty() {
        return None;
    }
    Some(Scenario {
        seconds: RUN_S,
        most_seeds: None,
        events: Vec::new(),
        ends: Vec::new(),
        truth: Vec::new(),
        ..scenario.clone()
    })
}

/// How many such runs there are beside runs of a scenario.
pub(super) fn runs(scenario: &Scenario, seeds: u32) -> u32 {
    let all_s = SHARE * scenario.seconds * f64::from(seeds);
    (all_s / RUN_S).round().clamp(1.0, MOST_RUNS) as u32
}

/// Are two scenarios the same when nothing happens? What they are called is nothing to the lines.
pub(super) fn is_same(one: &Scenario, other: &Scenario) -> bool {
    let of = |scenario: &Scenario| {
        let Scenario {
            groups,
            lines,
            classes,
            ..
        } = scenario.clone();
        (groups, lines, classes)
    };
    of(one) == of(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::embedded;

    #[test]
    fn scenarios_with_the_same_lines_share_their_quiet() {
        let [fail, brown_out, leo] = ["s01-hard-fail", "s02-brown-out-5", "s13-leo"]
            .map(|name| quiet(&embedded(name).unwrap()).unwrap());
        assert!(is_same(&fail, &brown_out));
        assert!(!is_same(&fail, &leo));
        assert!(quiet(&embedded("s18-healthy-week").unwrap()).is_none());
    }

    #[test]
    fn quiet_takes_longer_the_more_there_is_of_the_rest() {
        let fail = embedded("s01-hard-fail").unwrap();
        assert_eq!(runs(&fail, 1), 1);
        assert_eq!(runs(&fail, 200), 7);
        assert_eq!(runs(&fail, 100_000), 28);
    }
}
