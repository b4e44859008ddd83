use super::super::super::synthetic::Random;
use super::*;

const HOUR: u64 = 3_600;
const REST: Duration = Duration::from_millis(100);

/// A line whose losses come alone, or in bursts in time (Gilbert, 1960; Elliott, 1963).
struct Line {
    random: Random,
    loss: f64,
    /// Mean seconds without and within a burst.
    burst: Option<(f64, f64)>,
    in_burst: bool,
    turns_at: f64,
    seconds: f64,
}

impl Line {
    fn new(seed: u64, loss_percent: f64, burst: Option<(f64, f64)>) -> Self {
        let mut line = Self {
            random: Random::new(seed),
            loss: 0.0,
            burst: None,
            in_burst: false,
            turns_at: f64::INFINITY,
            seconds: 0.0,
        };
        line.turn_into(loss_percent, burst);
        line
    }

    fn turn_into(&mut self, loss_percent: f64, burst: Option<(f64, f64)>) {
        (self.loss, self.burst, self.in_burst) = (loss_percent / 1e2, burst, false);
        self.turns_at = burst.map_or(f64::INFINITY, |(good, _)| {
            self.seconds + self.random.exponential(good)
        });
    }

    fn probe(&mut self, watch: &mut LossWatch, pace: f32) {
        self.seconds += REST.as_secs_f64() * f64::from(pace);
        while self.seconds >= self.turns_at {
            self.in_burst = !self.in_burst;
            let (good, bad) = self.burst.unwrap_or_default();
            let mean = if self.in_burst { bad } else { good };
            self.turns_at += self.random.exponential(mean);
        }
        let lost = self.in_burst || self.random.uniform() < self.loss;
        watch.see(Seen {
            at: Mono((self.seconds * 1e9) as u64),
            fate: if lost { Fate::Lost } else { Fate::Answered },
            pace,
        });
    }

    /// Probes faster while that is worth it; answers how often the limit was said to be broken.
    fn verdicts(&mut self, watch: &mut LossWatch, hours: u64) -> u32 {
        let until = self.seconds + (hours * HOUR) as f64;
        let (mut verdicts, mut was) = (0, watch.broken);
        while self.seconds < until {
            self.probe(watch, if watch.is_raised() { 0.1 } else { 1.0 });
            verdicts += u32::from(watch.broken && !was);
            was = watch.broken;
        }
        verdicts
    }

    /// Until the limit is said to be broken.
    fn seconds_to_verdict(&mut self, watch: &mut LossWatch, adaptive: bool) -> f64 {
        let begin = self.seconds;
        while watch.verdict().is_none() && self.seconds < begin + 1_000.0 {
            let faster = adaptive && watch.is_raised();
            self.probe(watch, if faster { 0.1 } else { 1.0 });
        }
        self.seconds - begin
    }
}

fn watch(limit_percent: f64, hours: u64) -> LossWatch {
    let mistake_every = Duration::from_secs(hours * HOUR);
    let failback = Duration::from_secs(60);
    LossWatch::new(
        limit_percent / 1e2,
        mistake_every,
        REST,
        Profile::Fibre,
        failback,
    )
}

#[test]
fn a_line_that_keeps_its_limit_is_called_bad_as_seldom_as_promised() {
    for (limit, loss, burst) in [
        (1.0, 0.1, None),
        (1.0, 0.5, None),
        (2.0, 1.0, None),
        (1.0, 0.1, Some((20.0, 0.1))),
        (2.0, 0.1, Some((14.8, 0.2))),
        (1.0, 0.1, Some((80.0, 0.4))),
    ] {
        // The heights are asymptotic: the rarer the mistakes, the better they are kept.
        let (every_h, hours) = if burst.is_some() { (6, 48) } else { (1, 20) };
        let mut watch = watch(limit, every_h);
        let mut line = Line::new(7, loss, burst);
        // What is believed of a line at first is not the line.
        line.verdicts(&mut watch, 1);
        let verdicts = line.verdicts(&mut watch, hours);
        let most = if burst.is_some() { 16 } else { 36 };
        assert!(
            verdicts <= most,
            "{loss} of {limit} %, {burst:?}: {verdicts}"
        );
    }
}

#[test]
fn a_brown_out_is_known_nearly_as_soon_as_it_can_be() {
    for (adaptive, most_s) in [(false, 1.5 * 6.7), (true, 4.5)] {
        let seeds = 60;
        let mean = (0..seeds)
            .map(|seed| {
                let (mut watch, mut line) = (watch(1.0, 24), Line::new(seed, 0.1, None));
                while line.seconds < 900.0 {
                    line.probe(&mut watch, 1.0);
                }
                line.turn_into(5.0, None);
                line.seconds_to_verdict(&mut watch, adaptive)
            })
            .sum::<f64>()
            / f64::from(seeds as u32);
        assert!(mean < most_s, "{mean} s, adaptive: {adaptive}");
    }
}

#[test]
fn one_gap_breaks_nothing_and_one_after_another_does() {
    let (mut watch, mut line) = (watch(1.0, 24), Line::new(3, 0.05, None));
    line.verdicts(&mut watch, 1);
    let mut gap = |watch: &mut LossWatch| {
        line.loss = 1.0;
        (0..9).for_each(|_| line.probe(watch, 1.0));
        line.loss = 0.0;
        (0..50).for_each(|_| line.probe(watch, 1.0));
    };
    gap(&mut watch);
    assert!(watch.verdict().is_none() && watch.suspicion() > 0.3);
    gap(&mut watch);
    gap(&mut watch);
    assert!(watch.verdict().is_some());
}

#[test]
fn what_has_broken_the_limit_for_long_is_not_learned() {
    let (mut watch, mut line) = (watch(1.0, 24), Line::new(4, 0.1, None));
    line.verdicts(&mut watch, 1);
    let before = watch.base.lost;
    line.turn_into(5.0, None);
    line.verdicts(&mut watch, 1);
    line.turn_into(0.0, None);
    while watch.broken {
        line.probe(&mut watch, 1.0);
    }
    assert!(watch.base.lost - before < 10.0, "{}", watch.base.lost);
}

#[test]
fn a_line_that_heals_is_shown_good_by_answers_and_not_by_time() {
    let (mut watch, mut line) = (watch(1.0, 24), Line::new(5, 5.0, None));
    line.seconds_to_verdict(&mut watch, false);
    line.turn_into(0.0, None);
    let begin = line.seconds;
    while watch.shown_good().is_none() {
        line.probe(&mut watch, 1.0);
    }
    let seconds = line.seconds - begin;
    assert!((55.0..85.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_watch_is_small() {
    assert!(size_of::<LossWatch>() <= 256, "{}", size_of::<LossWatch>());
}
