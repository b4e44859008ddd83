//! Numbers, names and times of a scenario that can't be meant.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use plugin_abi::config::Sla;
use plugin_abi::manage::Problem;

use super::{ClassOf, EndEvent, Event, LineOf, Scenario, Trace, Truth};
use crate::link::Impairment;

/// A run takes at most so many seconds: about four months.
const MOST_SECONDS: f64 = 1e7;
/// Lines of all groups.
const MOST_LINES: usize = 10_000;
/// Changes of all events, repetitions written out.
const MOST_CHANGES: f64 = 1e6;
/// A handover takes at most so many seconds.
const MOST_GAP_S: f64 = 1.0;
/// A repetition comes at most so often, in seconds.
const LEAST_EVERY_S: f64 = 0.1;

/// All of them, by path.
pub(super) fn problems(scenario: &Scenario) -> Vec<Problem> {
    let mut judge = Judge {
        scenario,
        changes: 0.0,
        problems: Vec::new(),
    };
    judge.whole();
    for (place, line) in scenario.lines.iter().enumerate() {
        judge.line(&format!("lines[{place}]"), line);
    }
    for (place, class) in scenario.classes.iter().enumerate() {
        judge.class(&format!("classes[{place}]"), class);
    }
    for (place, event) in scenario.events.iter().enumerate() {
        judge.event(&format!("events[{place}]"), event);
    }
    for (place, trace) in scenario.traces.iter().enumerate() {
        judge.trace(&format!("traces[{place}]"), trace);
    }
    for (place, event) in scenario.ends.iter().enumerate() {
        judge.end_event(&format!("ends[{place}]"), event);
    }
    for (place, truth) in scenario.truth.iter().enumerate() {
        judge.truth(&format!("truth[{place}]"), truth);
    }
    judge.problems
}

struct Judge<'a> {
    scenario: &'a Scenario,
    /// Of all events so far.
    changes: f64,
    problems: Vec<Problem>,
}

impl<'a> Judge<'a> {
    fn whole(&mut self) {
        let Scenario {
            name,
            says,
            seconds,
            most_seeds,
            groups,
            lines,
            classes,
            ..
        } = self.scenario;
        for (path, text) in [("name", name), ("says", says)] {
            if text.is_empty() {
                self.wrong(path, "some words", &"none", "write some");
            }
        }
        self.within("seconds", *seconds, 1.0..=MOST_SECONDS, "seconds");
        if *most_seeds == Some(0) {
            self.wrong("most_seeds", "at least 1", &0, "raise it or leave it out");
        }
        if *groups == 0 || groups.saturating_mul(lines.len()) > MOST_LINES {
            let expected = format!("at least 1, and groups with {MOST_LINES} lines in all");
            self.wrong("groups", &expected, groups, "write another number");
        }
        for (path, none) in [("lines", lines.is_empty()), ("classes", classes.is_empty())] {
            if none {
                self.wrong(path, "at least one", &"none", "add one");
            }
        }
        let of_lines = lines.iter().map(|line| &line.name);
        self.names("lines", of_lines.collect());
        self.names("classes", classes.iter().map(|class| &class.name).collect());
    }

    fn names(&mut self, of: &str, names: Vec<&String>) {
        let mut seen = BTreeSet::from([""]);
        for (place, name) in names.into_iter().enumerate() {
            if !seen.insert(name.as_str()) {
                let path = format!("{of}[{place}].name");
                self.wrong(
                    &path,
                    "a name of its own",
                    &format!("{name:?}"),
                    "rename it",
                );
            }
        }
    }

    fn line(&mut self, path: &str, line: &LineOf) {
        self.impairment(&format!("{path}.base"), Some(&line.base));
        self.impairment(&format!("{path}.back"), line.back.as_ref());
        let ahead = format!("{path}.clock_ahead_ms");
        self.within(&ahead, line.clock_ahead_ms, -1e9..=1e9, "milliseconds");
        let fast = format!("{path}.clock_fast_ppm");
        self.within(&fast, line.clock_fast_ppm, -1e4..=1e4, "parts per million");
    }

    fn class(&mut self, path: &str, class: &ClassOf) {
        let Sla {
            round_trip_ms,
            jitter_ms,
            loss_percent,
            packet_octets,
        } = class.sla;
        for (key, limit, most, unit) in [
            ("round_trip_ms", round_trip_ms, 1e6, "milliseconds"),
            ("jitter_ms", jitter_ms, 1e6, "milliseconds"),
            ("loss_percent", loss_percent, 100.0, "percent"),
            ("packet_octets", packet_octets.map(f64::from), 9e3, "octets"),
        ] {
            if let Some(limit) = limit {
                self.within(&format!("{path}.sla.{key}"), limit, 0.0..=most, unit);
            }
        }
        let load = format!("{path}.load_mbps");
        self.within(&load, class.load_mbps, 0.0..=1e6, "Mbit/s");
        let dscp = format!("{path}.dscp");
        self.within(&dscp, class.dscp.into(), 0.0..=63.0, "a DSCP");
        let packets = format!("{path}.packets_per_s");
        self.within(&packets, class.packets_per_s, 0.0..=1e4, "packets a second");
        let lines = self.scenario.lines.iter();
        let underlays: Vec<_> = lines
            .map(|line| line.underlay.as_ref().unwrap_or(&line.name))
            .collect();
        for (place, name) in class.prefer.iter().enumerate() {
            self.known(&format!("{path}.prefer[{place}]"), name, &underlays);
        }
    }

    fn event(&mut self, path: &str, event: &Event) {
        self.in_run(&format!("{path}.at_s"), event.at_s);
        if let Some(every_s) = event.every_s {
            let path = format!("{path}.every_s");
            self.changes += self.scenario.seconds / every_s
                * (self.scenario.groups * self.scenario.lines.len()) as f64;
            // Not-a-number is neither.
            if !(every_s >= LEAST_EVERY_S && self.changes <= MOST_CHANGES) {
                let expected = format!(
                    "seconds, at least {LEAST_EVERY_S}, and so many that lines change {MOST_CHANGES} times at most"
                );
                self.wrong(&path, &expected, &every_s, "let it happen less often");
            }
        }
        let gap = format!("{path}.gap_s");
        self.within(&gap, event.gap_s, 0.0..=MOST_GAP_S, "seconds");
        if let Some(until_s) = event.until_s {
            self.in_run(&format!("{path}.until_s"), until_s);
        }
        if let Some(line) = &event.line {
            let lines = self.line_names();
            self.known(&format!("{path}.line"), line, &lines);
        }
        if let Some(group) = event.group.filter(|group| *group >= self.scenario.groups) {
            let expected = format!("a group, counted from 0; there is {}", self.scenario.groups);
            self.wrong(
                &format!("{path}.group"),
                &expected,
                &group,
                "name one that is",
            );
        }
        self.impairment(&format!("{path}.set"), event.set.as_ref());
    }

    fn trace(&mut self, path: &str, trace: &Trace) {
        let lines = self.line_names();
        self.known(&format!("{path}.line"), &trace.line, &lines);
        let seconds = self.scenario.seconds;
        self.within(
            &format!("{path}.every_s"),
            trace.every_s,
            1.0..=MOST_SECONDS,
            "seconds",
        );
        if trace.rows.len() as f64 * trace.every_s > seconds {
            let expected = format!("rows that are over within {seconds} s");
            let path = format!("{path}.rows");
            self.wrong(&path, &expected, &trace.rows.len(), "leave some out");
        }
        for (row, impairment) in trace.impairments().enumerate() {
            if let Err(error) = impairment.validate() {
                let path = format!("{path}.rows[{row}]");
                let expected = format!("{} as {}", error.expected, error.field);
                self.wrong(&path, &expected, &error.found, "write another number");
            }
        }
    }

    fn end_event(&mut self, path: &str, event: &EndEvent) {
        let EndEvent {
            at_s,
            pause_s,
            restart,
            clock_step_ms,
            ..
        } = event;
        self.in_run(&format!("{path}.at_s"), *at_s);
        let said = [
            pause_s.is_some(),
            restart.is_some(),
            clock_step_ms.is_some(),
        ];
        let count = said.into_iter().filter(|said| *said).count();
        if count != 1 {
            let expected = "one of `pause_s`, `restart` and `clock_step_ms`";
            self.wrong(
                path,
                expected,
                &count,
                "say what happens, in a table for each",
            );
        }
        if let Some(pause_s) = pause_s {
            let rest = self.scenario.seconds - at_s;
            if !(*pause_s > 0.0 && *pause_s <= rest) {
                let expected = "seconds above 0 that are over before the run ends";
                self.wrong(&format!("{path}.pause_s"), expected, pause_s, "shorten it");
            }
        }
        if let Some(restart) = restart {
            let (uplinks, _) = self.scenario.uplinks();
            let far_ends: Vec<_> = uplinks.iter().map(|line| &line.far_end).collect();
            self.known(&format!("{path}.restart"), restart, &far_ends);
        }
        if let Some(step) = clock_step_ms {
            let path = format!("{path}.clock_step_ms");
            self.within(&path, *step, -1e9..=1e9, "milliseconds");
        }
    }

    fn truth(&mut self, path: &str, truth: &Truth) {
        self.in_run(&format!("{path}.from_s"), truth.from_s);
        if !(truth.to_s > truth.from_s && truth.to_s <= self.scenario.seconds) {
            let expected = format!("seconds after `from_s`, at most {}", self.scenario.seconds);
            self.wrong(&format!("{path}.to_s"), &expected, &truth.to_s, "move it");
        }
        if let Some(class) = &truth.class {
            let classes = self.scenario.classes.iter();
            let names: Vec<_> = classes.map(|class| &class.name).collect();
            self.known(&format!("{path}.class"), class, &names);
        }
        if truth.right.is_empty() {
            let path = format!("{path}.right");
            self.wrong(
                &path,
                "the lines that are right",
                &"none",
                "name the best at least",
            );
        }
        for (place, line) in truth.right.iter().enumerate() {
            let path = format!("{path}.right[{place}]");
            let lines = self.line_names();
            self.known(&path, line, &lines);
        }
    }

    fn line_names(&self) -> Vec<&'a String> {
        let lines: &'a [LineOf] = &self.scenario.lines;
        lines.iter().map(|line| &line.name).collect()
    }

    fn impairment(&mut self, path: &str, impairment: Option<&Impairment>) {
        if let Some(Err(error)) = impairment.map(Impairment::validate) {
            let path = format!("{path}.{}", error.field);
            self.wrong(&path, error.expected, &error.found, "write another number");
        }
    }

    fn in_run(&mut self, path: &str, at_s: f64) {
        self.within(
            path,
            at_s,
            0.0..=self.scenario.seconds,
            "seconds of the run",
        );
    }

    fn within(&mut self, path: &str, found: f64, range: RangeInclusive<f64>, unit: &str) {
        // Not-a-number is in no range.
        if !range.contains(&found) {
            let expected = format!("{unit} from {} to {}", range.start(), range.end());
            self.wrong(path, &expected, &found, "write another number");
        }
    }

    fn known(&mut self, path: &str, name: &str, known: &[&String]) {
        if !known.iter().any(|known| *known == name) {
            let names: BTreeSet<_> = known.iter().map(|name| name.as_str()).collect();
            let names: Vec<_> = names.into_iter().take(8).collect();
            let expected = format!("a name that is known: {}", names.join(", "));
            self.wrong(path, &expected, &format!("{name:?}"), "write one of them");
        }
    }

    fn wrong(&mut self, path: &str, expected: &str, found: &dyn ToString, fix: &str) {
        self.problems.push(Problem {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
            fix: fix.to_owned(),
        });
    }
}
