//! Sessions: counters of those that the configuration names; of all others, how many there are.
//!
//! Who is served here, and how many, is decided by others, and each single run is another one: they
//! would make series without end.

use std::collections::BTreeMap;

use plugin_abi::manage::{SessionKind, SessionResult, SessionRow};

use super::text::Family;

/// What is told of each session that is named.
struct Figures {
    sent: Family,
    received: Family,
    lost: Family,
    one_way_lost: Family,
    late: Family,
    set_aside: Family,
    duplicates: Family,
    reordered: Family,
    in_flight: Family,
    round_trip: Family,
}

pub(super) fn families(sessions: &[SessionRow]) -> Vec<Family> {
    let mut count = Family::gauge(
        "twamp_sessions",
        "Sessions that are known, by kind and state.",
    );
    let mut figures = Figures::new();
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for row in sessions {
        let kind = kind(row.kind);
        *counts.entry((kind, &row.state)).or_default() += 1;
        let named = matches!(row.kind, SessionKind::Line | SessionKind::Own);
        if let Some(result) = row.result.as_ref().filter(|_| named) {
            let name = row.name.as_ref().or(row.line.as_ref());
            let name = name.map_or("", |name| name.as_str());
            let mut labels = vec![("session", row.id.as_str()), ("name", name), ("kind", kind)];
            labels.extend(
                row.probe_class
                    .iter()
                    .map(|class| ("probe_class", class.as_str())),
            );
            figures.enter(&labels, result);
        }
    }
    for ((kind, state), sessions) in counts {
        count.add(&[("kind", kind), ("state", state)], sessions.into());
    }
    let mut families = vec![count];
    families.extend(figures.all());
    families
}

fn kind(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Line => "line",
        SessionKind::Own => "own",
        SessionKind::Run => "run",
        SessionKind::Served => "served",
    }
}

impl Figures {
    fn new() -> Self {
        let counter = Family::counter;
        Self {
            sent: counter("twamp_session_probes_sent", "Probes sent."),
            received: counter(
                "twamp_session_probes_received",
                "Probes answered in time, each counted once.",
            ),
            lost: counter("twamp_session_probes_lost", "Probes lost, there or back."),
            one_way_lost: counter(
                "twamp_session_probes_lost_one_way",
                "Probes lost on one way, where the far end tells.",
            ),
            late: counter(
                "twamp_session_probes_late",
                "Lost probes that were answered after their time-out.",
            ),
            set_aside: counter(
                "twamp_session_probes_set_aside",
                "Probes and replies set aside for trouble of this host.",
            ),
            duplicates: counter("twamp_session_duplicates", "Copies that came back."),
            reordered: counter(
                "twamp_session_replies_reordered",
                "Replies out of order (RFC 4737).",
            ),
            in_flight: Family::gauge(
                "twamp_session_probes_in_flight",
                "Probes whose fate is open.",
            ),
            round_trip: Family::gauge(
                "twamp_session_round_trip_seconds",
                "Round trip since the session began, of percentiles of late.",
            ),
        }
    }

    fn enter(&mut self, labels: &[(&'static str, &str)], result: &SessionResult) {
        let with = |label, value| [labels, &[(label, value)]].concat();
        let lost = &result.lost;
        let everywhere = lost.forward.unwrap_or(0) + lost.backward.unwrap_or(0) + lost.unattributed;
        for (family, count) in [
            (&mut self.sent, result.sent),
            (&mut self.received, result.received),
            (&mut self.lost, everywhere),
            (&mut self.late, result.late),
            (&mut self.set_aside, result.set_aside),
            (&mut self.duplicates, result.duplicates),
            (&mut self.reordered, result.reordered),
            (&mut self.in_flight, result.in_flight),
        ] {
            family.add(labels, count as f64);
        }
        for (way, count) in [("forward", lost.forward), ("backward", lost.backward)] {
            if let Some(count) = count {
                self.one_way_lost.add(&with("direction", way), count as f64);
            }
        }
        if let Some(delay) = &result.round_trip_us {
            for (statistic, micros) in [
                ("min", delay.min),
                ("mean", delay.mean),
                ("max", delay.max),
                ("p50", delay.p50),
                ("p95", delay.p95),
                ("p99", delay.p99),
            ] {
                self.round_trip
                    .add(&with("statistic", statistic), micros / 1e6);
            }
        }
    }

    fn all(self) -> Vec<Family> {
        vec![
            self.sent,
            self.received,
            self.lost,
            self.one_way_lost,
            self.late,
            self.set_aside,
            self.duplicates,
            self.reordered,
            self.in_flight,
            self.round_trip,
        ]
    }
}
