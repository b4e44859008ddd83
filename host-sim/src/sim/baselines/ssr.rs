//! Juniper Session Smart Router (SSR).
//!
//! For life, a BFD hello a second; 3 missed, the path is down. For quality, a link test of 10
//! packets every 10 s, whose loss, latency and jitter are held against the service policy. A path
//! that was down or bad is used again after a hold-down of 5 s in which it was neither, which
//! doubles each time up to 3600 s, and is 5 s again after an hour without. The first path in order
//! that is usable; if there is none, the first that is up.
//!
//! Read in the vendor's documentation: the test's length and interval, the multiplier, the
//! hold-down, its doubling ("dynamic damping", off as shipped) and its most. From memory: that the
//! packets of a test leave together. Ours: when the doubling ends, and that a probe is lost after
//! 1 s.

use super::liveness::Liveness;
use super::pinger::{Pinger, Rhythm};
use super::seat::Seats;
use super::window::Window;
use super::{Rival, seconds, timed};
use crate::sim::policy::{Knob, Probing, Reply, Timed};

const HELLOS: Rhythm = Rhythm {
    every_ms: 1_000,
    timeout_ms: 1_000,
    at_once: 1,
    octets: 80,
    dscp: 48,
};
const TEST: Rhythm = Rhythm {
    every_ms: 10_000,
    timeout_ms: 1_000,
    at_once: 10,
    octets: 80,
    dscp: 0,
};
const MOST_HOLD_S: f64 = 3_600.0;

/// With dynamic damping: its best known setting.
pub(super) const SSR: Rival = Rival {
    name: "ssr",
    says: "Juniper SSR: tests of 10 packets each 10 s, hold-down of 5 s that doubles",
    knob: Some(Knob {
        name: "hold-down, seconds",
        positions: &[1.0, 5.0, 30.0, 120.0, 600.0],
    }),
    in_line: false,
    make: |setting, at| {
        let hold = seconds(at.unwrap_or(5.0));
        let path = Path {
            liveness: Liveness::new(3, 1),
            test: Window::new(TEST.at_once as usize),
        };
        timed(Ssr {
            hellos: Pinger::tagged(setting, HELLOS, 0),
            tests: Pinger::tagged(setting, TEST, 1),
            paths: vec![path; setting.lines.len()],
            seats: Seats::new(setting, &HoldDown::new(hold)),
        })
    },
};

struct Ssr {
    hellos: Pinger,
    tests: Pinger,
    paths: Vec<Path>,
    seats: Seats<HoldDown>,
}

/// A line.
#[derive(Clone)]
struct Path {
    liveness: Liveness,
    /// The packets of the last test.
    test: Window,
}

/// How long a class still keeps away from a path.
#[derive(Clone, Copy)]
struct HoldDown {
    first: u64,
    /// The next one's length.
    next: u64,
    /// Usable from then on, unless it turns bad; `None`: it is bad.
    usable_at: Option<u64>,
    /// When it turned bad last.
    bad_at: u64,
}

impl HoldDown {
    fn new(first: u64) -> Self {
        Self {
            first,
            next: first,
            usable_at: Some(0),
            bad_at: 0,
        }
    }

    fn see(&mut self, now: u64, fine: bool) {
        match (fine, self.usable_at) {
            (true, None) => {
                self.usable_at = Some(now + self.next);
                self.next = (2 * self.next).min(seconds(MOST_HOLD_S));
            }
            (false, Some(_)) => {
                if now - self.bad_at >= seconds(MOST_HOLD_S) {
                    self.next = self.first;
                }
                self.usable_at = None;
            }
            _ => {}
        }
        if !fine {
            self.bad_at = now;
        }
    }

    fn is_over(&self, now: u64) -> bool {
        self.usable_at.is_some_and(|at| at <= now)
    }
}

impl Timed for Ssr {
    fn next(&self) -> u64 {
        self.hellos.next().min(self.tests.next())
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self {
            hellos,
            tests,
            paths,
            ..
        } = self;
        if hellos.next() <= now {
            hellos.wake(now, probing, |line| paths[line].liveness.lost());
        }
        if tests.next() <= now {
            tests.wake(now, probing, |line| paths[line].test.lost());
        }
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        let path = &mut self.paths[reply.line];
        if self.hellos.heard(reply).is_some() {
            path.liveness.answered();
        } else if let Some(round_trip) = self.tests.heard(reply) {
            path.test.answered(round_trip);
        }
    }

    fn paused(&mut self, now: u64) {
        self.hellos.paused(now);
        self.tests.paused(now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let paths = &self.paths;
        let seat = self.seats.at(group, class);
        for (hold, &line) in seat.notes.iter_mut().zip(&seat.order) {
            let path = &paths[line];
            hold.see(
                now,
                path.liveness.is_alive() && path.test.means().keep(&seat.sla),
            );
        }
        if !seat.settle(now, 0, |_, _, hold| hold.is_over(now)) {
            let up = seat.first(|line| paths[line].liveness.is_alive());
            seat.on = up.unwrap_or(seat.on);
        }
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, dead};
    use super::*;

    #[test]
    fn three_hellos_missed_are_a_path_down_and_the_hold_down_comes_after() {
        // Between two tests, so that none of them sees it.
        let mut tests = Vec::new();
        Bench::new(&SSR).run(40.0, &mut |line, at| {
            if line == 0 {
                tests.push(at);
            }
            Some(20.0)
        });
        let test = *tests
            .windows(10)
            .find(|at| at[0] == at[9])
            .unwrap()
            .first()
            .unwrap();
        let from = test + 20.5;
        let changes = Bench::new(&SSR).run(100.0, &mut dead(from, from + 5.0));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!(
            (3.0..=4.2).contains(&(left - from)),
            "after {}",
            left - from
        );
        assert!((5.0..=6.2).contains(&(back - from - 5.0)), "back at {back}");
    }

    #[test]
    fn one_packet_of_a_test_is_ten_percent() {
        let mut sent_at = (0.0, 0);
        let mut lines = |line, at: f64| {
            if line == 0 {
                sent_at = (at, if sent_at.0 == at { sent_at.1 + 1 } else { 1 });
            }
            (line == 1 || sent_at.1 != 4 || at > 30.0).then_some(20.0)
        };
        let changes = Bench::new(&SSR).run(60.0, &mut lines);
        let [(_, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((35.0..=46.0).contains(&back), "back at {back}");
    }

    #[test]
    fn hold_downs_double_up_to_an_hour_and_begin_anew_after_a_quiet_one() {
        let mut hold = HoldDown::new(seconds(5.0));
        let mut now = 0;
        let mut held = || {
            hold.see(now, false);
            hold.see(now + 1, true);
            let held = hold.usable_at.unwrap() - now - 1;
            now += held + 2;
            held
        };
        let lengths: Vec<_> = (0..12).map(|_| held()).collect();
        let doubled = (0..12).map(|n| seconds(5.0 * f64::from(1 << n)).min(seconds(3_600.0)));
        assert_eq!(lengths[..10], doubled.collect::<Vec<_>>()[..10]);
        hold.see(now + seconds(4_000.0), false);
        hold.see(now + seconds(4_001.0), true);
        assert_eq!(hold.usable_at, Some(now + seconds(4_006.0)));
    }
}
