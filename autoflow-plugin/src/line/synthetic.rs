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
