//! FortiOS, best quality: the member with the least latency, jitter or loss.
//!
//! Whenever it is asked: of all that are alive, the one whose metric is least, where that of the
//! first-listed member is divided by 1.10 beforehand (link-cost-threshold, 10 %); there is no
//! hold-down. Whether the first-listed or the present member is favoured is told either way;
//! `fortios-bq-incumbent` is the other reading. All dead: it stays where it is.
//!
//! Read in the administration guides: the threshold and what it divides. Nothing from memory.

use super::super::means::Means;
use super::super::seat::Seats;
use super::super::{Rival, timed};
use super::HealthCheck;
use crate::sim::policy::{Knob, Policy, Probing, Reply, Setting, Timed};

/// The link-cost-threshold as shipped, percent.
const THRESHOLD: f64 = 10.0;

pub(super) const KNOB: Knob = Knob {
    name: "link-cost-threshold, percent",
    positions: &[0.0, THRESHOLD, 25.0, 50.0, 100.0],
};

/// By latency.
pub(in super::super) const BQ: Rival = Rival {
    name: "fortios-bq",
    says: "FortiOS best quality: the least latency of 30 probes, the first member 10 % in favour",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| BestQuality::policy(setting, at, latency, Favoured::FirstListed),
};

/// By jitter.
pub(in super::super) const BQ_JITTER: Rival = Rival {
    name: "fortios-bq-jitter",
    says: "FortiOS best quality: the least jitter of 30 probes, the first member 10 % in favour",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| {
        let jitter = |means: &Means| Means::or_worst(means.jitter_ms);
        BestQuality::policy(setting, at, jitter, Favoured::FirstListed)
    },
};

/// By loss.
pub(in super::super) const BQ_LOSS: Rival = Rival {
    name: "fortios-bq-loss",
    says: "FortiOS best quality: the least loss of 100 probes, the first member 10 % in favour",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| {
        let loss = |means: &Means| Means::or_worst(means.loss_percent);
        BestQuality::policy(setting, at, loss, Favoured::FirstListed)
    },
};

/// By latency, with the present member in favour.
pub(in super::super) const BQ_INCUMBENT: Rival = Rival {
    name: "fortios-bq-incumbent",
    says: "FortiOS best quality: the least latency of 30 probes, the present member 10 % in favour",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| BestQuality::policy(setting, at, latency, Favoured::Incumbent),
};

fn latency(means: &Means) -> f64 {
    Means::or_worst(means.round_trip_ms)
}

/// Whose metric is divided.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Favoured {
    FirstListed,
    Incumbent,
}

/// Chooses by one number.
pub(super) struct BestQuality {
    check: HealthCheck,
    seats: Seats,
    metric: fn(&Means) -> f64,
    favoured: Favoured,
    /// What the favoured one's metric is divided by.
    divisor: f64,
}

impl BestQuality {
    /// With the threshold at this many percent, or as shipped.
    pub(super) fn policy(
        setting: &Setting<'_>,
        threshold: Option<f64>,
        metric: fn(&Means) -> f64,
        favoured: Favoured,
    ) -> Box<dyn Policy> {
        timed(Self {
            check: HealthCheck::new(setting),
            seats: Seats::new(setting, &()),
            metric,
            favoured,
            divisor: 1.0 + threshold.unwrap_or(THRESHOLD) / 100.0,
        })
    }
}

impl Timed for BestQuality {
    fn next(&self) -> u64 {
        self.check.pinger.next()
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        self.check.wake(now, probing);
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        self.check.heard(reply);
    }

    fn paused(&mut self, now: u64) {
        self.check.pinger.paused(now);
    }

    fn choose(&mut self, _: u64, group: usize, class: usize) -> Option<usize> {
        let Self { check, metric, .. } = self;
        let seat = self.seats.at(group, class);
        let favoured = match self.favoured {
            Favoured::FirstListed => 0,
            Favoured::Incumbent => seat.on,
        };
        let cost = |place: usize, line: usize| {
            let member = &check.members[line];
            let cost = metric(&member.means());
            let divisor = if place == favoured { self.divisor } else { 1.0 };
            member.is_alive().then_some(cost / divisor)
        };
        seat.on = seat.cheapest(cost).unwrap_or(seat.on);
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bench::{Bench, dead};
    use super::*;

    #[test]
    fn the_first_listed_member_is_left_only_for_one_better_by_more_than_a_tenth() {
        for (rival, other_ms, left) in [(BQ, 91.5, false), (BQ, 90.5, true)] {
            let mut bench = Bench::new(&rival);
            let mut lines = |line, _| Some([100.0, other_ms][line]);
            let changes = bench.run(60.0, &mut lines);
            assert_eq!(!changes.is_empty(), left, "{other_ms} ms: {changes:?}");
        }
    }

    #[test]
    fn the_favour_goes_with_the_list_or_with_the_present_member() {
        // Line 1 is better by far for a while; then a little worse.
        let lines = |line: usize, at: f64| match (line, at < 100.0) {
            (0, _) => Some(100.0),
            (_, true) => Some(50.0),
            (_, false) => Some(104.0),
        };
        for (rival, returns) in [(BQ, true), (BQ_INCUMBENT, false)] {
            let mut bench = Bench::new(&rival);
            bench.run(100.0, &mut { lines });
            let changes = bench.run(200.0, &mut { lines });
            assert_eq!(!changes.is_empty(), returns, "{}: {changes:?}", rival.name);
        }
    }

    #[test]
    fn five_losses_in_a_row_are_a_dead_member() {
        let changes = Bench::new(&BQ).run(200.0, &mut dead(100.0, 150.0));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((102.4..=103.1).contains(&left), "left at {left}");
        assert!((152.0..=153.0).contains(&back), "back at {back}");
    }
}
