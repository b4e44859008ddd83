//! How soon a change of loss can be known at all: the exact CUSUM.
//!
//! ```text
//!   lost: + m ──┐
//!               ├─► S = max(0, S + step) ─► S ≥ limit: alarm
//!   answered: −1┘
//! ```
//!
//! The CUSUM of the log-likelihood ratio is optimal: no detector with as few false alarms is faster
//! in the worst case (Lorden, 1971; Moustakides, 1986). For losses the ratio has two steps,
//! ln(p1/p0) and ln((1 − p1)/(1 − p0)); divided by the size of the second and rounded they are
//! whole numbers (Reynolds and Stoumbos, 1999), S is a Markov chain, and the mean number of probes
//! until an alarm follows exactly from linear equations.

use plugin_abi::config::Sla;

use super::measure::Measures;
use super::revealed::Loss;
use super::run::Stage;

/// A line that loses less isn't told from one that loses nothing.
const LEAST_LOSS: f64 = 1e-6;
/// The longest step that is reckoned with.
const MOST_STEP: f64 = 10_000.0;

/// A line loses more from some moment on; shares of round trips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Before.
    pub before: f64,
    /// From then on.
    pub after: f64,
}

/// The statistic with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cusum {
    lost: i64,
    answered: i64,
    limit: i64,
    at: i64,
}

impl Change {
    /// The least of the losses to come that breaks an SLA which is kept at the start.
    #[must_use]
    pub fn of(losses: impl IntoIterator<Item = f64>, sla: &Sla) -> Option<Self> {
        let mut losses = losses.into_iter();
        let before = losses.next()?;
        let most = sla.loss_percent? / 100.0;
        let breaking = losses.filter(|loss| *loss > most);
        let after = breaking.min_by(f64::total_cmp)?;
        (before <= most).then_some(Self { before, after })
    }

    fn before(&self) -> f64 {
        self.before.max(LEAST_LOSS)
    }

    /// What a loss says, in answers.
    fn step(&self) -> f64 {
        let lost = (self.after / self.before()).ln();
        (lost / self.answer()).round().clamp(1.0, MOST_STEP)
    }

    /// What an answer says, in nats.
    fn answer(&self) -> f64 {
        ((1.0 - self.before()) / (1.0 - self.after)).ln()
    }

    /// Probes until an alarm at this threshold, on average: before the change, and from it on. At 0
    /// each probe is an alarm.
    fn lengths(&self, limit: i64) -> (f64, f64) {
        let (step, limit) = (self.step() as usize, limit as usize);
        match (limit, self.is_death()) {
            (0, _) => (1.0, 1.0),
            (_, true) => (self.length_before(limit), limit as f64),
            (_, false) => (
                self.length_before(limit),
                until_alarm(self.after, step, limit),
            ),
        }
    }

    fn length_before(&self, limit: usize) -> f64 {
        match self.is_death() {
            true => losses_in_a_row(self.before(), limit as u32),
            false => until_alarm(self.before(), self.step() as usize, limit),
        }
    }

    /// Nothing comes through any more: one answer refutes it.
    fn is_death(&self) -> bool {
        self.after >= 1.0
    }
}

impl Cusum {
    /// Waits for the change; so many probes pass on average between two false alarms.
    #[must_use]
    pub fn towards(change: Change, run_length: f64) -> Self {
        let lost = change.step() as i64;
        let is_enough = |limit: &usize| change.length_before(*limit) >= run_length;
        let limit = first(is_enough) as i64;
        Self {
            lost,
            answered: if change.is_death() { -limit } else { -1 },
            limit,
            at: 0,
        }
    }

    /// Waits for the way back. The threshold is the logarithm of the run length, which is enough
    /// for any CUSUM.
    #[must_use]
    pub fn back(change: Change, run_length: f64) -> Self {
        let limit = match change.is_death() {
            true => 1,
            false => (run_length.ln() / change.answer()).ceil().max(1.0) as i64,
        };
        Self {
            lost: -(change.step() as i64),
            answered: 1,
            limit,
            at: 0,
        }
    }

    /// Takes in a probe. True: an alarm, and it begins anew.
    pub fn see(&mut self, lost: bool) -> bool {
        let step = if lost { self.lost } else { self.answered };
        self.at = (self.at + step).max(0);
        let alarm = self.at >= self.limit;
        if alarm {
            self.at = 0;
        }
        alarm
    }
}

/// Seconds until a change is known, on average, at so many probes a second and so many seconds
/// between two false alarms. A probe's way and its time-out come on top.
#[must_use]
pub fn least_delay_s(change: Change, probes_per_s: f64, false_alarm_each_s: f64) -> f64 {
    let cusum = Cusum::towards(change, false_alarm_each_s * probes_per_s);
    let (_, probes) = change.lengths(cusum.limit);
    probes / probes_per_s
}

/// Probes until a change is known, on average, with so many between two false alarms. Thresholds
/// are whole numbers; between two of them lies who draws lots for one or the other.
fn least_probes(change: Change, run_length: f64) -> f64 {
    let limit = Cusum::towards(change, run_length).limit;
    let (length_below, below) = change.lengths(limit - 1);
    let (length, above) = change.lengths(limit);
    let share = (run_length - length_below) / (length - length_below);
    below + share.clamp(0.0, 1.0) * (above - below)
}

/// Probes that a line was sent from a change until the switch, divided by the least that are
/// enough to know it at all with as many pointless switches. How many those are is told by a long
/// run in which nothing happens; if it has none, one in all of its time is reckoned with.
///
/// `None`: it did not always switch, or the scenario isn't about one change of loss. Chance can
/// bring it a little below 1 where there are few seeds.
pub(super) fn ratio(stage: &Stage<'_>, sums: &Measures, quiet: &Measures) -> Option<f64> {
    let change = only_change(stage)?;
    let switches = sums.to_switch.len();
    if sums.never > 0 || switches == 0 || sums.looked == 0 {
        return None;
    }
    let each_s = quiet.line_seconds / f64::from(quiet.pointless.max(1));
    let least = least_probes(change, each_s * quiet.probes_per_s());
    Some(sums.looked as f64 / switches as f64 / least)
}

/// The change of loss that a scenario is about, if it is about one.
pub(super) fn only_change(stage: &Stage<'_>) -> Option<Change> {
    let mut changes = stage.classes.iter().flat_map(|class| {
        let of_line = |losses: &Vec<Loss>| {
            let shares = losses.iter().map(|loss| loss.share);
            Change::of(shares, &class.sla)
        };
        stage.losses.iter().filter_map(of_line)
    });
    let change = changes.next()?;
    changes.all(|other| other == change).then_some(change)
}

/// The first whole number from 1 on that is enough, of which all greater ones are.
fn first(is_enough: impl Fn(&usize) -> bool) -> usize {
    let mut above = 1;
    while !is_enough(&above) {
        above *= 2;
    }
    let mut below = above / 2;
    while above - below > 1 {
        let middle = usize::midpoint(below, above);
        match is_enough(&middle) {
            true => above = middle,
            false => below = middle,
        }
    }
    above
}

/// Probes until an alarm, on average, from 0 on: each is lost with probability `p` and raises the
/// statistic by `step`, or lowers it by 1.
///
/// With E(i) for the mean from i on, E(i) = 1 + p·E(i + step) + (1 − p)·E(i − 1), and 0 from the
/// limit on. As it falls by 1 at a time, E(i) = a(i) + b(i)·E(i − 1); a and b follow from the top.
fn until_alarm(p: f64, step: usize, limit: usize) -> f64 {
    let mut on = vec![(0.0, 0.0); limit + step];
    for i in (0..limit).rev() {
        // E(i + step) as a function of E(i).
        let climb = |(a, b): (f64, f64), (a_j, b_j): &(f64, f64)| (a_j + b_j * a, b_j * b);
        let (a, b) = match i + step >= limit {
            true => (0.0, 0.0),
            false => on[i + 1..=i + step].iter().fold((0.0, 1.0), climb),
        };
        // At 0 it can't fall: E(−1) is E(0).
        let stays = if i == 0 { 1.0 - p } else { 0.0 };
        let rest = 1.0 - p * b - stays;
        on[i] = ((1.0 + p * a) / rest, (1.0 - p - stays) / rest);
    }
    on[0].0
}

/// Probes until so many in a row are lost, on average.
fn losses_in_a_row(p: f64, count: u32) -> f64 {
    let all = p.powi(count as i32);
    (1.0 - all) / (all * (1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::uniform;

    const DAY_S: f64 = 86_400.0;

    fn change(before_percent: f64, after_percent: f64) -> Change {
        Change {
            before: before_percent / 100.0,
            after: after_percent / 100.0,
        }
    }

    #[test]
    fn delays_at_one_false_alarm_a_day_are_the_known_ones() {
        for (before, after, delays) in [
            (0.1, 2.0, ["87", "21.5", "5.1", "2.7"]),
            (0.1, 5.0, ["29", "6.7", "1.6", "0.84"]),
            (0.5, 2.0, ["246", "62", "14.9", "8.0"]),
            (1.0, 3.0, ["244", "61", "14.6", "7.8"]),
            (1.0, 5.0, ["90", "22", "5.2", "2.8"]),
            (1.0, 10.0, ["30", "7.1", "1.6", "0.87"]),
        ] {
            for (rate, known) in [2.0, 10.0, 50.0, 100.0].into_iter().zip(delays) {
                let found = least_delay_s(change(before, after), rate, DAY_S);
                // As they are known: so many digits, no more.
                let digits = known.split_once('.').map_or(0, |(_, digits)| digits.len());
                let value: f64 = known.parse().unwrap();
                let rounding = 0.5 * 0.1_f64.powi(digits as i32);
                let off = (found - value).abs() - 0.001 * value;
                assert!(
                    off <= rounding,
                    "{before} → {after} %, {rate}/s: {found} s, not {known}"
                );
            }
        }
    }

    #[test]
    fn a_change_is_to_the_least_loss_that_breaks_what_was_kept() {
        let sla = Sla {
            loss_percent: Some(2.0),
            ..Sla::default()
        };
        let of = |losses: &[f64]| Change::of(losses.iter().copied(), &sla);
        assert_eq!(of(&[0.001, 0.1, 0.01, 0.05, 0.001]), Some(change(0.1, 5.0)));
        assert_eq!(of(&[0.001, 0.01]), None);
        assert_eq!(of(&[0.03, 0.1]), None);
        assert_eq!(Change::of([0.001, 0.1], &Sla::default()), None);
    }

    #[test]
    fn a_dead_line_takes_two_losses() {
        assert_eq!(least_delay_s(change(0.1, 100.0), 10.0, DAY_S), 0.2);
        assert_eq!(least_delay_s(change(0.1, 100.0), 2.0, DAY_S), 1.0);
    }

    #[test]
    fn nobody_can_do_better_than_alarm_at_each_loss_who_may_be_wrong_as_often() {
        for change in [change(0.1, 5.0), change(1.0, 10.0), change(0.1, 100.0)] {
            let least = least_probes(change, 1.0 / change.before);
            assert!((least * change.after - 1.0).abs() < 1e-9, "{least} probes");
            // Half as seldom costs something, but not a whole step of the threshold.
            let calmer = least_probes(change, 2.0 / change.before);
            assert!(calmer > least && calmer < 2.0 * least, "{calmer} probes");
            assert!(least_probes(change, 1.0) <= 1.0);
        }
    }

    #[test]
    fn alarms_come_as_seldom_and_as_soon_as_the_chain_says() {
        let change = change(1.0, 5.0);
        let mut cusum = Cusum::towards(change, 2_000.0);
        let (step, limit) = (cusum.lost as usize, cusum.limit as usize);
        for (stream, p) in [(1, change.before), (2, change.after)] {
            let probes = 2_000_000_u64;
            let alarms = (0..probes)
                .filter(|n| cusum.see(uniform(&[stream, *n]) < p))
                .count();
            let found = probes as f64 / alarms as f64;
            let expected = until_alarm(p, step, limit);
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{found}, not {expected}"
            );
        }
        assert!(until_alarm(change.before, step, limit) >= 2_000.0);
        assert!(until_alarm(change.before, step, limit - 1) < 2_000.0);
    }

    #[test]
    fn the_way_back_is_not_taken_while_the_line_is_bad() {
        let change = change(0.1, 5.0);
        let mut cusum = Cusum::back(change, 1e6);
        let bad = (0..100_000).filter(|n| cusum.see(uniform(&[3, *n]) < 0.05));
        assert_eq!(bad.count(), 0);
        let good = (0..1_000).find(|n| cusum.see(uniform(&[4, *n]) < 0.001));
        assert!(good.is_some_and(|probes| probes > 200), "{good:?}");
    }
}
