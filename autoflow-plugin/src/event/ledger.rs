//! Which events stand, and which stood of late.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use plugin_abi::manage::{EventObject, EventRow, Events};
use twamp_core::time::{Mono, Now};

use super::{Code, Seen};
use crate::session::unix_seconds;

/// Events that were cleared and are still told of, at most.
const KEPT: usize = 256;

/// What has been wrong so far.
#[derive(Default)]
pub(crate) struct Ledger {
    wrong: BTreeMap<(Code, EventObject), Wrong>,
    /// The newest first.
    cleared: VecDeque<EventRow>,
    raised: BTreeMap<String, u64>,
    /// Log lines that were not written.
    suppressed: u64,
}

/// Something that is wrong, or was so a moment ago.
struct Wrong {
    since: Mono,
    last: Mono,
    /// It was at the last look.
    is: bool,
    /// Once it is raised.
    row: EventRow,
    raised: bool,
}

impl Ledger {
    /// Enters all that is wrong `now`. Answers what is raised and cleared by that; those that are
    /// cleared say when.
    pub(crate) fn look(&mut self, now: Now, seen: Vec<Seen>) -> Vec<EventRow> {
        for wrong in self.wrong.values_mut() {
            wrong.is = false;
        }
        for seen in seen {
            self.enter(now, seen);
        }
        let mut changes = Vec::new();
        let (cleared, raised) = (&mut self.cleared, &mut self.raised);
        self.wrong.retain(|(code, _), wrong| {
            let long = |since: Mono, s| now.mono.since(since) >= Duration::from_secs(s);
            if !wrong.raised {
                if wrong.is && long(wrong.since, code.raised_after_s()) {
                    wrong.raised = true;
                    *raised.entry(code.name().to_owned()).or_default() += 1;
                    changes.push(wrong.row.clone());
                }
                // What is over before it is worth telling never was.
                return wrong.is;
            }
            let over = !wrong.is && long(wrong.last, code.cleared_after_s());
            if over {
                wrong.row.cleared_at = Some(unix_seconds(now.wall));
                changes.push(wrong.row.clone());
                cleared.push_front(wrong.row.clone());
            }
            !over
        });
        self.cleared.truncate(KEPT);
        changes
    }

    /// One line for the log about all of these: the worst, and how many there are besides, which
    /// count as suppressed.
    pub(crate) fn line(&mut self, changes: &[EventRow]) -> Option<String> {
        let worst = changes.iter().max_by_key(|row| {
            // What is raised comes before what is over.
            (row.cleared_at.is_none(), row.severity)
        })?;
        let what = match worst.cleared_at {
            None => "raised",
            Some(_) => "cleared",
        };
        let (code, severity) = (&worst.code, worst.severity.name());
        let mut line = format!("{what} {code} ({severity}): {}", worst.sentence);
        let others = changes.len() - 1;
        if others > 0 {
            self.suppressed += others as u64;
            line += &format!(" (and {others} more events in this second)");
        }
        Some(line)
    }

    /// For people.
    pub(crate) fn rows(&self) -> Events {
        let standing = self.wrong.values().filter(|wrong| wrong.raised);
        let mut rows: Vec<EventRow> = standing.map(|wrong| wrong.row.clone()).collect();
        rows.sort_by(|a, b| b.raised_at.total_cmp(&a.raised_at));
        rows.extend(self.cleared.iter().cloned());
        Events {
            rows,
            raised: self.raised.clone(),
            suppressed: self.suppressed,
        }
    }

    /// Nothing is to be cleared or raised by time alone.
    pub(crate) fn is_quiet(&self) -> bool {
        self.wrong.is_empty()
    }

    fn enter(&mut self, now: Now, seen: Seen) {
        let key = (seen.code, seen.object);
        let known = self.wrong.entry(key);
        let object = known.key().1.clone();
        let wrong = known.or_insert_with(|| Wrong {
            since: now.mono,
            last: now.mono,
            is: true,
            row: EventRow {
                code: seen.code.name().to_owned(),
                severity: seen.code.severity(),
                object,
                raised_at: unix_seconds(now.wall),
                cleared_at: None,
                times: 0,
                numbers: BTreeMap::new(),
                sentence: String::new(),
            },
            raised: false,
        });
        let gap = Duration::from_secs(seen.code.looked_at_each_s() + 1);
        let came_back = now.mono.since(wrong.last) > gap;
        if came_back || wrong.row.times == 0 {
            wrong.row.times += 1;
        }
        (wrong.is, wrong.last) = (true, now.mono);
        (wrong.row.numbers, wrong.row.sentence) = (seen.numbers, seen.sentence);
    }
}

#[cfg(test)]
mod tests {
    use twamp_core::time::Wall;

    use super::*;

    fn at(s: u64) -> Now {
        Now {
            mono: Mono((1_000 + s) * 1_000_000_000),
            wall: Wall(1_700_000_000_000_000_000 + s as i64 * 1_000_000_000),
        }
    }

    fn seen(code: Code, name: &str) -> Seen {
        Seen::new(code, "line", name, format!("{name} suffers"))
    }

    /// What changes in each of these seconds: `+` is raised, `-` cleared.
    fn play(code: Code, wrong: impl Fn(u64) -> bool, seconds: u64) -> Vec<(u64, char)> {
        let mut ledger = Ledger::default();
        let mut changes = Vec::new();
        for s in 0..seconds {
            let now = wrong(s).then(|| seen(code, "fibre"));
            for row in ledger.look(at(s), now.into_iter().collect()) {
                changes.push((s, if row.cleared_at.is_none() { '+' } else { '-' }));
            }
        }
        changes
    }

    #[test]
    fn what_goes_on_is_raised_once_and_cleared_once() {
        let changes = play(Code::LineDead, |s| (3..60).contains(&s), 100);
        assert_eq!(changes, [(3, '+'), (64, '-')]);
    }

    #[test]
    fn what_comes_and_goes_within_its_hold_off_is_one_event() {
        let flapping = |s: u64| s < 60 && s % 4 < 2;
        assert_eq!(play(Code::LineDead, flapping, 100), [(0, '+'), (62, '-')]);
    }

    #[test]
    fn what_is_over_before_it_is_worth_telling_never_was() {
        assert_eq!(play(Code::CollectorLost, |s| s < 5, 100), []);
        assert_eq!(
            play(Code::CollectorLost, |s| s < 6, 100),
            [(5, '+'), (10, '-')]
        );
    }

    #[test]
    fn a_moment_stands_for_a_minute_and_each_further_one_prolongs_it() {
        let moments = |s: u64| s == 10 || s == 40;
        assert_eq!(
            play(Code::ClockStepped, moments, 200),
            [(10, '+'), (100, '-')]
        );
    }

    #[test]
    fn each_object_has_its_own_event_and_the_list_has_the_newest_first() {
        let mut ledger = Ledger::default();
        ledger.look(at(0), vec![seen(Code::LineDead, "a")]);
        let both = || vec![seen(Code::LineDead, "a"), seen(Code::LineDead, "b")];
        ledger.look(at(1), both());
        ledger.look(at(2), both());
        let names = |events: &Events| {
            let rows = events.rows.iter();
            rows.map(|row| row.object.name.clone()).collect::<Vec<_>>()
        };
        let events = ledger.rows();
        assert_eq!(names(&events), ["b", "a"]);
        assert_eq!(events.raised["line-dead"], 2);
        (3..20).for_each(|s| _ = ledger.look(at(s), vec![seen(Code::LineDead, "a")]));
        let events = ledger.rows();
        assert_eq!(names(&events), ["a", "b"], "b is over");
        assert!(events.rows[1].cleared_at.is_some() && events.rows[0].times == 1);
        assert!(!ledger.is_quiet());
    }

    #[test]
    fn of_many_changes_the_worst_is_written_and_the_others_are_counted() {
        let mut ledger = Ledger::default();
        let all = ["a", "b"].map(|name| seen(Code::SlaBroken, name));
        let dead = seen(Code::LineDead, "c");
        let changes = ledger.look(at(0), all.into_iter().chain([dead]).collect());
        let line = ledger.line(&changes).unwrap();
        assert_eq!(
            line,
            "raised line-dead (critical): c suffers (and 2 more events in this second)"
        );
        assert_eq!(ledger.rows().suppressed, 2);
        assert_eq!(ledger.line(&[]), None);
    }

    #[test]
    fn only_the_newest_of_those_that_are_over_are_kept() {
        let mut ledger = Ledger::default();
        for s in 0..2_000 {
            let name = s.to_string();
            ledger.look(at(s), vec![seen(Code::ConfigurationRefused, &name)]);
        }
        assert_eq!(ledger.rows().rows.len(), KEPT + 1);
    }
}
