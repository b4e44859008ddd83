//! FortiOS, lowest cost (SLA): the first member in order that is alive and within the SLA.
//!
//! If none is, the first that is alive. It returns to an earlier member when that has been within
//! the SLA for hold-down-time: 0 s as shipped, 20 s in `fortios-sla-hold`, the best known setting.
//!
//! Read in the administration guides: the order, the fall-back, hold-down-time. That 20 s is a
//! setting in use is from memory.

use super::super::seat::Seats;
use super::super::{Rival, seconds, timed};
use super::HealthCheck;
use crate::sim::policy::{Knob, Policy, Probing, Reply, Setting, Timed};

const KNOB: Knob = Knob {
    name: "hold-down-time, seconds",
    positions: &[0.0, 20.0, 60.0, 300.0, 900.0],
};

/// As shipped.
pub(in super::super) const SLA: Rival = Rival {
    name: "fortios-sla",
    says: "FortiOS lowest cost: the first member within the SLA by its last 100 probes",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| LowestCost::policy(setting, at.unwrap_or(0.0)),
};

/// With a hold-down.
pub(in super::super) const SLA_HOLD: Rival = Rival {
    name: "fortios-sla-hold",
    says: "FortiOS lowest cost, which returns to a member after 20 s within the SLA",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| LowestCost::policy(setting, at.unwrap_or(20.0)),
};

struct LowestCost {
    check: HealthCheck,
    seats: Seats,
    hold: u64,
}

impl LowestCost {
    fn policy(setting: &Setting<'_>, hold_s: f64) -> Box<dyn Policy> {
        timed(Self {
            check: HealthCheck::new(setting),
            seats: Seats::new(setting, &()),
            hold: seconds(hold_s),
        })
    }
}

impl Timed for LowestCost {
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

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let members = &self.check.members;
        let seat = self.seats.at(group, class);
        let any = seat.settle(now, self.hold, |line, sla, ()| {
            let member = &members[line];
            member.is_alive() && member.means().keep(sla)
        });
        if !any {
            let alive = seat.first(|line| members[line].is_alive());
            seat.on = alive.unwrap_or(seat.on);
        }
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bench::{Bench, dead};
    use super::*;

    #[test]
    fn a_dead_member_is_left_after_five_losses_or_three_in_a_hundred() {
        // Three losses break the SLA of 2 % before five are a dead member.
        let changes = Bench::new(&SLA).run(110.0, &mut dead(100.0, f64::MAX));
        let [(left, 1)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((101.4..=102.1).contains(&left), "left at {left}");
    }

    #[test]
    fn three_losses_of_a_hundred_break_two_percent_and_two_do_not() {
        for (losses, left) in [(2, false), (3, true)] {
            let mut probes = 0;
            let mut lines = |line, at: f64| {
                let lost = line == 0 && at >= 60.0 && probes % 10 == 0 && probes < losses * 10;
                probes += u32::from(line == 0 && at >= 60.0);
                (!lost).then_some(20.0)
            };
            let changes = Bench::new(&SLA).run(100.0, &mut lines);
            assert_eq!(!changes.is_empty(), left, "{losses} losses: {changes:?}");
        }
    }

    #[test]
    fn the_hold_delays_only_the_return() {
        let times = |rival: &Rival| {
            let changes = Bench::new(rival).run(300.0, &mut dead(100.0, 120.0));
            let [(left, 1), (back, 0)] = changes[..] else {
                panic!("{changes:?}");
            };
            (left, back)
        };
        let (left, back) = times(&SLA);
        assert_eq!(times(&SLA_HOLD).0, left);
        let held = times(&SLA_HOLD).1 - back;
        assert!((held - 20.0).abs() < 0.11, "{held} s later");
    }
}
