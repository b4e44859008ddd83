//! Is another line that keeps the SLA as well shown to be better? An anytime-valid test, second by
//! second.
//!
//! ```text
//!   a second in which the other is clearly better:  wealth × 1.5
//!                                clearly worse:     wealth × 0.5
//!                                about as good:     no bet
//! ```
//!
//! Who bets on a line that is no better in more than half of the seconds has, whatever was before,
//! no more wealth than before in the mean; so it exceeds a times what was staked in one case of a,
//! whenever one looks (Ville, 1939). A day's stake is split over all of its seconds, so that a bet
//! may begin in each. How often it may be wrong is what was promised of the class.

use std::time::Duration;

use plugin_abi::config::Sla;
use twamp_core::time::Mono;

use super::choose::Row;
use crate::line::Metric;

/// Figures are compared over so much time.
const BLOCK: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// The part of the wealth that is bet.
const BET: f64 = 0.5;
/// Less than this part of the worse one is no difference that matters, nor is this much of a limit.
const CLEARLY: f64 = 0.1;
const MATTERS: f64 = 0.01;

/// Those who compete with the line of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals {
    /// Against this line.
    on: Option<u64>,
    began: Mono,
    day: Mono,
    rivals: Vec<Rival>,
}

#[derive(Clone, Debug)]
struct Rival {
    line: u64,
    before: Tally,
    wealth: f64,
    record: Record,
}

/// Seconds of a rival that was clearly better or worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) better: u32,
    pub(super) worse: u32,
}

/// What a line had counted.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    probes: u64,
    lost: u64,
    answers: u64,
    nanos: i64,
}

impl Rivals {
    /// The second that is over, if one is, for a class that is on `on`.
    pub(super) fn look(&mut self, now: Mono, on: u64, rows: &[Row<'_>]) {
        if self.on != Some(on) || now.since(self.day) >= DAY {
            *self = Self {
                on: Some(on),
                began: now,
                day: now,
                rivals: rows.iter().map(Rival::new).collect(),
            };
            return;
        }
        if now.since(self.began) < BLOCK {
            return;
        }
        self.began = now;
        let known = std::mem::take(&mut self.rivals);
        let seconds = rows.iter().map(|row| {
            let known = known.iter().find(|rival| rival.line == row.candidate.line);
            let mut rival = known.cloned().unwrap_or_else(|| Rival::new(row));
            let tally = Tally::of(row);
            let cost = cost(&tally.since(&rival.before), row);
            rival.before = tally;
            (rival, cost)
        });
        let mut seconds: Vec<_> = seconds.collect();
        let own = seconds.iter().find(|(rival, _)| rival.line == on);
        if let Some(own) = own.and_then(|(_, cost)| *cost) {
            for (rival, cost) in &mut seconds {
                if let Some(cost) = cost.filter(|_| rival.line != on) {
                    rival.bet(cost, own);
                }
            }
        }
        self.rivals = seconds.into_iter().map(|(rival, _)| rival).collect();
    }

    /// What speaks for a line, if it is shown to be better, where a mistake may be made once in
    /// so much time.
    pub(super) fn is_better(&self, line: u64, mistake_every: Duration) -> Option<Record> {
        let rival = self.rivals.iter().find(|rival| rival.line == line)?;
        let others = self.rivals.len().saturating_sub(1).max(1) as f64;
        let days = mistake_every.div_duration_f64(DAY).max(1.0);
        (rival.wealth >= days * others).then_some(rival.record)
    }
}

impl Rival {
    fn new(row: &Row<'_>) -> Self {
        Self {
            line: row.candidate.line,
            before: Tally::of(row),
            wealth: 0.0,
            record: Record::default(),
        }
    }

    /// One more second, in which this line cost so much, and that of the class `own`.
    fn bet(&mut self, cost: f64, own: f64) {
        self.wealth += BLOCK.div_duration_f64(DAY);
        if (own - cost).abs() < MATTERS.max(CLEARLY * own.max(cost)) {
            return;
        }
        if cost < own {
            self.wealth *= 1.0 + BET;
            self.record.better += 1;
        } else {
            self.wealth *= 1.0 - BET;
            self.record.worse += 1;
        }
    }
}

impl Tally {
    fn of(row: &Row<'_>) -> Self {
        let (probes, lost) = row.candidate.estimator.totals();
        let (answers, nanos) = row.candidate.estimator.round_trips();
        Self {
            probes,
            lost,
            answers,
            nanos,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            probes: self.probes.saturating_sub(before.probes),
            lost: self.lost.saturating_sub(before.lost),
            answers: self.answers.saturating_sub(before.answers),
            nanos: self.nanos.wrapping_sub(before.nanos),
        }
    }
}

/// How much of the limits a second took, added up; `None`: nothing was measured.
fn cost(second: &Tally, row: &Row<'_>) -> Option<f64> {
    let sla: &Sla = row.sla;
    let mut cost = 0.0;
    for metric in Metric::ALL {
        let Some(limit) = metric.limit(sla) else {
            continue;
        };
        let measured = match metric {
            Metric::Loss if second.probes > 0 => 1e2 * second.lost as f64 / second.probes as f64,
            Metric::RoundTrip if second.answers > 0 => {
                second.nanos as f64 / second.answers as f64 / 1e6
            }
            // Over a second there are too few of them.
            Metric::Jitter => metric.measured(&row.candidate.estimate.window)?,
            Metric::Loss | Metric::RoundTrip => return None,
        };
        cost += measured / limit.max(1e-3);
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::synthetic::Random;

    fn rival() -> Rival {
        Rival {
            line: 1,
            before: Tally::default(),
            wealth: 0.0,
            record: Record::default(),
        }
    }

    /// Seconds until the wealth is `enough`, within a day, of a line that is better in `share`.
    fn until(share: f64, enough: f64, seed: u64) -> Option<u32> {
        let (mut rival, mut random) = (rival(), Random::new(seed));
        (1..86_400).find(|_| {
            let cost = if random.uniform() < share { 0.5 } else { 1.5 };
            rival.bet(cost, 1.0);
            rival.wealth >= enough
        })
    }

    #[test]
    fn lines_that_are_as_good_are_mistaken_no_more_often_than_promised() {
        let days = 300;
        let mistakes = (0..days).filter(|&day| until(0.5, 7.0, day).is_some());
        let mistakes = mistakes.count() as f64;
        // Once a week is promised; three standard errors above that are no chance.
        let promised = days as f64 / 7.0;
        assert!(mistakes <= promised + 3.0 * promised.sqrt(), "{mistakes}");
    }

    #[test]
    fn a_line_that_is_always_better_is_known_within_a_minute() {
        assert!(until(1.0, 14.0, 1).unwrap() < 60);
        assert!(until(0.8, 14.0, 1).unwrap() < 300);
    }

    #[test]
    fn a_difference_that_does_not_matter_is_no_bet() {
        let mut rival = rival();
        for _ in 0..1_000 {
            rival.bet(0.95, 1.0);
            rival.bet(0.004, 0.0);
        }
        assert_eq!(rival.record, Record::default());
    }
}
