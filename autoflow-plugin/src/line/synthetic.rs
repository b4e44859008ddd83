//! Made-up outcomes for tests.

use std::time::Duration;

use twamp_core::probe::{Outcome, Sample, Stamps};
use twamp_core::time::{Mono, Wall};

/// A probe sent at `sent` that came back after `round_trip`, two fifths of it outbound.
pub(crate) fn sample(sequence: u64, sent: Mono, round_trip: Duration) -> Outcome {
    let t1 = Wall(1_700_000_000_000_000_000 + sent.nanos() as i64);
    let after = |part: Duration| Wall(t1.0 + part.as_nanos() as i64);
    Outcome::Sample(Sample {
        sequence,
        reflector_sequence: sequence,
        epoch: 0,
        sent,
        received: sent + round_trip,
        t1,
        t2: after(round_trip * 2 / 5),
        t3: after(round_trip * 2 / 5),
        t4: after(round_trip),
        stamps: Stamps::Kernel,
        ttl_forward: 255,
        tos_forward: None,
        ttl_backward: None,
        tos_backward: None,
        peer_synchronised: true,
        peer_error_ns: 0,
    })
}

/// A probe sent at `sent` that was given up.
pub(crate) fn lost(sequence: u64, sent: Mono, after: Duration) -> Outcome {
    Outcome::Lost {
        sequence,
        sent,
        after,
    }
}

/// Numbers that look random, the same from the same seed (SplitMix64; Steele, Lea and Flood).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}
