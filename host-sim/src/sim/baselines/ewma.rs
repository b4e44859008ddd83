//! What one writes first: exponentially weighted means, and limits on them.
//!
//! 10 probes a second on each line, lost after 1 s. For each of loss (0 or 1), round trip and the
//! difference between two round trips in a row: mean ← mean + α · (value − mean), α = 0.1. The
//! first line in order whose means are within the SLA; if there is none, the one that loses least.
//!
//! Nobody's product; all parameters are ours. α = 0.1 remembers about 19 probes.

use super::means::Means;
use super::pinger::{Pinger, Rhythm};
use super::seat::Seats;
use super::{Rival, timed};
use crate::sim::policy::{Knob, Policy, Probing, Reply, Setting, Timed};

const RHYTHM: Rhythm = Rhythm {
    every_ms: 100,
    timeout_ms: 1_000,
    at_once: 1,
    octets: 84,
    dscp: 0,
};
const NS_PER_MS: f64 = 1e6;

/// With α = 0.1.
pub(super) const EWMA: Rival = Rival {
    name: "ewma",
    says: "exponentially weighted means (weight 0.1) of 10 probes a second, held against the SLA",
    knob: Some(Knob {
        name: "weight of a probe",
        positions: &[0.3, 0.1, 0.03, 0.01, 0.003],
    }),
    in_line: false,
    make: |setting, at| Ewma::policy(setting, at.unwrap_or(0.1)),
};

struct Ewma {
    pinger: Pinger,
    lines: Vec<Line>,
    seats: Seats,
}

#[derive(Clone, Copy)]
struct Line {
    weight: f64,
    means: Means,
    last_ms: Option<f64>,
}

impl Ewma {
    fn policy(setting: &Setting<'_>, weight: f64) -> Box<dyn Policy> {
        let line = Line {
            weight,
            means: Means::default(),
            last_ms: None,
        };
        timed(Self {
            pinger: Pinger::new(setting, RHYTHM),
            lines: vec![line; setting.lines.len()],
            seats: Seats::new(setting, &()),
        })
    }
}

impl Line {
    fn answered(&mut self, round_trip: i64) {
        let ms = round_trip as f64 / NS_PER_MS;
        if let Some(last) = self.last_ms.replace(ms) {
            average(&mut self.means.jitter_ms, self.weight, (ms - last).abs());
        }
        average(&mut self.means.round_trip_ms, self.weight, ms);
        average(&mut self.means.loss_percent, self.weight, 0.0);
    }

    fn lost(&mut self) {
        average(&mut self.means.loss_percent, self.weight, 100.0);
    }
}

/// A mean takes in a value; the first value is the mean.
fn average(mean: &mut Option<f64>, weight: f64, value: f64) {
    let former = mean.unwrap_or(value);
    *mean = Some(former + weight * (value - former));
}

impl Timed for Ewma {
    fn next(&self) -> u64 {
        self.pinger.next()
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self { pinger, lines, .. } = self;
        pinger.wake(now, probing, |line| lines[line].lost());
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        if let Some(round_trip) = self.pinger.heard(reply) {
            self.lines[reply.line].answered(round_trip);
        }
    }

    fn paused(&mut self, now: u64) {
        self.pinger.paused(now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let lines = &self.lines;
        let seat = self.seats.at(group, class);
        if !seat.settle(now, 0, |line, sla, ()| lines[line].means.keep(sla)) {
            let loss = |_, line: usize| Some(Means::or_worst(lines[line].means.loss_percent));
            seat.on = seat.cheapest(loss).unwrap_or(seat.on);
        }
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn a_mean_moves_by_a_tenth_of_what_is_new() {
        let mut line = Line {
            weight: 0.1,
            means: Means::default(),
            last_ms: None,
        };
        line.answered(20_000_000);
        line.answered(30_000_000);
        line.lost();
        line.answered(40_000_000);
        assert_eq!(line.means.round_trip_ms, Some(22.9));
        assert_eq!(line.means.jitter_ms, Some(10.0));
        assert_eq!(line.means.loss_percent, Some(9.0));
    }

    #[test]
    fn one_loss_breaks_two_percent_until_sixteen_answers_have_come() {
        let mut lost = 0;
        let mut lines = |line, at: f64| {
            let lose = line == 0 && at >= 10.0 && lost == 0;
            lost += u32::from(lose);
            (!lose).then_some(20.0)
        };
        let changes = Bench::new(&EWMA).run(20.0, &mut lines);
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        // 10 % · 0.9^16 is the first below 2 %.
        assert!(
            (1.5..=1.7).contains(&(back - left)),
            "after {}",
            back - left
        );
    }
}
