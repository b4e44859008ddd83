//! Where two policies disagree.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Replayed, Switch};

/// A time in which two policies have a class on different lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// From when, in seconds of the recording.
    pub from_s: f64,
    /// Until when.
    pub to_s: f64,
    /// The group's name.
    pub group: String,
    /// The class's name.
    pub class: String,
    /// The line's name that the class is on by the first.
    pub one: Option<String>,
    /// By the second.
    pub other: Option<String>,
    /// Why it is there by the first, if it says so.
    pub one_why: Option<String>,
    /// By the second.
    pub other_why: Option<String>,
}

/// Each time in which `one` and `other` disagree, in a recording of so many seconds, in order.
#[must_use]
pub fn differences(one: &Replayed, other: &Replayed, seconds: f64) -> Vec<Difference> {
    let seat = |switch: &Switch| (switch.group.clone(), switch.class.clone());
    let switches = || one.switches.iter().chain(&other.switches);
    let mut found = Vec::new();
    for (group, class) in switches().map(seat).collect::<BTreeSet<_>>() {
        let here = |switch: &&Switch| switch.group == group && switch.class == class;
        let mut times: Vec<f64> = switches().filter(here).map(|switch| switch.at_s).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let ends = times.iter().skip(1).copied().chain([seconds]);
        for (&from_s, to_s) in times.iter().zip(ends) {
            let last = |of: &Replayed| {
                let of_seat = of.switches.iter().filter(here);
                of_seat
                    .take_while(|switch| switch.at_s <= from_s)
                    .last()
                    .cloned()
            };
            let [one, other] = [last(one), last(other)];
            let line = |last: &Option<Switch>| last.as_ref().and_then(|last| last.to.clone());
            if line(&one) != line(&other) && to_s > from_s {
                found.push(Difference {
                    from_s,
                    to_s,
                    group: group.clone(),
                    class: class.clone(),
                    one: line(&one),
                    other: line(&other),
                    one_why: one.and_then(|last| last.why),
                    other_why: other.and_then(|last| last.why),
                });
            }
        }
    }
    found.sort_by(|one, other| one.from_s.total_cmp(&other.from_s));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(moves: &[(f64, &str, &str)]) -> Replayed {
        let switch = |&(at_s, class, to): &(f64, &str, &str)| Switch {
            at_s,
            group: "hub".into(),
            class: class.into(),
            from: None,
            to: Some(to.into()),
            why: Some(format!("since {at_s}")),
        };
        Replayed {
            policy: String::new(),
            switches: moves.iter().map(switch).collect(),
            probes: 0,
            probes_in_gaps: 0,
            classes: Vec::new(),
        }
    }

    #[test]
    fn they_are_told_from_one_switch_of_either_to_the_next() {
        let one = replayed(&[
            (1.0, "voice", "A"),
            (5.0, "voice", "B"),
            (9.0, "voice", "A"),
        ]);
        let other = replayed(&[(1.0, "voice", "A"), (7.0, "voice", "B"), (2.0, "bulk", "C")]);
        let found: Vec<_> = differences(&one, &other, 20.0)
            .into_iter()
            .map(|of| (of.from_s, of.to_s, of.class, of.one, of.other))
            .collect();
        let line = |name: &str| Some(name.to_owned());
        assert_eq!(
            found,
            [
                (2.0, 20.0, "bulk".to_owned(), None, line("C")),
                (5.0, 7.0, "voice".to_owned(), line("B"), line("A")),
                (9.0, 20.0, "voice".to_owned(), line("A"), line("B")),
            ]
        );
    }

    #[test]
    fn who_agrees_has_none() {
        let one = replayed(&[(1.0, "voice", "A"), (5.0, "voice", "B")]);
        assert_eq!(differences(&one, &one, 9.0), []);
    }
}
