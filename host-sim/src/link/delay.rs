//! Delay: the fixed part and the draw from the jitter distribution.

use super::draw::{Draws, Purpose};
use super::impairment::{Jitter, MAX_DELAY_MS};

const NS_PER_MS: f64 = 1e6;

/// The delays of one direction, parameters ready for drawing; nanoseconds throughout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    fixed: f64,
    variable: Variable,
}

#[derive(Debug, Clone, Copy)]
enum Variable {
    None,
    Uniform { spread: f64 },
    Normal { sd: f64 },
    Lognormal { median: f64, sigma: f64 },
    Spikes { share: f64, least: f64, power: f64 },
}

impl Delays {
    pub(super) fn new(delay_ms: f64, jitter: Jitter) -> Self {
        let variable = match jitter {
            Jitter::None => Variable::None,
            Jitter::Uniform { spread_ms } => Variable::Uniform {
                spread: spread_ms * NS_PER_MS,
            },
            Jitter::Normal { sd_ms } => Variable::Normal {
                sd: sd_ms * NS_PER_MS,
            },
            // A lognormal's mean is its median times e^(σ²/2).
            Jitter::Lognormal { mean_ms, sigma } => Variable::Lognormal {
                median: mean_ms * NS_PER_MS * (-sigma * sigma / 2.0).exp(),
                sigma,
            },
            Jitter::Spikes {
                percent,
                at_least_ms,
                shape,
            } => Variable::Spikes {
                share: percent / 100.0,
                least: at_least_ms * NS_PER_MS,
                power: -1.0 / shape,
            },
        };
        Self {
            fixed: delay_ms * NS_PER_MS,
            variable,
        }
    }

    /// The delay of a stream's `n`-th packet, in nanoseconds.
    pub(super) fn draw(&self, draws: Draws, n: u64) -> u64 {
        let first = || draws.packet(n, Purpose::Jitter);
        let second = || draws.packet(n, Purpose::JitterToo);
        let variable = match self.variable {
            Variable::None => 0.0,
            Variable::Uniform { spread } => spread * (2.0 * first() - 1.0),
            Variable::Normal { sd } => sd * normal(first(), second()),
            Variable::Lognormal { median, sigma } => {
                median * (sigma * normal(first(), second())).exp()
            }
            Variable::Spikes {
                share,
                least,
                power,
            } => {
                if first() < share {
                    least * (1.0 - second()).powf(power)
                } else {
                    0.0
                }
            }
        };
        (self.fixed + variable).clamp(0.0, MAX_DELAY_MS * NS_PER_MS) as u64
    }
}

/// A standard normal number from two uniform ones (Box and Muller).
fn normal(first: f64, second: f64) -> f64 {
    // 1 − u is in (0, 1], so its logarithm is finite.
    (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: u64 = 100_000;

    fn milliseconds(jitter: Jitter) -> Vec<f64> {
        let delays = Delays::new(20.0, jitter);
        (0..N)
            .map(|n| delays.draw(Draws::new(9), n) as f64 / NS_PER_MS - 20.0)
            .collect()
    }

    fn mean_and_sd(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        (mean, (square / values.len() as f64).sqrt())
    }

    /// Asserts a mean within four standard errors.
    fn assert_mean(values: &[f64], expected_mean: f64, expected_sd: f64) {
        let (mean, sd) = mean_and_sd(values);
        let error = expected_sd / (N as f64).sqrt();
        assert!(
            (mean - expected_mean).abs() < 4.0 * error,
            "mean {mean}, not {expected_mean}"
        );
        assert!(
            (sd / expected_sd - 1.0).abs() < 0.05,
            "sd {sd}, not {expected_sd}"
        );
    }

    #[test]
    fn without_jitter_every_packet_has_the_same_delay() {
        assert!(milliseconds(Jitter::None).iter().all(|&ms| ms == 0.0));
    }

    #[test]
    fn uniform_jitter_fills_its_interval() {
        let values = milliseconds(Jitter::Uniform { spread_ms: 6.0 });
        assert!(values.iter().all(|ms| ms.abs() <= 6.0));
        assert_mean(&values, 0.0, 6.0 / 3.0_f64.sqrt());
    }

    #[test]
    fn normal_jitter_has_its_standard_deviation() {
        let values = milliseconds(Jitter::Normal { sd_ms: 3.0 });
        assert_mean(&values, 0.0, 3.0);
        let beyond = values.iter().filter(|ms| ms.abs() > 6.0).count() as f64 / N as f64;
        assert!((beyond - 0.0455).abs() < 0.003, "{beyond} beyond two sd");
    }

    #[test]
    fn lognormal_jitter_has_the_stated_mean() {
        let (mean_ms, sigma) = (2.0, 0.6_f64);
        let values = milliseconds(Jitter::Lognormal { mean_ms, sigma });
        assert!(values.iter().all(|&ms| ms >= 0.0));
        assert_mean(
            &values,
            mean_ms,
            mean_ms * ((sigma * sigma).exp() - 1.0).sqrt(),
        );
    }

    #[test]
    fn spikes_come_as_often_and_as_large_as_stated() {
        let values = milliseconds(Jitter::Spikes {
            percent: 5.0,
            at_least_ms: 40.0,
            shape: 2.0,
        });
        let spikes: Vec<f64> = values.into_iter().filter(|&ms| ms > 0.0).collect();
        let share = spikes.len() as f64 / N as f64;
        assert!(
            (share - 0.05).abs() < 4.0 * (0.05 * 0.95 / N as f64).sqrt(),
            "{share}"
        );
        assert!(spikes.iter().all(|&ms| ms >= 39.999));
        // Of a Pareto tail with exponent 2 a quarter is above twice the least.
        let above = spikes.iter().filter(|&&ms| ms > 80.0).count() as f64 / spikes.len() as f64;
        assert!((above - 0.25).abs() < 0.03, "{above}");
    }

    #[test]
    fn no_delay_is_negative_or_endless() {
        let delays = Delays::new(1.0, Jitter::Normal { sd_ms: 50.0 });
        assert!((0..N).any(|n| delays.draw(Draws::new(1), n) == 0));
        let wild = Jitter::Lognormal {
            mean_ms: 60_000.0,
            sigma: 2.0,
        };
        let delays = Delays::new(60_000.0, wild);
        assert!((0..1000).all(|n| delays.draw(Draws::new(1), n) <= 60_000_000_000));
    }
}
