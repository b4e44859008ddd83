//! Palo Alto PAN-OS SD-WAN.
//!
//! A probe every 200 ms. Loss, latency and jitter are means of the last 3 probes; a path whose
//! loss or latency or jitter is above its limit is not used. The first good path of the list is;
//! an earlier one is returned to when it has been good for 120 s. If none is good, it stays.
//!
//! Read in the vendor's documentation: the interval, the 3 measurements, the limits joined by
//! "or", the order. From memory: the failback hold of 120 s and what happens when no path is
//! good. That a probe is lost after 1 s is ours.

use super::pinger::{Pinger, Rhythm};
use super::seat::Seats;
use super::window::Window;
use super::{Rival, seconds, timed};
use crate::sim::policy::{Knob, Policy, Probing, Reply, Setting, Timed};

const RHYTHM: Rhythm = Rhythm {
    every_ms: 200,
    timeout_ms: 1_000,
    at_once: 1,
    octets: 84,
    dscp: 0,
};
const MEASUREMENTS: usize = 3;

/// As shipped.
pub(super) const PANOS: Rival = Rival {
    name: "panos",
    says: "PAN-OS: limits on the mean of the last 3 probes, failback after 120 s",
    knob: Some(Knob {
        name: "failback hold, seconds",
        positions: &[20.0, 60.0, 120.0, 300.0, 900.0],
    }),
    in_line: false,
    make: |setting, at| PanOs::policy(setting, at.unwrap_or(120.0)),
};

struct PanOs {
    pinger: Pinger,
    paths: Vec<Window>,
    seats: Seats,
    hold: u64,
}

impl PanOs {
    fn policy(setting: &Setting<'_>, hold_s: f64) -> Box<dyn Policy> {
        timed(Self {
            pinger: Pinger::new(setting, RHYTHM),
            paths: vec![Window::new(MEASUREMENTS); setting.lines.len()],
            seats: Seats::new(setting, &()),
            hold: seconds(hold_s),
        })
    }
}

impl Timed for PanOs {
    fn next(&self) -> u64 {
        self.pinger.next()
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self { pinger, paths, .. } = self;
        pinger.wake(now, probing, |line| paths[line].lost());
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        if let Some(round_trip) = self.pinger.heard(reply) {
            self.paths[reply.line].answered(round_trip);
        }
    }

    fn paused(&mut self, now: u64) {
        self.pinger.paused(now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let paths = &self.paths;
        let seat = self.seats.at(group, class);
        seat.settle(now, self.hold, |line, sla, ()| {
            paths[line].means().keep(sla)
        });
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[test]
    fn one_slow_probe_counts_a_third() {
        for (slow_ms, left) in [(85.0, false), (420.0, true)] {
            let mut lines = |line, at: f64| {
                // The jitter of a single step would break its own limit: slow by a ramp.
                let slow = line == 0 && at >= 10.0;
                let ramp = ((at - 10.0) * 100.0).min(slow_ms);
                Some(if slow { 20.0 + ramp } else { 20.0 })
            };
            let changes = Bench::new(&PANOS).run(20.0, &mut lines);
            assert_eq!(!changes.is_empty(), left, "{slow_ms} ms: {changes:?}");
        }
    }

    #[test]
    fn one_lost_probe_is_a_third_and_failback_takes_two_minutes() {
        let mut lost = 0;
        let mut lines = |line, at: f64| {
            let lose = line == 0 && at >= 10.0 && lost == 0;
            lost += u32::from(lose);
            (!lose).then_some(20.0)
        };
        let changes = Bench::new(&PANOS).run(200.0, &mut lines);
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((11.0..=11.4).contains(&left), "left at {left}");
        // Good again three probes after the loss was known.
        assert!(
            (120.4..=120.9).contains(&(back - left)),
            "after {}",
            back - left
        );
    }
}
