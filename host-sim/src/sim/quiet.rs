//! The same lines when nothing happens to them: how often is a line left then?

use super::scenario::Scenario;

/// One such run takes at most so long, in seconds.
const RUN_S: f64 = 6.0 * 3_600.0;
/// All of them take this share of the time of those in which something happens…
const SHARE: f64 = 0.5;
/// … at least an hour, all groups together, and at most a week.
const ALL_S: [f64; 2] = [3_600.0, 604_800.0];

/// A scenario without its events, and how many runs of it there are beside so many of itself;
/// `None`: it has none.
pub(super) fn quiet(scenario: &Scenario, seeds: u32) -> Option<(Scenario, u32)> {
    if scenario.events.is_empty() {
        return None;
    }
    let [least, most] = ALL_S;
    let seeds = seeds.min(scenario.most_seeds.unwrap_or(u32::MAX));
    let all_s = SHARE * scenario.seconds * f64::from(seeds);
    let all_s = all_s.clamp(least / scenario.groups as f64, most);
    let runs = (all_s / RUN_S).ceil();
    let quiet = Scenario {
        seconds: (all_s / runs).round(),
        most_seeds: None,
        events: Vec::new(),
        ends: Vec::new(),
        truth: Vec::new(),
        ..scenario.clone()
    };
    Some((quiet, runs as u32))
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
            .map(|name| quiet(&embedded(name).unwrap(), 20).unwrap().0);
        assert!(is_same(&fail, &brown_out));
        assert!(!is_same(&fail, &leo));
        assert!(quiet(&embedded("s18-healthy-week").unwrap(), 20).is_none());
    }

    #[test]
    fn quiet_takes_longer_the_more_there_is_of_the_rest() {
        let fail = embedded("s01-hard-fail").unwrap();
        let runs = |seeds| {
            let (quiet, runs) = quiet(&fail, seeds).unwrap();
            (quiet.seconds, runs)
        };
        assert_eq!(runs(1), (3_600.0, 1));
        assert_eq!(runs(20), (15_000.0, 1));
        assert_eq!(runs(200), (21_429.0, 7));
        assert_eq!(runs(100_000), (21_600.0, 28));
    }
}
