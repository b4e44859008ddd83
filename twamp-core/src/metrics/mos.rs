//! What people would think of a call over a path: the E-model (ITU-T G.107, 06/2015), with all that
//! is no matter of the network at its default.
//!
//! ```text
//!   R = 93.2 − Idd(delay) − Ie,eff(loss)         0 to 93.2
//!   MOS = 1 + 0.035 R + R (R − 60) (100 − R) 7·10⁻⁶
//! ```
//!
//! The call is one of G.711 in packets of 20 ms, with concealment of lost packets (`Ie` 0, `Bpl`
//! 25.1: ITU-T G.113, Appendix I) and no echo. Losses are taken as random.

/// The rating with no delay and no loss (section 7.7).
const BEST: f64 = 93.2;
/// Below this, in milliseconds, nobody notices a delay (`mT`).
const NOTICED_MS: f64 = 100.0;
/// How well concealment stands losses (`Bpl`).
const ROBUSTNESS: f64 = 25.1;
/// One packet, and the look-ahead of the coder, milliseconds.
const CODER_MS: f64 = 25.0;

/// One way of a call, as the network does it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// Mean delay, milliseconds.
    pub delay_ms: f64,
    /// RFC 3550 jitter, milliseconds: twice as much is held back to hide it.
    pub jitter_ms: f64,
    /// The part of the packets that is lost, 0 to 1.
    pub loss: f64,
}

impl Way {
    /// The rating factor `R`, 0 to 93.2: above 80 people are satisfied, below 60 nearly all are not.
    #[must_use]
    pub fn rating(&self) -> f64 {
        let held_back = 2.0 * self.jitter_ms.max(0.0);
        let delay_ms = self.delay_ms.max(0.0) + held_back + CODER_MS;
        let percent = 100.0 * self.loss.clamp(0.0, 1.0);
        (BEST - of_delay(delay_ms) - of_loss(percent)).max(0.0)
    }

    /// The mean opinion score, 1 (bad) to 4.41.
    #[must_use]
    pub fn mos(&self) -> f64 {
        opinion(self.rating())
    }
}

/// The mean opinion score of a rating (section 7.7, Annex B), 1 to 4.5.
#[must_use]
pub fn opinion(rating: f64) -> f64 {
    match rating {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        // The cubic dips below 1 near 0.
        _ => (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0),
    }
}

/// `Idd` (section 7.4), with the sensitivity of everyday calls.
fn of_delay(delay_ms: f64) -> f64 {
    if delay_ms <= NOTICED_MS {
        return 0.0;
    }
    let x = (delay_ms / NOTICED_MS).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// `Ie,eff` (section 7.5) of a loss in percent.
fn of_loss(percent: f64) -> f64 {
    95.0 * percent / (percent + ROBUSTNESS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.005
    }

    #[test]
    fn opinions_are_those_of_annex_b() {
        // Table B.1, which is rounded a little, and the default rating with its 4.41.
        for (rating, mos) in [
            (93.2, 4.41),
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
        ] {
            let found = opinion(rating);
            assert!((found - mos).abs() < 0.01, "{rating}: {found}");
        }
        assert_eq!(
            (opinion(-5.0), opinion(0.0), opinion(120.0)),
            (1.0, 1.0, 4.5)
        );
    }

    #[test]
    fn delays_hurt_as_the_formula_says_from_a_tenth_of_a_second_on() {
        assert_eq!(of_delay(100.0), 0.0);
        // X = 1: 25 (2^(1/6) − 3 (1 + 3^−6)^(1/6) + 2).
        assert!(near(of_delay(200.0), 3.044), "{}", of_delay(200.0));
        // X = 2: 25 (65^(1/6) − 3 (1 + (2/3)^6)^(1/6) + 2).
        assert!(near(of_delay(400.0), 24.070), "{}", of_delay(400.0));
    }

    #[test]
    fn losses_hurt_as_concealment_stands_them() {
        assert_eq!(of_loss(0.0), 0.0);
        assert!(near(of_loss(1.0), 3.640));
        assert!(near(of_loss(25.1), 47.5), "half of it at Bpl");
    }

    #[test]
    fn a_short_clean_way_is_as_good_as_it_gets_and_a_dead_one_is_bad() {
        let clean = Way {
            delay_ms: 20.0,
            jitter_ms: 1.0,
            loss: 0.0,
        };
        assert!(near(clean.mos(), 4.41));
        let dead = Way { loss: 1.0, ..clean };
        assert!(dead.mos() < 1.5, "{}", dead.mos());
    }

    proptest! {
        #[test]
        fn worse_is_never_better_and_opinions_stay_in_their_range(
            delay_ms in -10.0..2_000.0,
            jitter_ms in 0.0..500.0,
            loss in 0.0..1.0,
            more in 0.0..1.0,
        ) {
            let way = Way { delay_ms, jitter_ms, loss };
            prop_assert!((1.0..=4.5).contains(&way.mos()));
            for worse in [
                Way { delay_ms: delay_ms + 1_000.0 * more, ..way },
                Way { jitter_ms: jitter_ms + 100.0 * more, ..way },
                Way { loss: loss + (1.0 - loss) * more, ..way },
            ] {
                prop_assert!(worse.rating() <= way.rating() + 1e-9);
            }
        }
    }
}
