//! What is true of a line, by what the world does to it: no estimate, no chance.

use plugin_abi::config::Sla;
use statrs::function::erf::erf;

use super::policy::Setting;
use crate::link::{Crowd, Impairment, Jitter};

/// What packets of a line can expect at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quality {
    /// Share of packets lost: forward, backward.
    pub(super) loss: [f64; 2],
    /// Mean one-way delays, milliseconds.
    pub(super) delay_ms: [f64; 2],
    /// Mean difference between the delays of two packets in a row, milliseconds.
    pub(super) jitter_ms: [f64; 2],
    /// What packets of best effort meet on top of that.
    pub(super) crowd: [Option<Crowd>; 2],
    /// The longest packet that passes, octets.
    pub(super) mtu: [Option<u32>; 2],
}

impl Quality {
    /// Of a line with these impairments, on which this share of traffic finds no room and these
    /// milliseconds are waited for the rate.
    pub(super) fn of(ways: [&Impairment; 2], overflow: [f64; 2], waiting_ms: [f64; 2]) -> Self {
        let mut quality = Self::default();
        for (way, impairment) in ways.into_iter().enumerate() {
            let lost = lost(impairment);
            quality.loss[way] = 1.0 - (1.0 - lost) * (1.0 - overflow[way]);
            let (mean, jitter) = delays(impairment);
            quality.delay_ms[way] = mean + waiting_ms[way];
            quality.jitter_ms[way] = jitter;
            quality.crowd[way] = impairment.crowd;
            quality.mtu[way] = impairment.mtu;
        }
        quality
    }

    /// What packets of this DSCP can expect.
    pub(super) fn marked(&self, dscp: u8) -> Self {
        let mut marked = *self;
        for (way, crowd) in self.crowd.into_iter().enumerate() {
            if let Some(crowd) = crowd.filter(|crowd| dscp < crowd.below_dscp) {
                let found_room = 1.0 - crowd.loss_percent / 100.0;
                marked.loss[way] = 1.0 - (1.0 - self.loss[way]) * found_room;
                marked.delay_ms[way] += crowd.wait_ms;
            }
        }
        marked
    }

    /// Share of packets that are lost on one way or the other.
    pub(super) fn round_trip_loss(&self) -> f64 {
        1.0 - (1.0 - self.loss[0]) * (1.0 - self.loss[1])
    }

    /// Is what a class needs kept?
    pub(super) fn keeps(&self, sla: &Sla) -> bool {
        let within = |limit: Option<f64>, found: f64| limit.is_none_or(|limit| found <= limit);
        let mut ways = self.mtu.iter().flatten();
        let passes = |octets: u16| ways.all(|mtu| u32::from(octets) <= *mtu);
        sla.packet_octets.is_none_or(passes)
            && within(sla.loss_percent, self.round_trip_loss() * 100.0)
            && within(sla.round_trip_ms, self.delay_ms[0] + self.delay_ms[1])
            && within(sla.jitter_ms, self.jitter_ms[0].hypot(self.jitter_ms[1]))
    }

    /// The mean opinion of a call (E-model, ITU-T G.107, reduced to IP terms by Cole and Rosenbluth,
    /// 2001; G.711 with concealment): 1 to 4.5.
    pub(super) fn opinion(&self) -> f64 {
        let one_way = f64::midpoint(self.delay_ms[0], self.delay_ms[1]);
        let delay = one_way + 2.0 * f64::midpoint(self.jitter_ms[0], self.jitter_ms[1]) + 25.0;
        let beyond = (delay - 177.3).max(0.0);
        let impairment_of_delay = 0.024 * delay + 0.11 * beyond;
        let percent = 100.0 * self.loss[0].max(self.loss[1]);
        let impairment_of_loss = 95.0 * percent / (percent + 25.1);
        let rating = 93.2 - impairment_of_delay - impairment_of_loss;
        match rating {
            ..0.0 => 1.0,
            100.0.. => 4.5,
            _ => 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6,
        }
    }
}

/// Which lines of a group a class may be on: those that keep its SLA; if none does, the best.
pub(super) fn right(
    setting: &Setting<'_>,
    group: usize,
    class: usize,
    qualities: &[Quality],
) -> Vec<usize> {
    let sla = &setting.classes[class].sla;
    let quality = |line: usize| qualities[line].marked(setting.dscps[class]);
    let order = setting.order(group, class);
    let good: Vec<_> = order
        .iter()
        .copied()
        .filter(|&line| quality(line).keeps(sla))
        .collect();
    if !good.is_empty() {
        return good;
    }
    let best = order
        .iter()
        .map(|&line| quality(line).opinion())
        .fold(f64::MIN, f64::max);
    order
        .into_iter()
        .filter(|&line| quality(line).opinion() >= best - f64::EPSILON)
        .collect()
}

/// The share of packets that an impairment loses over time.
pub(super) fn lost(impairment: &Impairment) -> f64 {
    if impairment.blackout {
        return 1.0;
    }
    let random = impairment.loss_percent / 100.0;
    let burst = impairment.burst.map_or(0.0, |burst| {
        burst.bad_s / (burst.good_s + burst.bad_s) * burst.loss_percent / 100.0
    });
    1.0 - (1.0 - random) * (1.0 - burst)
}

/// Mean delay, and the mean difference between two draws of it, milliseconds.
fn delays(impairment: &Impairment) -> (f64, f64) {
    let (mean, spread) = match impairment.jitter {
        Jitter::None => (0.0, 0.0),
        // E|X − Y| of two uniform numbers is a third of the width.
        Jitter::Uniform { spread_ms } => (0.0, 2.0 * spread_ms / 3.0),
        // 2σ/√π.
        Jitter::Normal { sd_ms } => (0.0, 2.0 * sd_ms / std::f64::consts::PI.sqrt()),
        // Twice the mean times the Gini coefficient, erf(σ/2).
        Jitter::Lognormal { mean_ms, sigma } => (mean_ms, 2.0 * mean_ms * erf(sigma / 2.0)),
        Jitter::Spikes {
            percent,
            at_least_ms,
            shape,
        } => {
            let share = percent / 100.0;
            let spike = at_least_ms * shape / (shape - 1.0);
            (share * spike, 2.0 * share * (1.0 - share) * spike)
        }
    };
    (impairment.delay_ms + mean, spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(delay_ms: f64, loss: f64) -> f64 {
        // Less the codec's own 25 ms.
        let quality = Quality {
            loss: [loss; 2],
            delay_ms: [delay_ms - 25.0; 2],
            jitter_ms: [0.0; 2],
            crowd: [None; 2],
            mtu: [None; 2],
        };
        quality.opinion()
    }

    #[test]
    fn opinions_are_those_of_the_e_model() {
        for (delay_ms, loss, opinion) in [
            (20.0, 0.0, 4.40),
            (20.0, 0.01, 4.32),
            (20.0, 0.02, 4.22),
            (20.0, 0.05, 3.90),
            (150.0, 0.0, 4.33),
            (150.0, 0.02, 4.12),
            (250.0, 0.0, 3.99),
        ] {
            let found = call(delay_ms, loss);
            assert!((found - opinion).abs() < 0.01, "{found}, not {opinion}");
        }
    }
}
