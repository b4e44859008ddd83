//! How near is it to what can be done at all? Beside each watch of loss stands the CUSUM that knows
//! how the line loses before and after, which nobody can beat who is wrong as seldom (Moustakides,
//! 1986). Both meet the same probes, ten a second whatever is suspected, and both are wrong equally
//! often: as often as the watch was, by count.

use super::promise::{Elliott, HOUR_S, LEARNING_S, Probes, REST_S, bursts, random, watch};
use super::*;

/// The log-likelihood ratio of two chains: whether a probe is lost depends on the one before it.
struct Best {
    /// By the fate before and that of the probe: 1 is lost.
    says: [[f64; 2]; 2],
    was_lost: bool,
    at: f64,
}

impl Best {
    fn new(before: Elliott, after: Elliott) -> Self {
        let (before, after) = (chances(before), chances(after));
        let says = [0, 1].map(|was| {
            let (before, after): (f64, f64) = (before[was], after[was]);
            [((1.0 - after) / (1.0 - before)).ln(), (after / before).ln()]
        });
        Self {
            says,
            was_lost: false,
            at: 0.0,
        }
    }

    fn see(&mut self, lost: bool) -> f64 {
        let was = usize::from(std::mem::replace(&mut self.was_lost, lost));
        self.at = (self.at + self.says[was][usize::from(lost)]).max(0.0);
        self.at
    }
}

/// Of losing a probe after one that was answered, and after one that was lost.
fn chances(of: Elliott) -> [f64; 2] {
    if of.lost[0] > 0.0 {
        return [of.lost[0] / 1e2; 2];
    }
    let [good, bad] = of.lasts;
    let share = bad / (good + bad);
    let forgets = 1.0 - (-REST_S * (1.0 / good + 1.0 / bad)).exp();
    [share * forgets, 1.0 - (1.0 - share) * forgets]
}

fn fate(watch: &mut Watch, probes: &mut Probes) -> bool {
    let fate = probes.next(REST_S);
    watch.fate(Seen {
        at: Mono((probes.now * 1e9) as u64),
        fate,
        pace: 1.0,
    });
    fate == Fate::Lost
}

fn says(watch: &Watch) -> bool {
    watch.suspicion() >= 1.0
}

/// Of so many days before the change: the mistakes of the watch, and the height at which the best
/// makes as many.
fn mistakes(limit: f64, change: [Elliott; 2], mistake_every_h: u64, days: f64) -> (usize, f64) {
    let mut watch = watch(Metric::Loss, limit, mistake_every_h);
    let mut probes = Probes::new(change[0], 7);
    let mut best = Best::new(change[0], change[1]);
    let (mut peaks, mut peak) = (Vec::new(), 0.0_f64);
    let (mut mistakes, mut was) = (0, false);
    while probes.now < LEARNING_S + days * 24.0 * HOUR_S {
        let at = best.see(fate(&mut watch, &mut probes));
        let is = says(&watch);
        if probes.now > LEARNING_S {
            mistakes += usize::from(is && !was);
            peak = peak.max(at);
            if at <= 0.0 && peak > 0.0 {
                peaks.push(std::mem::take(&mut peak));
            }
        }
        was = is;
    }
    peaks.sort_unstable_by(|one, other| other.total_cmp(one));
    (mistakes, peaks[mistakes.max(1) - 1])
}

/// Mean seconds from a change until the watch says so, and until the best does.
fn delays(
    limit: f64,
    change: [Elliott; 2],
    mistake_every_h: u64,
    height: f64,
    runs: u64,
) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for seed in 0..runs {
        let mut watch = watch(Metric::Loss, limit, mistake_every_h);
        let mut probes = Probes::new(change[0], 10_000 + seed);
        let mut best = Best::new(change[0], change[1]);
        while probes.now < HOUR_S {
            let at = best.see(fate(&mut watch, &mut probes));
            if at >= height {
                best.at = 0.0;
            }
        }
        probes.turns_into(change[1]);
        let began = probes.now;
        let (mut ours, mut bests) = (None, None);
        while ours.is_none() || bests.is_none() {
            let at = best.see(fate(&mut watch, &mut probes));
            let since = probes.now - began;
            if says(&watch) {
                ours.get_or_insert(since);
            }
            if at >= height {
                bests.get_or_insert(since);
            }
        }
        sums[0] += ours.unwrap_or_default();
        sums[1] += bests.unwrap_or_default();
    }
    sums.map(|sum| sum / runs as f64)
}

fn hold(cases: &[(&str, f64, [Elliott; 2], f64)], mistake_every_h: u64, days: f64, runs: u64) {
    for (what, limit, change, most) in cases {
        let (mistakes, height) = mistakes(*limit, *change, mistake_every_h, days);
        let [ours, best] = delays(*limit, *change, mistake_every_h, height, runs);
        let row = format!(
            "| {what} | {:.2} | {ours:.1} | {best:.1} | {:.2} |",
            mistakes as f64 / days,
            ours / best
        );
        println!("{row}");
        assert!(ours <= most * best, "{row}");
    }
}

#[test]
fn a_change_is_known_nearly_as_soon_as_anybody_could_who_is_wrong_as_seldom() {
    let cases = [
        ("0.1 → 5 %", 1.0, [random(0.1), random(5.0)], 1.4),
        (
            "0.3 → 10 %, bursts of 0.5 s",
            1.0,
            [bursts(0.3, 0.5, 100.0), bursts(10.0, 0.5, 100.0)],
            2.0,
        ),
    ];
    hold(&cases, 6, 3.0, 100);
}

#[test]
#[ignore = "the long form: 2,600 line-days, minutes in release"]
fn changes_of_all_kinds_are_known_nearly_as_soon_as_anybody_could() {
    let burst = |percent, seconds| bursts(percent, seconds, 100.0);
    let cases = [
        ("0.1 → 2 %", 1.0, [random(0.1), random(2.0)], 1.3),
        ("0.1 → 5 %", 1.0, [random(0.1), random(5.0)], 1.3),
        ("0.5 → 2 %", 1.0, [random(0.5), random(2.0)], 1.3),
        ("0.5 → 5 %", 1.0, [random(0.5), random(5.0)], 1.3),
        ("1 → 3 % of 2 %", 2.0, [random(1.0), random(3.0)], 1.3),
        ("1 → 5 % of 2 %", 2.0, [random(1.0), random(5.0)], 1.3),
        ("1 → 10 % of 2 %", 2.0, [random(1.0), random(10.0)], 1.5),
        (
            "0.1 → 5 %, bursts of 0.3 s",
            1.0,
            [burst(0.1, 0.3), burst(5.0, 0.3)],
            2.0,
        ),
        (
            "0.5 → 5 %, bursts of 0.3 s",
            1.0,
            [burst(0.5, 0.3), burst(5.0, 0.3)],
            2.0,
        ),
        (
            "0.3 → 5 %, bursts of 0.5 s",
            1.0,
            [burst(0.3, 0.5), burst(5.0, 0.5)],
            2.0,
        ),
        (
            "0.3 → 10 %, bursts of 0.5 s",
            1.0,
            [burst(0.3, 0.5), burst(10.0, 0.5)],
            2.0,
        ),
        (
            "0.3 → 5 %, bursts of 1 s",
            1.0,
            [burst(0.3, 1.0), burst(5.0, 1.0)],
            2.0,
        ),
        (
            "1 → 5 % of 2 %, bursts of 0.5 s",
            2.0,
            [burst(1.0, 0.5), burst(5.0, 0.5)],
            2.0,
        ),
    ];
    hold(&cases, 24, 200.0, 2_000);
}
