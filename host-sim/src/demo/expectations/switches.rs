//! Who moved, when, and who didn't.

use super::super::recording::{Recording, Switch};
use super::super::script::Act;
use super::super::setting::{CLASSES, WINDOW_MS};
use super::{Expectation, met, unmet};

/// A class on a dead line has to leave it within so many seconds.
const LEAVE_DEAD_WITHIN_S: f64 = 1.0;
/// Scores look back so many seconds.
const WINDOW_S: f64 = WINDOW_MS as f64 / 1e3;

/// Judges who moved, when, and who didn't.
pub(in super::super) fn of_switches(recording: &Recording) -> Vec<Expectation> {
    let mut expectations = vec![voice_leaves(recording), voice_returns(recording)];
    expectations.extend(leaving_the_dead(recording));
    expectations.push(video_stays(recording));
    expectations.push(nothing_moves_without_cause(recording));
    expectations
}

fn voice_leaves(recording: &Recording) -> Expectation {
    let what = "voice leaves A after it browned out";
    let Some(cause_s) = recording.time_of("A", Act::BrownsOut) else {
        return unmet(what, "A was not browned out");
    };
    if recording.line_of("voice", cause_s) != Some("A") {
        return unmet(what, "voice was not on A when it browned out");
    }
    let left = recording
        .switches
        .iter()
        .find(|s| is_from("voice", "A", s) && s.at_s >= cause_s && flees(recording, s));
    moved(what, cause_s, left)
}

fn voice_returns(recording: &Recording) -> Expectation {
    let what = "voice is back on A after it healed";
    let Some(cause_s) = recording.time_of("A", Act::Heals) else {
        return unmet(what, "A did not heal");
    };
    let returned = recording.switches.iter().find(|switch| {
        switch.class == "voice" && switch.to.as_deref() == Some("A") && switch.at_s >= cause_s
    });
    moved(what, cause_s, returned)
}

fn leaving_the_dead(recording: &Recording) -> Vec<Expectation> {
    let what = "traffic is on B when it dies";
    let Some(cause_s) = recording.time_of("B", Act::Dies) else {
        return vec![unmet(what, "B did not die")];
    };
    let there: Vec<_> = CLASSES
        .iter()
        .map(|class| class.name)
        .filter(|class| recording.line_of(class, cause_s) == Some("B"))
        .collect();
    let mut expectations = vec![Expectation {
        what: what.to_owned(),
        met: !there.is_empty(),
        after_s: None,
        found: if there.is_empty() {
            "no class was".to_owned()
        } else {
            there.join(" and ")
        },
    }];
    for class in there {
        let what = format!("{class} leaves B within {LEAVE_DEAD_WITHIN_S} s of its death");
        let left = recording
            .switches
            .iter()
            .find(|s| is_from(class, "B", s) && s.at_s >= cause_s);
        let mut expectation = moved(&what, cause_s, left);
        expectation.met &= expectation
            .after_s
            .is_some_and(|after_s| after_s <= LEAVE_DEAD_WITHIN_S);
        expectations.push(expectation);
    }
    expectations
}

fn video_stays(recording: &Recording) -> Expectation {
    let what = "video stays on C, which is never touched";
    let placed = recording.line_of("video", 0.0);
    if placed != Some("C") {
        return unmet(
            what,
            &format!("it began on {}", placed.unwrap_or("no line")),
        );
    }
    match recording.switches.iter().find(|s| s.class == "video") {
        Some(switch) => unmet(what, &describe(switch)),
        None => met(what, "no switch"),
    }
}

fn nothing_moves_without_cause(recording: &Recording) -> Expectation {
    let what = "no class moves but away from trouble or back to a line it prefers";
    let unexplained: Vec<_> = recording
        .switches
        .iter()
        .filter(|switch| !flees(recording, switch) && !comes_home(recording, switch))
        .map(describe)
        .collect();
    if unexplained.is_empty() {
        let count = recording.switches.len();
        met(what, &format!("{count} switches, each with its cause"))
    } else {
        unmet(what, &unexplained.join(", "))
    }
}

/// From a line in trouble, or one whose trouble the scores still remember.
fn flees(recording: &Recording, switch: &Switch) -> bool {
    let from = switch.from.as_deref();
    from.is_some_and(|line| recording.in_trouble(line, switch.at_s, WINDOW_S))
}

fn comes_home(recording: &Recording, switch: &Switch) -> bool {
    let rank = |line: &Option<String>| {
        let class = CLASSES.iter().find(|class| class.name == switch.class)?;
        class
            .prefer
            .iter()
            .position(|name| Some(*name) == line.as_deref())
    };
    let to = switch.to.as_deref();
    let in_trouble = to.is_some_and(|line| recording.in_trouble(line, switch.at_s, 0.0));
    match (rank(&switch.from), rank(&switch.to)) {
        (Some(from), Some(to)) => to < from && !in_trouble,
        _ => false,
    }
}

/// Met when the switch was made and the traffic obeyed it.
fn moved(what: &str, cause_s: f64, switch: Option<&Switch>) -> Expectation {
    let Some(switch) = switch else {
        return unmet(what, "no switch");
    };
    let after_s = switch
        .traffic_at_s
        .map(|at_s| ((at_s - cause_s) * 1e6).round() / 1e6);
    Expectation {
        what: what.to_owned(),
        met: after_s.is_some(),
        after_s,
        found: match after_s {
            Some(after_s) => format!("{} after {after_s:.2} s", direction(switch)),
            None => format!("{}, but no packet followed", describe(switch)),
        },
    }
}

fn is_from(class: &str, line: &str, switch: &Switch) -> bool {
    switch.class == class && switch.from.as_deref() == Some(line)
}

fn describe(switch: &Switch) -> String {
    format!(
        "{} {} at {:.2} s",
        switch.class,
        direction(switch),
        switch.at_s
    )
}

fn direction(switch: &Switch) -> String {
    let name = |line: &Option<String>| line.clone().unwrap_or_else(|| "no line".to_owned());
    format!("{} → {}", name(&switch.from), name(&switch.to))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::script::Cue;
    use super::*;

    /// A demo of 30 s as it should go.
    fn as_it_should_be() -> Recording {
        let mut recording = Recording {
            placed: vec![("voice", "A"), ("video", "C"), ("bulk", "B")],
            ..Recording::default()
        };
        for (at_s, line, act) in [
            (3.75, "A", Act::BrownsOut),
            (15.0, "A", Act::Heals),
            (20.25, "B", Act::Dies),
            (24.0, "B", Act::Heals),
        ] {
            let at = Duration::ZERO;
            recording.performed(&Cue { at, line, act }, at_s);
        }
        recording.switches = vec![
            switch(5.0, "voice", "A", "B"),
            switch(19.0, "voice", "B", "A"),
            switch(20.75, "bulk", "B", "C"),
            switch(29.5, "bulk", "C", "B"),
        ];
        recording
    }

    fn switch(at_s: f64, class: &str, from: &str, to: &str) -> Switch {
        Switch {
            at_s,
            class: class.to_owned(),
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            reason: "loss",
            sentence: String::new(),
            traffic_at_s: Some(at_s + 0.01),
        }
    }

    fn unmet_of(change: impl FnOnce(&mut Recording)) -> Vec<String> {
        let mut recording = as_it_should_be();
        change(&mut recording);
        let expectations = of_switches(&recording);
        let unmet = expectations.into_iter().filter(|e| !e.met);
        unmet.map(|e| format!("{}: {}", e.what, e.found)).collect()
    }

    #[test]
    fn a_demo_as_it_should_be_meets_every_expectation() {
        let expectations = of_switches(&as_it_should_be());
        assert!(expectations.iter().all(|e| e.met), "{expectations:#?}");
        let after: Vec<_> = expectations.iter().filter_map(|e| e.after_s).collect();
        assert_eq!(after, [1.26, 4.01, 0.51]);
    }

    #[test]
    fn voice_that_stays_on_a_is_named() {
        let unmet = unmet_of(|recording| drop(recording.switches.drain(..2)));
        assert_eq!(
            unmet,
            [
                "voice leaves A after it browned out: no switch",
                "voice is back on A after it healed: no switch",
            ]
        );
    }

    #[test]
    fn a_switch_that_the_traffic_didnt_follow_counts_for_nothing() {
        let unmet = unmet_of(|recording| recording.switches[0].traffic_at_s = None);
        assert_eq!(
            unmet,
            ["voice leaves A after it browned out: voice A → B at 5.00 s, but no packet followed"]
        );
    }

    #[test]
    fn a_class_that_leaves_a_dead_line_too_late_is_named() {
        let unmet = unmet_of(|recording| recording.switches[2].traffic_at_s = Some(21.3));
        assert_eq!(
            unmet,
            ["bulk leaves B within 1 s of its death: B → C after 1.05 s"]
        );
    }

    #[test]
    fn every_class_on_the_dead_line_has_to_leave() {
        let unmet = unmet_of(|recording| {
            recording.switches[1] = switch(23.0, "voice", "B", "A");
            recording.switches.swap(1, 2);
        });
        assert_eq!(
            unmet,
            ["voice leaves B within 1 s of its death: B → A after 2.76 s"]
        );
    }

    #[test]
    fn a_death_that_nobody_feels_shows_nothing() {
        let unmet = unmet_of(|recording| {
            recording.placed[2].1 = "C";
            recording.switches.truncate(2);
        });
        assert_eq!(unmet, ["traffic is on B when it dies: no class was"]);
    }

    #[test]
    fn a_move_without_cause_is_named() {
        let unmet = unmet_of(|recording| {
            recording.switches.insert(1, switch(8.0, "video", "C", "A"));
        });
        assert_eq!(unmet.len(), 2, "{unmet:?}");
        assert!(unmet[0].starts_with("video stays on C") && unmet[1].contains("video C → A"));
        // Back to a preferred line, but while that is in trouble.
        let unmet = unmet_of(|recording| recording.switches[1].at_s = 14.0);
        assert!(unmet.iter().any(|u| u.contains("voice B → A at 14.00 s")));
    }

    #[test]
    fn trouble_counts_as_long_as_the_scores_remember_it() {
        let left_at =
            |at_s| unmet_of(|recording| recording.switches[0] = switch(at_s, "voice", "A", "B"));
        assert_eq!(left_at(15.2), [""; 0]);
        assert_eq!(left_at(18.0), [""; 0]);
        let unmet = unmet_of(|recording| {
            recording.switches[0] = switch(22.0, "voice", "A", "C");
            recording.switches[1] = switch(23.0, "voice", "C", "A");
            recording.switches.swap(0, 2);
        });
        assert_eq!(unmet.len(), 2, "{unmet:?}");
        assert!(unmet[0].starts_with("voice leaves A"));
        assert!(unmet[1].ends_with("voice A → C at 22.00 s"));
    }
}
