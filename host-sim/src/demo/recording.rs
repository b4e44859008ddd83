//! What happened, in seconds since the start: what was done to the lines, and who moved.

use serde::Serialize;

use plugin_abi::host::Change;
use plugin_abi::reason;

use super::script::{Act, Cue};
use super::setting::{class_name, line_name};
use crate::host::flows::Move;

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    /// Where each class was at the start: class and line.
    pub(super) placed: Vec<(&'static str, &'static str)>,
    pub(super) impairments: Vec<Impaired>,
    pub(super) switches: Vec<Switch>,
}

/// Something was done to a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impaired {
    /// When, in seconds since the start.
    pub at_s: f64,
    /// The line's name.
    pub line: &'static str,
    /// What, for people.
    pub what: String,
    #[serde(skip)]
    pub(super) act: Act,
}

/// The plugin has moved a class to another line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Switch {
    /// When it was decided, in seconds since the start.
    pub at_s: f64,
    /// The class's name.
    pub class: String,
    /// The former line's name.
    pub from: Option<String>,
    /// The new line's name.
    pub to: Option<String>,
    /// Why, in a word or two.
    pub reason: &'static str,
    /// Why, with the numbers it stands on.
    pub sentence: String,
    /// When the class's first packet left on the new line; `None`: none did.
    pub traffic_at_s: Option<f64>,
}

/// The time of a demo: seconds since its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// `CLOCK_BOOTTIME`.
    pub(super) at_ns: u64,
}

/// A packet may leave on the new line this much before the switch's own time, in seconds.
const SLACK_S: f64 = 0.05;

impl Start {
    /// Seconds since the start, to the microsecond; negative before it.
    pub(super) fn seconds(self, at_ns: u64) -> f64 {
        let ns = i128::from(at_ns) - i128::from(self.at_ns);
        (ns as f64 / 1e3).round() / 1e6
    }
}

impl Recording {
    /// Records that a cue was performed.
    pub(super) fn performed(&mut self, cue: &Cue, at_s: f64) -> &Impaired {
        self.impairments.push(Impaired {
            at_s,
            line: cue.line,
            what: cue.act.says(),
            act: cue.act,
        });
        &self.impairments[self.impairments.len() - 1]
    }

    /// Records a switch; those before the start are how classes were placed. Answers it.
    pub(super) fn changed(&mut self, change: &Change, start: Start) -> Option<&Switch> {
        let at_s = start.seconds(change.at_ns);
        if at_s < 0.0 {
            return None;
        }
        let line = |id: Option<u64>| {
            id.map(|id| line_name(id).map_or_else(|| format!("line {id}"), str::to_owned))
        };
        self.switches.push(Switch {
            at_s,
            class: class_name(change.class)
                .map_or_else(|| format!("class {}", change.class), str::to_owned),
            from: line(change.from),
            to: line(change.to),
            reason: reason::name(change.reason),
            sentence: change.sentence.clone(),
            traffic_at_s: None,
        });
        self.switches.last()
    }

    /// Finds for each switch the move of the flow that obeyed it.
    pub(super) fn follow(&mut self, moves: &[Move], start: Start) {
        let moves: Vec<_> = moves
            .iter()
            .map(|m| (class_name(m.class), line_name(m.to), start.seconds(m.at_ns)))
            .collect();
        for place in 0..self.switches.len() {
            let switch = &self.switches[place];
            let superseded_s = self.switches[place + 1..]
                .iter()
                .find(|later| later.class == switch.class)
                .map_or(f64::INFINITY, |later| later.at_s);
            let obeyed = moves.iter().find(|(class, to, at_s)| {
                *class == Some(&*switch.class)
                    && *to == switch.to.as_deref()
                    && (switch.at_s - SLACK_S..superseded_s).contains(at_s)
            });
            self.switches[place].traffic_at_s = obeyed.map(|&(_, _, at_s)| at_s);
        }
    }

    /// The line that the plugin had a class on at a time.
    pub(super) fn line_of(&self, class: &str, at_s: f64) -> Option<&str> {
        let placed = self.placed.iter().find(|placed| placed.0 == class);
        self.switches
            .iter()
            .rfind(|switch| switch.class == class && switch.at_s < at_s)
            .map_or(placed.map(|placed| placed.1), |switch| switch.to.as_deref())
    }

    /// When an act was first performed on a line.
    pub(super) fn time_of(&self, line: &str, act: Act) -> Option<f64> {
        self.impairments
            .iter()
            .find(|impaired| impaired.line == line && impaired.act == act)
            .map(|impaired| impaired.at_s)
    }

    /// Whether a line is in trouble at a time, or was within so many seconds before.
    pub(super) fn in_trouble(&self, line: &str, at_s: f64, memory_s: f64) -> bool {
        let so_far = || {
            let of_line = self.impairments.iter().filter(|i| i.line == line);
            of_line.take_while(|impaired| impaired.at_s <= at_s)
        };
        match so_far().last() {
            Some(last) if last.act.is_trouble() => true,
            Some(healed) => at_s - healed.at_s < memory_s,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Start = Start {
        at_ns: 5_000_000_000,
    };

    fn change(ms: u64, class: u64, from: u64, to: u64) -> Change {
        Change {
            group: 1,
            class,
            from: Some(from),
            to: Some(to),
            reason: reason::LOSS,
            at_ns: START.at_ns + ms * 1_000_000,
            sentence: "because".to_owned(),
        }
    }

    fn flow_move(ms: u64, class: u64, to: u64) -> Move {
        Move {
            class,
            from: None,
            to,
            at_ns: START.at_ns + ms * 1_000_000,
        }
    }

    #[test]
    fn a_switch_before_the_start_is_no_switch() {
        let mut recording = Recording::default();
        let mut early = change(0, 1, 2, 1);
        early.at_ns -= 1_000;
        assert_eq!(recording.changed(&early, START), None);
        let switch = recording.changed(&change(1500, 1, 1, 2), START).unwrap();
        assert_eq!((switch.at_s, &*switch.class), (1.5, "voice"));
        assert_eq!(switch.reason, "loss");
        assert_eq!(recording.switches.len(), 1);
    }

    #[test]
    fn a_class_is_where_its_last_switch_put_it() {
        let mut recording = Recording {
            placed: vec![("voice", "A")],
            ..Recording::default()
        };
        recording.changed(&change(1000, 1, 1, 2), START);
        assert_eq!(recording.line_of("voice", 1.0), Some("A"));
        assert_eq!(recording.line_of("voice", 1.1), Some("B"));
        assert_eq!(recording.line_of("bulk", 1.1), None);
    }

    #[test]
    fn each_switch_finds_the_first_packet_that_obeyed_it() {
        let mut recording = Recording::default();
        for change in [
            change(1000, 1, 1, 2),
            change(2000, 1, 2, 1),
            change(3000, 1, 1, 2),
        ] {
            recording.changed(&change, START);
        }
        let moves = [
            flow_move(1004, 3, 2),
            flow_move(1009, 1, 2),
            flow_move(3020, 1, 2),
        ];
        recording.follow(&moves, START);
        let followed: Vec<_> = recording.switches.iter().map(|s| s.traffic_at_s).collect();
        assert_eq!(followed, [Some(1.009), None, Some(3.02)]);
    }

    #[test]
    fn what_was_done_to_a_line_holds_until_the_next_act() {
        let mut recording = Recording::default();
        for (at_s, act) in [(1.0, Act::Dies), (2.0, Act::Heals)] {
            let cue = Cue {
                at: Duration::ZERO,
                line: "B",
                act,
            };
            recording.performed(&cue, at_s);
        }
        let in_trouble = |at_s, memory_s| recording.in_trouble("B", at_s, memory_s);
        assert!(!in_trouble(0.9, 6.0));
        assert!(in_trouble(1.9, 0.0));
        assert!(!in_trouble(2.0, 0.0));
        assert!(in_trouble(7.9, 6.0), "it is remembered");
        assert!(!in_trouble(8.1, 6.0));
        assert!(!recording.in_trouble("A", 1.9, 6.0));
        assert_eq!(recording.time_of("B", Act::Heals), Some(2.0));
    }
}
