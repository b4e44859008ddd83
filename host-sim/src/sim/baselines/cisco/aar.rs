//! Cisco application-aware routing.
//!
//! A BFD hello a second in every tunnel; 7 missed, it is down at once. Hellos fill a bucket; at the
//! end of each poll interval, and then only, loss, latency and jitter are means over the last 6
//! buckets, and a tunnel within them is compliant. The preferred tunnel if it is compliant, else
//! the first that is; if none is, the best of the worst: least loss, then least latency, tunnels
//! within 1 % and 10 ms of the best being equals.
//!
//! Read in the vendor's guides: poll interval 600 s and multiplier 6 as shipped, 120 s the lowest
//! recommended, the variance of the fall-back. From memory: BFD's multiplier of 7, and the sizes
//! of the variance.

use super::super::Rival;
use super::{AppRoute, Polling};
use crate::sim::policy::Knob;

const KNOB: Knob = Knob {
    name: "poll interval, seconds",
    positions: &[30.0, 60.0, 120.0, 300.0, 600.0],
};

/// As shipped.
pub(in super::super) const AAR: Rival = Rival {
    name: "cisco-aar",
    says: "Cisco application-aware routing as shipped: 6 buckets of 600 s, a hello a second",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| AppRoute::policy(setting, by_hellos(at.unwrap_or(600.0))),
};

/// At the lowest interval that is recommended.
pub(in super::super) const AAR_LOW: Rival = Rival {
    name: "cisco-aar-low",
    says: "Cisco application-aware routing at its lowest recommended timer: 6 buckets of 120 s",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| AppRoute::policy(setting, by_hellos(at.unwrap_or(120.0))),
};

fn by_hellos(interval_s: f64) -> Polling {
    Polling {
        interval_s,
        buckets: 6,
        damping: 0,
        in_line: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bench::{Bench, dead, each_nth_lost, setting};
    use super::super::super::phase;
    use super::super::POLLS;
    use super::*;

    #[test]
    fn it_decides_at_the_ends_of_buckets_only() {
        // Whenever it begins within the same bucket, it is seen at the same time.
        let polled = setting(2, |setting| phase(setting, POLLS, 120.0)) as f64 / 1e9 + 720.0;
        for begins in [polled - 110.0, polled - 50.0] {
            let mut lines = each_nth_lost(begins, 2);
            let changes = Bench::new(&AAR_LOW).run(2_400.0, &mut lines);
            let [(left, 1)] = changes[..] else {
                panic!("{changes:?}");
            };
            assert!(
                (0.0..=0.1).contains(&(left - polled)),
                "{left}, not {polled}"
            );
        }
    }

    #[test]
    fn a_tunnel_that_is_down_is_left_between_the_polls() {
        let changes = Bench::new(&AAR).run(202.0, &mut dead(100.0, 200.0));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((107.0..=108.1).contains(&left), "left at {left}");
        assert!((200.0..=201.2).contains(&back), "back at {back}");
    }

    #[test]
    fn if_none_is_compliant_near_equals_do_not_swap() {
        for (other_ms, left) in [(195.0, false), (185.0, true)] {
            let mut lines = |line, _| Some([200.0, other_ms][line]);
            let changes = Bench::new(&AAR_LOW).run(1_000.0, &mut lines);
            assert_eq!(!changes.is_empty(), left, "{other_ms} ms: {changes:?}");
        }
    }
}
