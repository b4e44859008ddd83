//! When has a line changed? Sequential tests, by their designs: what one observation says, and at
//! which height of the statistic there is an alarm.
//!
//! ```text
//!   observation − limit ─► S = max(0, S + …) ─► S ≥ height: alarm
//! ```
//!
//! The sum that is never below 0 is the CUSUM (Page, 1954). Its drift is 0 where the line is at the
//! limit, so an alarm says: the limit is broken. The height follows from how often a line that
//! keeps it, as it has behaved so far, may raise one. For the log-likelihood ratio of two levels no
//! test with as few false alarms is faster in the worst case (Lorden, 1971; Moustakides, 1986);
//! [`Losses::change`] says which two levels the limit lies between.
//!
//! [`Losses`] is for losses, alone or in runs; [`Level`] is for means.

/// Newton's method needs no more steps.
const STEPS: usize = 40;

/// How losses come while a line keeps its limit; shares of probes.
///
/// A statistic that loses the limit with each probe and gains 1 with each loss is the work before a
/// server whose customers come as losses do. That gives everything in closed form: with λ runs a
/// probe, each of N losses (one, or a burst's geometric number), and M(θ) the mean of exp(θN), the
/// chance that it ever climbs by x falls as exp(−θx) with
///
/// ```text
///   λ (M(θ) − 1) = limit · θ,   θ > 0        (Lundberg's equation)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// Lost, of all probes; below the limit.
    pub base: f64,
    /// The most that may be lost.
    pub limit: f64,
    /// How often a loss of a burst is followed by another one, at the resting rate.
    pub again: f64,
    /// Of all runs, those that are one loss and no burst.
    pub alone: f64,
}

/// A mean, and how much it moves; in units of its limit, where it is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Below 0: within the limit.
    pub mean: f64,
    /// Of one observation, its standard deviation.
    pub spread: f64,
}

impl Losses {
    /// The same line, of which bursts are counted that lose `burst` probes on average: each comes
    /// alone.
    #[must_use]
    pub fn in_units_of(&self, burst: f64) -> Self {
        Self {
            base: self.base / burst,
            limit: self.limit / burst,
            again: 0.0,
            alone: 0.0,
        }
    }

    /// What one loss says, in nats: θ of Lundberg's equation. For losses that come alone it is the
    /// logarithm of the likelihood ratio, near enough.
    #[must_use]
    pub fn nats(&self) -> f64 {
        let excess = |theta: f64| {
            let (moment, slope) = self.moment(theta);
            let runs = self.runs();
            (
                runs * (moment - 1.0) - self.limit * theta,
                runs * slope - self.limit,
            )
        };
        // From the right, where it rises and bends upward, the steps never overshoot. Where runs
        // have no end there is a pole.
        let pole = -self.again.ln();
        let mut theta = 0.5_f64.min(0.5 * pole);
        while excess(theta).0 <= 0.0 || excess(theta).1 <= 0.0 {
            theta = (1.5 * theta).min(f64::midpoint(theta, pole));
        }
        for _ in 0..STEPS {
            let (value, slope) = excess(theta);
            let next = theta - value / slope;
            if (theta - next).abs() <= 1e-9 * theta {
                break;
            }
            theta = next;
        }
        theta
    }

    /// The height, in losses, that is reached once in so many probes on average.
    ///
    /// Each climb over the height is one of several in a row, 1 / (1 − load) of them, and climbs
    /// come as often as falls (Cramér's constant, by levels crossed):
    ///
    /// ```text
    ///   run length = exp(θ·height) · (λM′(θ)/limit − 1) / (limit · θ · (1 − load)²)
    /// ```
    #[must_use]
    pub fn height(&self, run_length: f64) -> f64 {
        let theta = self.nats();
        let constant = self.constant(theta);
        ((run_length / constant).ln() / theta).max(1.0)
    }

    /// How many probes pass on average before the statistic reaches `height`.
    #[must_use]
    pub fn run_length(&self, height: f64) -> f64 {
        let theta = self.nats();
        self.constant(theta) * (theta * height).exp()
    }

    /// The share of losses whose likelihood, against that of the base, doesn't drift at the limit:
    ///
    /// ```text
    ///   limit = ln((1−p0)/(1−p1)) / (ln(p1/p0) + ln((1−p0)/(1−p1)))
    /// ```
    #[must_use]
    pub fn change(&self) -> f64 {
        let drift = |after: f64| {
            let answer = ((1.0 - self.base) / (1.0 - after)).ln();
            answer - self.limit * ((after / self.base).ln() + answer)
        };
        let (mut low, mut high) = (self.limit, 1.0 - f64::EPSILON);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            match drift(middle) < 0.0 {
                true => low = middle,
                false => high = middle,
            }
        }
        f64::midpoint(low, high)
    }

    fn constant(&self, theta: f64) -> f64 {
        let load = self.base / self.limit;
        let (_, slope) = self.moment(theta);
        let steep = self.runs() * slope / self.limit - 1.0;
        steep / (self.limit * theta * (1.0 - load).powi(2))
    }

    /// Runs that begin, of all probes.
    fn runs(&self) -> f64 {
        self.base / self.moment(0.0).1
    }

    /// The mean of exp(θN) over the lengths of runs, and its slope.
    fn moment(&self, theta: f64) -> (f64, f64) {
        let one = theta.exp();
        let rest = 1.0 - self.again * one;
        let moment = (1.0 - self.again) * one / rest;
        let burst = 1.0 - self.alone;
        (
            self.alone * one + burst * moment,
            self.alone * one + burst * moment / rest,
        )
    }
}

impl Level {
    /// The height that is reached once in so many observations on average (Siegmund's corrected
    /// diffusion approximation, 1985):
    ///
    /// ```text
    ///   run length = (exp(2δb) − 1 − 2δb) / 2δ²,   δ = −mean/spread,  b = height/spread + 1.166
    /// ```
    #[must_use]
    pub fn height(&self, run_length: f64) -> f64 {
        let delta = -self.mean / self.spread;
        let wanted = 2.0 * delta * delta * run_length;
        // y = ln(wanted + 1 + y), which contracts.
        let climbed = (0..STEPS).fold(1.0, |y: f64, _| (wanted + 1.0 + y).ln());
        (self.spread * (climbed / (2.0 * delta) - OVERSHOOT)).max(0.0)
    }

    /// How many observations pass on average before the statistic reaches `height`.
    #[must_use]
    pub fn run_length(&self, height: f64) -> f64 {
        let delta = -self.mean / self.spread;
        let y = 2.0 * delta * (height / self.spread + OVERSHOOT);
        (y.exp() - 1.0 - y) / (2.0 * delta * delta)
    }
}

/// By how much a normal walk passes a level, on average, in standard deviations, twice.
const OVERSHOOT: f64 = 1.166;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: f64 = 864_000.0;

    fn alone(base_percent: f64, limit_percent: f64) -> Losses {
        Losses {
            base: base_percent / 1e2,
            limit: limit_percent / 1e2,
            again: 0.0,
            alone: 0.0,
        }
    }

    /// Probes until an alarm, exactly: + `step` with a loss, − 1 with an answer, as linear
    /// equations of a Markov chain, by iteration from the top.
    fn exactly(loss: f64, step: usize, height: usize) -> f64 {
        // E(i) = 1 + p·E(i + step) + (1 − p)·E(i − 1) as E(i) = a(i) + b(i)·E(i − 1).
        let mut on = vec![(0.0, 0.0); height + step + 1];
        for i in (0..height).rev() {
            let above = on.get(i + 1..=i + step).unwrap_or_default();
            let (a, b) = match i + step >= height {
                true => (0.0, 0.0),
                false => above
                    .iter()
                    .fold((0.0, 1.0), |(a, b), (of, by)| (of + by * a, by * b)),
            };
            let stays = if i == 0 { 1.0 - loss } else { 0.0 };
            let rest = 1.0 - loss * b - stays;
            on[i] = ((1.0 + loss * a) / rest, (1.0 - loss - stays) / rest);
        }
        on[0].0
    }

    /// As the statistic is kept: the limit less with each probe, 1 more with each loss.
    fn exact_run_length(loss: f64, limit: f64, height: f64) -> f64 {
        let step = (1.0 / limit).round() as usize - 1;
        exactly(loss, step, (height / limit).round() as usize)
    }

    #[test]
    fn the_limit_lies_between_the_base_and_the_change_worth_knowing() {
        for (base, after, limit) in [(0.1, 2.0, 0.6367), (0.1, 5.0, 1.2686), (1.0, 5.0, 2.4985)] {
            let found = alone(base, limit).change() * 1e2;
            assert!(
                (found / after - 1.0).abs() < 2e-3,
                "{base}, {limit}: {found}"
            );
        }
    }

    #[test]
    fn a_loss_alone_says_as_many_nats_as_the_likelihood_does() {
        for (base, limit) in [(0.1, 1.0), (0.5, 2.0), (0.2, 0.5)] {
            let losses = alone(base, limit);
            let (p0, p1) = (losses.base, losses.change());
            let nats = (p1 / p0).ln() + ((1.0 - p0) / (1.0 - p1)).ln();
            assert!((losses.nats() / nats - 1.0).abs() < 0.02, "{base}, {limit}");
        }
    }

    #[test]
    fn false_alarms_are_as_rare_as_promised_by_the_exact_chain() {
        for (base, limit) in [
            (0.05, 1.0),
            (0.1, 1.0),
            (0.3, 1.0),
            (0.5, 1.0),
            (1.0, 2.0),
            (1.0, 4.0),
        ] {
            for promised in [DAY / 24.0, DAY, DAY * 7.0, DAY * 30.0] {
                let losses = alone(base, limit);
                let height = losses.height(promised);
                let exact = exact_run_length(losses.base, losses.limit, height);
                let kept = exact / promised;
                assert!(
                    (0.7..3.0).contains(&kept),
                    "{base} of {limit} %, {promised}: {kept}"
                );
            }
        }
    }

    #[test]
    fn at_the_known_base_it_is_hardly_slower_than_the_best_for_the_change_that_comes() {
        // The best for 0.1 → 5 % and for 1 → 5 %, once a day at 10 probes a second: 6.7 and 22 s.
        for (base, limit, best_s) in [(0.1, 1.0, 6.7), (1.0, 2.0, 22.0)] {
            let height = alone(base, limit).height(DAY);
            let seconds = exact_run_length(0.05, limit / 1e2, height) / 10.0;
            assert!(seconds < 1.2 * best_s, "{base}: {seconds}");
        }
    }

    #[test]
    fn runs_make_each_loss_say_less() {
        let mut last = f64::INFINITY;
        for again in [0.0, 0.05, 0.2, 0.5, 0.8] {
            let nats = Losses {
                again,
                ..alone(0.3, 1.0)
            }
            .nats();
            assert!(nats < last, "{again}: {nats}");
            last = nats;
        }
    }

    #[test]
    fn single_losses_among_bursts_dont_make_the_bursts_say_more() {
        let bursts = Losses {
            again: 0.8,
            ..alone(0.3, 1.0)
        };
        let mixed = Losses {
            alone: 0.5,
            ..bursts
        };
        // Half of the runs, a twelfth of the losses; what climbs far is a burst all the same.
        let (nats, of_bursts) = (mixed.nats(), bursts.nats());
        assert!(nats > of_bursts && nats < 1.1 * of_bursts, "{nats}");
    }

    #[test]
    fn delays_of_means_are_the_known_ones() {
        for (shift, per_second, known_s) in [
            (0.5, 10.0, 8.5),
            (0.5, 100.0, 1.0),
            (1.0, 10.0, 2.4),
            (1.0, 100.0, 0.29),
        ] {
            let before = Level {
                mean: -shift / 2.0,
                spread: 1.0,
            };
            let height = before.height(86_400.0 * per_second);
            let after = Level {
                mean: shift / 2.0,
                spread: 1.0,
            };
            let found = after.run_length(height) / per_second;
            assert!((found / known_s - 1.0).abs() < 0.06, "{shift}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_height_is_reached_as_often_as_it_was_asked_for(
            base in 1e-5f64..0.3, load in 0.02f64..0.85, again in 0.0f64..0.95,
            alone in 0.0f64..0.99, run in 1e4f64..1e9,
        ) {
            let losses = Losses { base, limit: (base / load).min(0.5), again, alone };
            prop_assume!(losses.limit > base * 1.1);
            let height = losses.height(run);
            prop_assert!(height >= 1.0 && height.is_finite());
            let found = losses.run_length(height);
            prop_assert!(height == 1.0 || (found / run - 1.0).abs() < 1e-3, "{} {}", found, run);
        }

        #[test]
        fn rarer_false_alarms_ask_for_more(
            mean in -3.0f64..-0.01, spread in 0.01f64..3.0, run in 1e3f64..1e8,
        ) {
            let level = Level { mean, spread };
            prop_assert!(level.height(run * 7.0) >= level.height(run));
            let height = level.height(run);
            prop_assert!(height == 0.0 || (level.run_length(height) / run - 1.0).abs() < 1e-3);
        }
    }
}
