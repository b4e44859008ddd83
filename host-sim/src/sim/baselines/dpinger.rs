//! dpinger, which watches the gateways of pfSense and OPNsense.
//!
//! A ping every 500 ms; it counts as lost when it is unanswered for 2 s. Every second the last
//! 60 s, 120 pings, are looked at: an alarm if their mean round trip is above 500 ms or more than
//! 20 % of them are lost. It ends when all has been normal for 10 s. Traffic goes to the first
//! gateway of the group without an alarm; if all have one, it stays.
//!
//! Read in dpinger's source and pfSense's documentation: all of it but what happens when all
//! gateways have an alarm, which is from memory. `dpinger-200` alarms at the limits at which
//! pfSense warns, 200 ms and 10 %: the strictest that are in use.

use super::pinger::{Pinger, Rhythm};
use super::seat::Seats;
use super::window::Window;
use super::{Rival, seconds, timed};
use crate::sim::policy::{Knob, Policy, Probing, Reply, Setting, Timed};

const RHYTHM: Rhythm = Rhythm {
    every_ms: 500,
    timeout_ms: 2_000,
    at_once: 1,
    octets: 28,
    dscp: 0,
};
/// Pings in 60 s.
const WINDOW: usize = 120;
const CHECK_S: f64 = 1.0;
const HOLD_S: f64 = 10.0;

const KNOB: Knob = Knob {
    name: "loss alarm, percent",
    positions: &[2.0, 5.0, 10.0, 20.0, 40.0],
};

/// As pfSense ships it.
pub(super) const PFSENSE: Rival = Rival {
    name: "dpinger",
    says: "pfSense's dpinger: an alarm at 500 ms or 20 % loss of a minute",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| Dpinger::policy(setting, 500.0, at.unwrap_or(20.0)),
};

/// At the limits of its warnings.
pub(super) const STRICT: Rival = Rival {
    name: "dpinger-200",
    says: "pfSense's dpinger: an alarm at 200 ms or 10 % loss of a minute",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| Dpinger::policy(setting, 200.0, at.unwrap_or(10.0)),
};

struct Dpinger {
    pinger: Pinger,
    gateways: Vec<Gateway>,
    seats: Seats,
    check_at: u64,
    round_trip_ms: f64,
    loss_percent: f64,
}

#[derive(Clone)]
struct Gateway {
    window: Window,
    alarm: bool,
    /// The last check that wasn't normal.
    last_bad: u64,
}

impl Dpinger {
    fn policy(setting: &Setting<'_>, round_trip_ms: f64, loss_percent: f64) -> Box<dyn Policy> {
        let gateway = Gateway {
            window: Window::new(WINDOW),
            alarm: false,
            last_bad: 0,
        };
        let pinger = Pinger::new(setting, RHYTHM);
        timed(Self {
            check_at: pinger.next() + seconds(CHECK_S),
            pinger,
            gateways: vec![gateway; setting.lines.len()],
            seats: Seats::new(setting, &()),
            round_trip_ms,
            loss_percent,
        })
    }

    fn check(&mut self, now: u64) {
        for gateway in &mut self.gateways {
            let means = gateway.window.means();
            let above = |found: Option<f64>, limit| found.is_some_and(|found| found > limit);
            let bad = above(means.round_trip_ms, self.round_trip_ms)
                || above(means.loss_percent, self.loss_percent);
            if bad {
                gateway.last_bad = now;
            }
            gateway.alarm = bad || gateway.alarm && now - gateway.last_bad < seconds(HOLD_S);
        }
    }
}

impl Timed for Dpinger {
    fn next(&self) -> u64 {
        self.pinger.next().min(self.check_at)
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self {
            pinger, gateways, ..
        } = self;
        pinger.wake(now, probing, |line| gateways[line].window.lost());
        if self.check_at <= now {
            self.check(now);
            self.check_at += seconds(CHECK_S);
        }
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        if let Some(round_trip) = self.pinger.heard(reply) {
            self.gateways[reply.line].window.answered(round_trip);
        }
    }

    fn paused(&mut self, now: u64) {
        self.pinger.paused(now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let gateways = &self.gateways;
        let seat = self.seats.at(group, class);
        seat.settle(now, 0, |line, _, ()| !gateways[line].alarm);
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, dead, each_nth_lost};
    use super::*;

    #[test]
    fn a_dead_line_alarms_when_more_than_a_fifth_of_the_minute_is_lost() {
        let changes = Bench::new(&PFSENSE).run(300.0, &mut dead(100.0, 130.0));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((114.0..=115.6).contains(&left), "left at {left}");
        // 24 of the 60 losses are left in the window 48 s after it came back; then the hold.
        assert!((187.0..=191.6).contains(&back), "back at {back}");
    }

    #[test]
    fn five_percent_loss_never_alarms() {
        for rival in [PFSENSE, STRICT] {
            let changes = Bench::new(&rival).run(2_000.0, &mut each_nth_lost(100.0, 20));
            assert_eq!(changes, [], "{}", rival.name);
        }
    }
}
