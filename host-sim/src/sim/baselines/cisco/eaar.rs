//! Cisco enhanced application-aware routing.
//!
//! Data packets carry sequence numbers and the receiver reports its counts: a tunnel with traffic
//! is measured by each packet, in both directions, an idle one by its hellos. Buckets are 10, 60
//! or 300 s long, of which 6, 5 or 6 count; the rest is as in the classic kind. A tunnel that was
//! not compliant is damped: used again after 120, 40 or 12 polls in a row at which it was.
//!
//! Read in the vendor's page and a published lab: buckets and damping. The lab saw 3 % of loss
//! left after 56 s and 10 % after 45 s in the aggressive mode. From memory: that a poll, rather
//! than a single bucket, is what has to be compliant. The variants `-bfd` measure by hellos alone.

use super::super::Rival;
use super::{AppRoute, Polling};
use crate::sim::policy::Knob;

const AGGRESSIVE: Polling = Polling {
    interval_s: 10.0,
    buckets: 6,
    damping: 120,
    in_line: true,
};
const MODERATE: Polling = Polling {
    interval_s: 60.0,
    buckets: 5,
    damping: 40,
    in_line: true,
};
const CONSERVATIVE: Polling = Polling {
    interval_s: 300.0,
    buckets: 6,
    damping: 12,
    in_line: true,
};

const KNOB: Knob = Knob {
    name: "bucket, seconds",
    positions: &[10.0, 30.0, 60.0, 120.0, 300.0],
};

/// Aggressive, by data packets.
pub(in super::super) const EAAR_AGGRESSIVE: Rival = Rival {
    name: "eaar-aggressive",
    says: "Cisco enhanced AAR, aggressive: data packets in 6 buckets of 10 s, then out for 20 min",
    knob: Some(KNOB),
    in_line: true,
    make: |setting, at| AppRoute::policy(setting, turned(AGGRESSIVE, at)),
};

/// Aggressive, by hellos.
pub(in super::super) const EAAR_AGGRESSIVE_BFD: Rival = Rival {
    name: "eaar-aggressive-bfd",
    says: "Cisco enhanced AAR, aggressive, by hellos alone: 6 buckets of 10 s, then out for 20 min",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| AppRoute::policy(setting, by_hellos(turned(AGGRESSIVE, at))),
};

/// Moderate, by data packets.
pub(in super::super) const EAAR_MODERATE: Rival = Rival {
    name: "eaar-moderate",
    says: "Cisco enhanced AAR, moderate: data packets in 5 buckets of 60 s, then out for 40 min",
    knob: Some(KNOB),
    in_line: true,
    make: |setting, at| AppRoute::policy(setting, turned(MODERATE, at)),
};

/// Moderate, by hellos.
pub(in super::super) const EAAR_MODERATE_BFD: Rival = Rival {
    name: "eaar-moderate-bfd",
    says: "Cisco enhanced AAR, moderate, by hellos alone: 5 buckets of 60 s, then out for 40 min",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| AppRoute::policy(setting, by_hellos(turned(MODERATE, at))),
};

/// Conservative, by data packets.
pub(in super::super) const EAAR_CONSERVATIVE: Rival = Rival {
    name: "eaar-conservative",
    says: "Cisco enhanced AAR, conservative: data packets in 6 buckets of 300 s, then out for 1 h",
    knob: Some(KNOB),
    in_line: true,
    make: |setting, at| AppRoute::policy(setting, turned(CONSERVATIVE, at)),
};

/// Conservative, by hellos.
pub(in super::super) const EAAR_CONSERVATIVE_BFD: Rival = Rival {
    name: "eaar-conservative-bfd",
    says: "Cisco enhanced AAR, conservative, by hellos alone: 6 buckets of 300 s, then out for 1 h",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| AppRoute::policy(setting, by_hellos(turned(CONSERVATIVE, at))),
};

fn turned(polling: Polling, at: Option<f64>) -> Polling {
    Polling {
        interval_s: at.unwrap_or(polling.interval_s),
        ..polling
    }
}

fn by_hellos(polling: Polling) -> Polling {
    Polling {
        in_line: false,
        ..polling
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bench::Bench;
    use super::*;
    use crate::sim::policy::Carried;

    fn packets(line: usize, lost_forward: u32) -> Carried {
        Carried {
            line,
            class: 0,
            packets: 100,
            lost_forward,
            lost_backward: 0,
            delay: [10e6; 2],
            jitter: [1e6; 2],
        }
    }

    #[test]
    fn data_packets_are_measured_where_there_are_any() {
        // Hellos see nothing of it.
        let mut lines = |_, _| Some(20.0);
        let mut carried = |line| Some(packets(line, if line == 0 { 5 } else { 0 }));
        let mut bench = Bench::new(&EAAR_AGGRESSIVE);
        let changes = bench.run_carrying(100.0, &mut lines, &mut carried);
        assert!(matches!(changes[..], [(..=10.0, 1)]), "{changes:?}");
        let mut bench = Bench::new(&EAAR_AGGRESSIVE_BFD);
        assert_eq!(bench.run_carrying(100.0, &mut lines, &mut carried), []);
    }

    #[test]
    fn a_tunnel_is_damped_for_so_many_buckets() {
        for (rival, bucket_s, buckets) in [
            (EAAR_AGGRESSIVE_BFD, 10.0, 120.0),
            (EAAR_MODERATE_BFD, 60.0, 40.0),
            (EAAR_CONSERVATIVE_BFD, 300.0, 12.0),
        ] {
            // So slow for a bucket's length that it shows in the mean over all of them.
            let slow_s = 10.0 * bucket_s;
            let mut lines = |line, at: f64| {
                let slow = line == 0 && at >= slow_s && at < slow_s + bucket_s;
                Some(if slow { 900.0 } else { 20.0 })
            };
            let changes = Bench::new(&rival).run(slow_s + 5_400.0, &mut lines);
            let [(left, 1), (back, 0)] = changes[..] else {
                panic!("{}: {changes:?}", rival.name);
            };
            let out = (back - left) / bucket_s;
            // It stays out of compliance while what was slow counts.
            assert!((buckets..buckets + 7.0).contains(&out), "{out} buckets");
        }
    }
}
