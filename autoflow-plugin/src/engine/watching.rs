//! Once a second: what is wrong with lines, sessions, collectors and this host.

use std::collections::HashSet;
use std::time::Duration;

use plugin_abi::config::dscp::label;
use plugin_abi::line_state;
use plugin_abi::manage::{CollectorState, Statistics};
use tokio::time::Instant;
use twamp_core::time::Now;

use super::control::Control;
use super::lock;
use crate::autoflow::Broken;
use crate::event::{Code, Seen};
use crate::export::{EventRecord, Record};
use crate::line::Metric;
use crate::net::clock;
use crate::session::Key;

/// From one look to the next, at least.
const SPACING: Duration = Duration::from_secs(1);
/// So many looks are needed for the marks of all sessions.
const TURNS: u64 = 10;

/// What is remembered from one look to the next.
pub(super) struct Watching {
    looked: Instant,
    turn: u64,
    /// Limits that are broken, as of the last publication.
    pub(super) broken: Vec<Broken>,
    /// What was counted by then.
    counted: Statistics,
}

impl Default for Watching {
    fn default() -> Self {
        Self {
            looked: Instant::now(),
            turn: 0,
            broken: Vec::new(),
            counted: Statistics::default(),
        }
    }
}

impl Control {
    /// When somebody must look, if nothing else wakes this thread before.
    pub(super) fn look_at(&self) -> Option<Instant> {
        let waits = !lock(&self.shared.events).is_quiet()
            || self.shared.exporter.is_active()
            || lock(&self.shared.refused).is_some();
        waits.then(|| self.watching.looked + SPACING)
    }

    /// Looks, if it is time to.
    pub(super) fn look(&mut self) {
        if self.watching.looked.elapsed() < SPACING {
            return;
        }
        self.watching.looked = Instant::now();
        let now = clock();
        let mut seen = Vec::new();
        self.look_at_lines(now, &mut seen);
        self.look_at_sizes(now, &mut seen);
        self.look_at_limits(&mut seen);
        self.look_at_budgets(now, &mut seen);
        self.look_at_shifts(&mut seen);
        self.look_at_sessions(&mut seen);
        self.export_serving(self.watching.turn);
        self.look_at_counters(&mut seen);
        self.look_at_collectors(&mut seen);
        seen.extend(lock(&self.shared.refused).clone());

        let mut ledger = lock(&self.shared.events);
        let changes = ledger.look(now, seen);
        let line = ledger.line(&changes);
        drop(ledger);
        if let Some(line) = line {
            match changes.iter().any(|row| row.cleared_at.is_none()) {
                true => tracing::warn!("{line}"),
                false => tracing::info!("{line}"),
            }
        }
        if self.shared.exporter.is_active() {
            let records = changes.into_iter();
            let records =
                records.map(|row| Record::Event(Box::new(EventRecord::new(now.wall, row))));
            self.shared.exporter.offer(records.collect());
        }
    }

    fn look_at_lines(&self, now: Now, seen: &mut Vec<Seen>) {
        let picture = self.shared.picture.load();
        let bad = |state| matches!(state, line_state::DEAD | line_state::UNMEASURED);
        let bad = picture.lines().iter().filter(|row| bad(row.state));
        let mut at_rest = None;
        for row in bad {
            let Some(name) = self.publisher.name(row.line) else {
                continue;
            };
            if row.state == line_state::DEAD {
                let silent = now.mono.nanos().saturating_sub(row.last_reply_ns);
                let silent = Duration::from_nanos(silent).as_secs_f64();
                let (sentence, numbers) = match row.last_reply_ns {
                    0 => (
                        format!("line {name} is dead: nothing ever came back"),
                        vec![],
                    ),
                    _ => (
                        format!("line {name} is dead: nothing came back for {silent:.1} s"),
                        vec![("silent_s", silent)],
                    ),
                };
                seen.push(Seen::new(Code::LineDead, "line", name, sentence).with(&numbers));
                continue;
            }
            let at_rest = at_rest.get_or_insert_with(|| {
                let lines = self.config.lines.iter();
                let resting = lines.filter(|line| !line.sender || line.remote.is_none());
                resting.map(|line| line.id).collect::<HashSet<_>>()
            });
            if !at_rest.contains(&row.line) {
                let why = self.publisher.hindrance(row.line);
                let why = why.unwrap_or("no session measures it");
                let sentence = format!("line {name} is not measured: {why}");
                seen.push(Seen::new(Code::LineUnmeasured, "line", name, sentence));
            }
        }
    }

    fn look_at_sizes(&self, now: Now, seen: &mut Vec<Seen>) {
        for (name, obstruction) in self.publisher.obstructions() {
            let since = obstruction.passed.map(|passed| now.mono.since(passed));
            let (code, sentence) = match obstruction.mtu {
                None => (Code::MtuBlackHole, "has an MTU black hole"),
                Some(_) => (Code::MtuTooSmall, "has too small an MTU"),
            };
            let sentence = format!("line {name} {sentence}: {}", obstruction.words(since));
            let mut numbers = vec![("octets", f64::from(obstruction.octets))];
            let taken = obstruction.mtu.filter(|mtu| *mtu > 0);
            numbers.extend(taken.map(|mtu| ("taken_octets", f64::from(mtu))));
            if obstruction.mtu.is_none() {
                numbers.push(("lost_in_a_row", f64::from(obstruction.lost)));
            }
            seen.push(Seen::new(code, "line", name, sentence).with(&numbers));
        }
    }

    fn look_at_limits(&self, seen: &mut Vec<Seen>) {
        for broken in &self.watching.broken {
            let Some(name) = self.publisher.name(broken.line) else {
                continue;
            };
            let class = self.class_named(broken.class).1;
            let Broken {
                metric,
                measured,
                limit,
                obstruction,
                ..
            } = *broken;
            if let Some(obstruction) = obstruction {
                let octets = obstruction.octets;
                let sentence = format!(
                    "line {name} breaks the SLA of {class}: packets of {octets} octets don't come \
                     through"
                );
                let broken = Seen::new(Code::SlaBroken, "line", name, sentence);
                let mut broken = broken.with(&[("octets", octets.into())]);
                broken.object.class = Some(class);
                seen.push(broken);
                continue;
            }
            let (what, unit, names) = match metric {
                Metric::Loss => ("loss", "%", ["loss_percent", "limit_percent"]),
                Metric::RoundTrip => ("round trip", "ms", ["round_trip_ms", "limit_ms"]),
                Metric::Jitter => ("jitter", "ms", ["jitter_ms", "limit_ms"]),
            };
            let sentence = format!(
                "line {name} breaks the SLA of {class}: {what} {measured:.1} {unit}, limit {limit} \
                 {unit}"
            );
            let numbers = [(names[0], measured), (names[1], limit)];
            let mut broken = Seen::new(Code::SlaBroken, "line", name, sentence).with(&numbers);
            broken.object.class = Some(class);
            seen.push(broken);
        }
    }

    fn look_at_shifts(&mut self, seen: &mut Vec<Seen>) {
        for (name, shift) in self.publisher.take_shifts() {
            let (before, after) = (f64::from(shift.before_ms), f64::from(shift.after_ms));
            let since = clock().mono.since(shift.since).as_secs();
            let sentence = format!(
                "line {name}: the round trip is {after:.1} ms since {since} s ago, and was \
                 {before:.1} ms"
            );
            let numbers = [("before_ms", before), ("after_ms", after)];
            seen.push(Seen::new(Code::LatencyShifted, "line", &name, sentence).with(&numbers));
        }
    }

    fn look_at_budgets(&self, now: Now, seen: &mut Vec<Seen>) {
        for (line, balance) in self.shared.budgets.balances(now.wall) {
            let lines = &self.config.lines;
            let mut lines = lines.iter().filter(|line| line.probe_budget_mb.is_some());
            let Some(line) = lines.find(|known| known.id == line) else {
                continue;
            };
            let (name, share) = (&line.name, balance.share as f64 / 1e6);
            let (sentence, spacing) = match balance.spacing {
                Some(Duration::ZERO) => continue,
                Some(spacing) => {
                    let spacing = spacing.as_secs_f64();
                    let sentence = format!(
                        "line {name}: four fifths of the {share:.1} MB for probes of this month are \
                         used, and the last one is spread: one probe in {spacing:.1} s"
                    );
                    (sentence, Some(("spacing_s", spacing)))
                }
                None => {
                    let sentence = format!(
                        "line {name}: the {share:.1} MB for probes of this month are used up, and it \
                         is not measured until the month ends"
                    );
                    (sentence, None)
                }
            };
            let used = ("used_mb", balance.used as f64 / 1e6);
            let numbers: Vec<_> = [("budget_mb", share), used]
                .into_iter()
                .chain(spacing)
                .collect();
            let reached = Seen::new(Code::BudgetReached, "line", name, sentence);
            seen.push(reached.with(&numbers));
        }
    }

    fn look_at_sessions(&mut self, seen: &mut Vec<Seen>) {
        self.watching.turn += 1;
        let mut board = lock(&self.shared.board);
        let rewritten = board.rewritten(self.watching.turn % TURNS, TURNS);
        let stepped = board.take_steps();
        drop(board);
        for (key, it) in rewritten {
            let (kind, name) = self.session_named(key, it.id);
            let sentence = format!(
                "{kind} {name}: {} asked, {} arrives {}",
                label(it.asked),
                label(it.arrived),
                if it.forward {
                    "at the far end"
                } else {
                    "back here"
                },
            );
            let numbers = [
                ("asked_dscp", it.asked.into()),
                ("arrived_dscp", it.arrived.into()),
            ];
            seen.push(Seen::new(Code::MarkRewritten, kind, &name, sentence).with(&numbers));
        }
        for (key, id, step) in stepped {
            let (kind, name) = self.session_named(key, id);
            let moved = step.size_ns as f64 / 1e6;
            let sentence = format!(
                "{kind} {name}: a clock was set: the far one has moved by {moved:+.3} ms against \
                 the near one"
            );
            let numbers = [("moved_ms", moved)];
            seen.push(Seen::new(Code::ClockStepped, kind, &name, sentence).with(&numbers));
        }
    }

    /// What people know a session by.
    fn session_named(&self, key: Key, id: String) -> (&'static str, String) {
        let what = self.publisher.measured_by(key);
        match what.and_then(|what| self.publisher.name(what.line)) {
            Some(name) => ("line", name.to_owned()),
            None => {
                let own = self.own_of(key).and_then(|own| own.name.clone());
                ("session", own.unwrap_or(id))
            }
        }
    }

    fn look_at_counters(&mut self, seen: &mut Vec<Seen>) {
        let counted = self.shared.statistics();
        let before = std::mem::replace(&mut self.watching.counted, counted);
        let more = |of: fn(&Statistics) -> u64| of(&counted).saturating_sub(of(&before));
        for (limit, refused) in [
            (
                "connections",
                more(|it| it.connections_refused + it.connections_evicted),
            ),
            ("sessions", more(|it| it.sessions_refused)),
            ("keys", more(|it| it.keys_refused)),
        ] {
            if refused > 0 {
                let sentence = format!(
                    "the responder has no room for more {limit}: {refused} were refused in a second"
                );
                let reached = Seen::new(Code::BudgetReached, "responder", limit, sentence);
                seen.push(reached.with(&[("refused", refused as f64)]));
            }
        }
        for (of, failed) in [
            ("control", more(|it| it.not_authentic)),
            ("probes", more(|it| it.not_admitted)),
        ] {
            if failed > 0 {
                let sentence = match of {
                    "control" => format!("{failed} control connections came with a wrong key"),
                    _ => format!("{failed} probes came without a key that verifies them"),
                };
                let failures = Seen::new(Code::AuthenticationFailed, "responder", of, sentence);
                seen.push(failures.with(&[("failed", failed as f64)]));
            }
        }
    }

    fn look_at_collectors(&self, seen: &mut Vec<Seen>) {
        for row in self.shared.exporter.rows() {
            if row.state != CollectorState::Sending {
                let state = row.state.name();
                let why = row.trouble.unwrap_or_else(|| state.to_owned());
                let sentence = format!("collector {} is lost: {why}", row.name);
                let lost = Seen::new(Code::CollectorLost, "collector", &row.name, sentence);
                let numbers = [
                    ("queued", row.queued as f64),
                    ("dropped", row.dropped as f64),
                ];
                seen.push(lost.with(&numbers));
            }
        }
    }
}

/// What was to be applied has mistakes, or was refused: so many, and the first one.
pub(super) fn refused(why: &str, mistakes: usize) -> Seen {
    let sentence = format!("a configuration was refused, and the former one stays: {why}");
    let refused = Seen::new(Code::ConfigurationRefused, "configuration", "", sentence);
    refused.with(&[("mistakes", mistakes as f64)])
}
