//! FortiOS, custom profile 1: the member with the least index.
//!
//! index = 10 · loss in percent + 1 · latency in ms + 2 · jitter in ms. Everything else is as in
//! best quality, the threshold too.
//!
//! The form of the index was read in the administration guides, where each weight is 0 as shipped
//! and one more weighs bandwidth, which nobody here measures. The weights are ours.

use super::super::Rival;
use super::super::means::Means;
use super::best_quality::{BestQuality, Favoured, KNOB};

/// By the index.
pub(in super::super) const CP1: Rival = Rival {
    name: "fortios-cp1",
    says: "FortiOS custom profile: least of 10 · loss % + ms + 2 · jitter ms, the first in favour",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| BestQuality::policy(setting, at, index, Favoured::FirstListed),
};

fn index(means: &Means) -> f64 {
    let jitter = means.jitter_ms.unwrap_or(0.0);
    10.0 * Means::or_worst(means.loss_percent) + Means::or_worst(means.round_trip_ms) + 2.0 * jitter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_weighs_loss_latency_and_jitter() {
        let means = Means {
            loss_percent: Some(2.0),
            round_trip_ms: Some(50.0),
            jitter_ms: Some(3.0),
        };
        assert_eq!(index(&means), 76.0);
        assert_eq!(index(&Means::default()), f64::INFINITY);
    }
}
