//! What one direction of a line does to packets, as an operator or a scenario writes it.

use serde::{Deserialize, Serialize};

/// The longest delay a line imposes on purpose, in milliseconds; tails are cut here.
pub(super) const MAX_DELAY_MS: f64 = 60_000.0;

/// What one direction of a line does to the packets offered to it. The default does nothing.
///
/// In TOML every field may be left out:
///
/// ```
/// let brown_out: host_sim::link::Impairment = toml::from_str(
///     r#"
///     delay_ms = 20
///     jitter = { kind = "lognormal", mean_ms = 1.5, sigma = 0.8 }
///     loss_percent = 0.1
///     burst = { good_s = 9.8, bad_s = 0.2 }
///     duplicate_percent = 1
///     reorder = { percent = 1, delay_ms = 5 }
///     rate_mbps = 10
///     queue_kb = 64
///     "#,
/// )
/// .unwrap();
/// assert!(brown_out.validate().is_ok());
/// assert!(!brown_out.blackout);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairment {
    /// Delay every packet gets, in milliseconds.
    pub delay_ms: f64,
    /// Variable delay, added to `delay_ms`.
    pub jitter: Jitter,
    /// Independent loss, in percent of packets.
    pub loss_percent: f64,
    /// Bursty loss, beside the independent one.
    pub burst: Option<Burst>,
    /// Packets delivered twice, in percent of those delivered.
    pub duplicate_percent: f64,
    /// Packets held back so that later ones overtake them.
    pub reorder: Option<Reorder>,
    /// Capacity in megabits (10⁶ bits) per second; absent: without limit.
    pub rate_mbps: Option<f64>,
    /// Room in front of a limited rate, in kilobytes (1000 bytes), with the packet being sent;
    /// absent: what the rate carries in 100 ms.
    pub queue_kb: Option<f64>,
    /// A queue full of others' traffic, which packets of some DSCPs pass by.
    pub crowd: Option<Crowd>,
    /// A radio that sleeps when idle.
    pub wake: Option<Wake>,
    /// The longest packet that passes, in octets with all headers: longer ones vanish without a word.
    pub mtu: Option<u32>,
    /// Nothing passes.
    pub blackout: bool,
}

/// A distribution of variable delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Jitter {
    /// No variation.
    #[default]
    None,
    /// Evenly spread from `-spread_ms` to `+spread_ms`.
    Uniform {
        /// Half the width, in milliseconds.
        spread_ms: f64,
    },
    /// Normal around zero. A sum below zero becomes zero.
    Normal {
        /// Standard deviation in milliseconds.
        sd_ms: f64,
    },
    /// Lognormal: never negative, long-tailed, what queues of other people's traffic look like.
    Lognormal {
        /// Mean of the added delay in milliseconds (the mean itself, not the median).
        mean_ms: f64,
        /// Standard deviation of the delay's logarithm: 0.5 is mild, 1.5 is wild.
        sigma: f64,
    },
    /// Rare spikes with a Pareto tail.
    Spikes {
        /// Packets that meet a spike, in percent.
        percent: f64,
        /// The smallest spike, in milliseconds.
        at_least_ms: f64,
        /// The tail's exponent, above 1; the smaller, the longer the tail.
        shape: f64,
    },
}

/// Bursty loss: a Gilbert–Elliott chain in continuous time. The line is in a good or a bad spell
/// whatever is sent, so more probes see more of the line but don't change it. Mean spells are in
/// seconds; their lengths are exponential.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Mean length of a good spell in seconds.
    pub good_s: f64,
    /// Mean length of a bad spell in seconds.
    pub bad_s: f64,
    /// Loss inside a bad spell, in percent.
    #[serde(default = "all")]
    pub loss_percent: f64,
}

/// Reordering: some packets are held back, and packets behind them don't wait.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorder {
    /// Packets held back, in percent.
    pub percent: f64,
    /// For how long, in milliseconds, on top of their delay.
    pub delay_ms: f64,
}

/// A queue that others keep full of best effort, in front of a rate that serves other packets first
/// (RFC 3246). It stays as it is: others send more than there is room for, so a packet that has to
/// queue waits as long as the queue is, or finds no room, whoever sends it and how often.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    /// How long the queue is, in milliseconds.
    pub wait_ms: f64,
    /// Packets that find no room, in percent.
    pub loss_percent: f64,
    /// Packets of this DSCP don't queue, nor do those above it; 46 is EF.
    #[serde(default = "expedited")]
    pub below_dscp: u8,
}

/// A radio link that falls asleep: the first packet after an idle time waits until it is awake,
/// and so does every packet that comes meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wake {
    /// Idle time after which the direction sleeps, in seconds.
    pub after_idle_s: f64,
    /// Time to wake up, in milliseconds.
    pub delay_ms: f64,
}

/// A number in an [`Impairment`] is out of its range. The configuration is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("configuration: `{field}` is {found}; expected {expected}")]
pub struct ImpairmentError {
    /// The field as it is written in TOML.
    pub field: &'static str,
    /// What stands there.
    pub found: f64,
    /// What may stand there.
    pub expected: &'static str,
}

impl Impairment {
    /// A line that only delays.
    #[must_use]
    pub fn delay(delay_ms: f64) -> Self {
        Self {
            delay_ms,
            ..Self::default()
        }
    }

    /// A line through which nothing passes.
    #[must_use]
    pub fn blackout() -> Self {
        Self {
            blackout: true,
            ..Self::default()
        }
    }

    /// Whether every number is in its range.
    ///
    /// # Errors
    /// The first number that isn't.
    pub fn validate(&self) -> Result<(), ImpairmentError> {
        duration_ms("delay_ms", self.delay_ms)?;
        self.jitter.validate()?;
        percent("loss_percent", self.loss_percent)?;
        percent("duplicate_percent", self.duplicate_percent)?;
        if let Some(burst) = self.burst {
            spell_s("burst.good_s", burst.good_s)?;
            spell_s("burst.bad_s", burst.bad_s)?;
            percent("burst.loss_percent", burst.loss_percent)?;
        }
        if let Some(reorder) = self.reorder {
            percent("reorder.percent", reorder.percent)?;
            duration_ms("reorder.delay_ms", reorder.delay_ms)?;
        }
        if let Some(rate) = self.rate_mbps {
            within("rate_mbps", rate, 0.001..=1e6, "from 0.001 to 1000000")?;
        }
        if let Some(queue) = self.queue_kb {
            within("queue_kb", queue, 0.0..=1e6, "from 0 to 1000000")?;
        }
        if let Some(crowd) = self.crowd {
            duration_ms("crowd.wait_ms", crowd.wait_ms)?;
            percent("crowd.loss_percent", crowd.loss_percent)?;
            let below = f64::from(crowd.below_dscp);
            within("crowd.below_dscp", below, 1.0..=63.0, "a DSCP from 1 to 63")?;
        }
        if let Some(wake) = self.wake {
            within(
                "wake.after_idle_s",
                wake.after_idle_s,
                0.0..=1e6,
                "from 0 to 1000000",
            )?;
            duration_ms("wake.delay_ms", wake.delay_ms)?;
        }
        if let Some(mtu) = self.mtu {
            within(
                "mtu",
                mtu.into(),
                68.0..=65_535.0,
                "octets from 68 to 65535",
            )?;
        }
        Ok(())
    }
}

impl Jitter {
    fn validate(&self) -> Result<(), ImpairmentError> {
        match *self {
            Jitter::None => Ok(()),
            Jitter::Uniform { spread_ms } => duration_ms("jitter.spread_ms", spread_ms),
            Jitter::Normal { sd_ms } => duration_ms("jitter.sd_ms", sd_ms),
            Jitter::Lognormal { mean_ms, sigma } => {
                duration_ms("jitter.mean_ms", mean_ms)?;
                within("jitter.sigma", sigma, 0.0..=4.0, "from 0 to 4")
            }
            Jitter::Spikes {
                percent: share,
                at_least_ms,
                shape,
            } => {
                percent("jitter.percent", share)?;
                duration_ms("jitter.at_least_ms", at_least_ms)?;
                within("jitter.shape", shape, 1.01..=100.0, "from 1.01 to 100")
            }
        }
    }
}

fn expedited() -> u8 {
    46
}

fn all() -> f64 {
    100.0
}

fn percent(field: &'static str, found: f64) -> Result<(), ImpairmentError> {
    within(field, found, 0.0..=100.0, "a percentage from 0 to 100")
}

fn duration_ms(field: &'static str, found: f64) -> Result<(), ImpairmentError> {
    let expected = "milliseconds from 0 to 60000";
    within(field, found, 0.0..=MAX_DELAY_MS, expected)
}

fn spell_s(field: &'static str, found: f64) -> Result<(), ImpairmentError> {
    let expected = "seconds from 0.0001 to 1000000";
    within(field, found, 1e-4..=1e6, expected)
}

fn within(
    field: &'static str,
    found: f64,
    range: std::ops::RangeInclusive<f64>,
    expected: &'static str,
) -> Result<(), ImpairmentError> {
    // Not-a-number is in no range.
    if range.contains(&found) {
        Ok(())
    } else {
        Err(ImpairmentError {
            field,
            found,
            expected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_a_perfect_line() {
        let impairment: Impairment = toml::from_str("").unwrap();
        assert_eq!(impairment, Impairment::default());
        assert_eq!(impairment.jitter, Jitter::None);
    }

    #[test]
    fn every_field_survives_a_round_trip_through_toml() {
        let jitters = [
            Jitter::None,
            Jitter::Uniform { spread_ms: 1.0 },
            Jitter::Normal { sd_ms: 2.0 },
            Jitter::Lognormal {
                mean_ms: 3.0,
                sigma: 0.5,
            },
            Jitter::Spikes {
                percent: 1.0,
                at_least_ms: 50.0,
                shape: 2.0,
            },
        ];
        for jitter in jitters {
            let impairment = Impairment {
                delay_ms: 20.0,
                jitter,
                loss_percent: 1.0,
                burst: Some(Burst {
                    good_s: 10.0,
                    bad_s: 0.1,
                    loss_percent: 80.0,
                }),
                duplicate_percent: 2.0,
                reorder: Some(Reorder {
                    percent: 3.0,
                    delay_ms: 4.0,
                }),
                rate_mbps: Some(10.0),
                queue_kb: Some(64.0),
                crowd: None,
                wake: Some(Wake {
                    after_idle_s: 5.0,
                    delay_ms: 300.0,
                }),
                mtu: Some(1_280),
                blackout: true,
            };
            let text = toml::to_string(&impairment).unwrap();
            assert_eq!(
                toml::from_str::<Impairment>(&text).unwrap(),
                impairment,
                "{text}"
            );
            assert_eq!(impairment.validate(), Ok(()));
        }
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        assert!(toml::from_str::<Impairment>("loss = 3").is_err());
        let misspelt = "jitter = { kind = \"normal\", sd_ms = 1, sd = 2 }";
        assert!(toml::from_str::<Impairment>(misspelt).is_err());
    }

    #[test]
    fn a_number_out_of_range_is_named() {
        let wrong = Impairment {
            loss_percent: 120.0,
            ..Impairment::default()
        };
        assert_eq!(
            wrong.validate().unwrap_err().to_string(),
            "configuration: `loss_percent` is 120; expected a percentage from 0 to 100"
        );
        assert!(Impairment::delay(f64::NAN).validate().is_err());
        assert!(Impairment::delay(-1.0).validate().is_err());
        let still = Burst {
            good_s: 1.0,
            bad_s: 0.0,
            loss_percent: 100.0,
        };
        let wrong = Impairment {
            burst: Some(still),
            ..Impairment::default()
        };
        assert_eq!(wrong.validate().unwrap_err().field, "burst.bad_s");
    }
}
