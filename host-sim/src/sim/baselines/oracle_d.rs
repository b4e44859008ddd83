//! The attainable bound: exact CUSUMs that know what they wait for.
//!
//! 10 probes a second on each line. Of each line it knows the loss at the start, p0, and the least
//! of the losses to come that break the SLA, p1, but not when: a CUSUM of the log-likelihood ratio
//! of p1 against p0 takes in each probe, and alarms at the threshold with one false alarm a day
//! (Moustakides, 1986: no detector that is wrong as seldom is faster in the worst case). A line
//! that has alarmed is used again when a CUSUM the other way says so and it won't break again: that
//! it knows, since whoever returns too early is beaten by one who stays away. The most preferred line
//! without an alarm. A probe is lost after three times the round trip, at least 200 ms.
//!
//! What breaks an SLA other than by loss, it is told at once, as the oracle is.

use super::Rival;
use super::pinger::{Pinger, Rhythm};
use super::seat::Seats;
use crate::sim::bound::{Change, Cusum};
use crate::sim::policy::{Knob, Policy, Probing, Reply, Revealed, Setting};

const PER_SECOND: f64 = 10.0;
const RHYTHM: Rhythm = Rhythm {
    every_ms: 100,
    timeout_ms: 1_000,
    at_once: 1,
    octets: 84,
    dscp: 0,
};
const LEAST_TIMEOUT_MS: f64 = 200.0;
const MOST_TIMEOUT_MS: f64 = 20_000.0;
const DAY_S: f64 = 86_400.0;

/// One false alarm a day and line.
pub(super) const ORACLE_D: Rival = Rival {
    name: "oracle-d",
    says: "exact CUSUM that knows the losses before and after: the attainable bound at 10 probes/s",
    knob: Some(Knob {
        name: "days between false alarms of a line",
        positions: &[0.04, 0.2, 1.0, 7.0, 28.0],
    }),
    in_line: false,
    make: |setting, at| OracleD::policy(setting, at.unwrap_or(1.0)),
};

struct OracleD {
    pinger: Pinger,
    /// With a note for each line: is it right in truth?
    seats: Seats<bool>,
    /// By line and class; empty until the truth is revealed.
    detectors: Vec<Vec<Detector>>,
    /// Probes between two false alarms.
    run_length: f64,
}

/// What a class thinks of a line.
#[derive(Clone)]
struct Detector {
    /// Into the alarm and back out of it; `None`: no loss to come breaks the SLA.
    cusums: Option<[Cusum; 2]>,
    alarm: bool,
    /// Broken, but not by a loss that is waited for.
    told: bool,
    /// It has alarmed, and will have reason to again.
    shunned: bool,
}

impl OracleD {
    fn policy(setting: &Setting<'_>, days: f64) -> Box<dyn Policy> {
        Box::new(Self {
            pinger: Pinger::new(setting, RHYTHM),
            seats: Seats::new(setting, &true),
            detectors: Vec::new(),
            run_length: days * DAY_S * PER_SECOND,
        })
    }

    fn learn(&mut self, truth: &Revealed<'_>) {
        // Lines of the same kind wait for the same.
        let mut known: Vec<(Change, [Cusum; 2])> = Vec::new();
        let run_length = self.run_length;
        let mut cusums = |change: Change| {
            let same = known.iter().find(|(other, _)| *other == change);
            if let Some((_, cusums)) = same {
                return *cusums;
            }
            let cusums = [
                Cusum::towards(change, run_length),
                Cusum::back(change, run_length),
            ];
            known.push((change, cusums));
            cusums
        };
        let slas: Vec<_> = self.seats.classes().map(|seat| seat.sla).collect();
        let mut detector = |line, sla| Detector {
            cusums: Change::of(truth.losses(line), sla).map(&mut cusums),
            alarm: false,
            told: false,
            shunned: false,
        };
        let lines = 0..truth.lines();
        self.detectors = lines
            .clone()
            .map(|line| slas.iter().map(|sla| detector(line, sla)).collect())
            .collect();
        let slowest = lines
            .map(|line| truth.round_trip_ms(line))
            .fold(0.0, f64::max);
        let timeout = (3.0 * slowest).clamp(LEAST_TIMEOUT_MS, MOST_TIMEOUT_MS);
        self.pinger.give_up_after(timeout as u64);
    }
}

impl Detector {
    fn see(&mut self, lost: bool) {
        if let Some(cusums) = self.cusums.as_mut().filter(|_| !self.shunned) {
            let alarm = self.alarm;
            self.alarm ^= cusums[usize::from(alarm)].see(lost);
        }
    }
}

impl Policy for OracleD {
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
        let next = self.pinger.next();
        if next > until {
            return until;
        }
        let Self {
            pinger, detectors, ..
        } = self;
        pinger.wake(next, probing, |line| {
            for detector in detectors.get_mut(line).into_iter().flatten() {
                detector.see(true);
            }
        });
        next
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        if self.pinger.heard(reply).is_some() {
            for detector in self.detectors.get_mut(reply.line).into_iter().flatten() {
                detector.see(false);
            }
        }
    }

    fn paused(&mut self, now: u64) {
        self.pinger.paused(now);
    }

    fn for_oracles_only(&mut self, now: u64, truth: &Revealed<'_>) {
        if self.detectors.is_empty() {
            self.learn(truth);
        }
        for (line, detectors) in self.detectors.iter_mut().enumerate() {
            for (detector, class) in detectors.iter_mut().zip(self.seats.classes()) {
                let sla = &class.sla;
                detector.told = match detector.cusums {
                    Some(_) => !truth.keeps_but_for_loss(line, sla),
                    None => !truth.keeps(line, sla),
                };
                detector.shunned =
                    (detector.alarm || detector.shunned) && truth.breaks_again(now, line, sla);
            }
        }
        for (place, seat) in self.seats.iter_mut().enumerate() {
            for (right, line) in seat.notes.iter_mut().zip(&seat.order) {
                *right = truth.right(place).contains(line);
            }
        }
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let detectors = &self.detectors;
        let seat = self.seats.at(group, class);
        let good = |line: usize, _: &_, _: &bool| {
            let of_line = detectors.get(line);
            of_line.is_none_or(|of| !of[class].alarm && !of[class].told)
        };
        if !seat.settle(now, 0, good) {
            let right = seat.notes.iter().position(|right| *right);
            seat.on = right.unwrap_or(seat.on);
        }
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::ORACLE_D;
    use crate::sim::scenario::embedded;
    use crate::sim::{Wish, run};

    #[test]
    fn it_leaves_a_line_that_comes_and_goes_once_and_returns_when_it_stays() {
        let oscillator = embedded("s09-oscillator").unwrap();
        let table = run(&[&oscillator], &[&ORACLE_D], &Wish::rows(2), &|_| {}).unwrap();
        let row = &table.rows[0];
        assert_eq!(row.flaps_per_hour, Some(0.0));
        assert_eq!(row.wrong_switches_per_hour, Some(0.0));
        assert!(
            row.violation_s_per_h.is_some_and(|bad| bad < 20.0),
            "{row:?}"
        );
        assert!(row.failback_s.is_some(), "{row:?}");
    }
}
