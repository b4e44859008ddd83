//! From what is kept of a session to the figures that people read, one kind at a time.

use plugin_abi::manage::{
    Arrived, Counted, Delay, LossFigures, MarkTable, Percentiles, ServedFigures, Share, Variation,
};
use twamp_core::metrics::interval::clopper_pearson;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::metrics::marks::Marks;
use twamp_core::probe::{ReflectorReport, Sample};
use twamp_core::time::Wall;

/// Of loss.
const CONFIDENCE: f64 = 0.95;
/// With which replies leave (RFC 5357, section 4.2.1; RFC 8762, section 4.3).
const FULL_TTL: u8 = 255;
/// A TTL up to this may have begun at 64 or 128, and tells no hops.
const LOW_TTL: u8 = 128;

/// The marks of a session's samples.
#[derive(Clone, Debug, Default)]
pub(super) struct AllMarks {
    pub(super) tos_forward: Marks,
    pub(super) tos_backward: Marks,
    pub(super) ttl_forward: Marks,
    pub(super) ttl_backward: Marks,
}

impl AllMarks {
    pub(super) fn sample(&mut self, sample: &Sample) {
        for (marks, mark) in [
            (&mut self.tos_forward, sample.tos_forward),
            (&mut self.tos_backward, sample.tos_backward),
            (&mut self.ttl_forward, Some(sample.ttl_forward)),
            (&mut self.ttl_backward, sample.ttl_backward),
        ] {
            if let Some(mark) = mark {
                marks.record(mark, sample.t4);
            }
        }
    }

    /// For people; probes left with this TTL.
    pub(super) fn arrived(&self, ttl: u8) -> Arrived {
        let forward = self.ttl_forward.newest();
        let backward = self.ttl_backward.newest();
        Arrived {
            tos_forward: table(&self.tos_forward),
            tos_backward: table(&self.tos_backward),
            ttl_forward: table(&self.ttl_forward),
            ttl_backward: table(&self.ttl_backward),
            hops_forward: forward.and_then(|seen| hops_there(ttl, seen)),
            hops_backward: backward.and_then(hops_back),
        }
    }
}

/// Hops of a probe that left with `ttl`.
pub(super) fn hops_there(ttl: u8, seen: u8) -> Option<u8> {
    ttl.checked_sub(seen)
}

/// Hops of a reply.
pub(super) fn hops_back(seen: u8) -> Option<u8> {
    (seen > LOW_TTL).then(|| FULL_TTL - seen)
}

fn table(marks: &Marks) -> MarkTable {
    let counted = |(value, count): (u8, u32)| Counted {
        value,
        count: count.into(),
    };
    MarkTable {
        seen: marks.kinds().map(counted).collect(),
        others: marks.others().into(),
        changes: marks.changes().into(),
        changed_at: marks.changed().map(unix),
    }
}

/// Seconds since the Unix epoch.
pub(super) fn unix(at: Wall) -> f64 {
    at.0 as f64 / 1e9
}

/// Loss, and what is known of it by direction.
pub(super) fn loss(counts: &LossCounts, directed: bool) -> LossFigures {
    let known = counts.received + counts.lost();
    // What has no direction may have been lost before the far end or after it.
    let there = |counts: &LossCounts| share(counts.lost_forward, known);
    let back = |counts: &LossCounts| {
        let arrived = counts.received + counts.lost_backward;
        share(counts.lost_backward, arrived)
    };
    LossFigures {
        round_trip: share(counts.lost(), known),
        forward: directed.then(|| there(counts)).flatten(),
        backward: directed.then(|| back(counts)).flatten(),
        periods: counts.loss_periods,
        longest_period: counts.longest_loss,
    }
}

fn share(lost: u64, of: u64) -> Option<Share> {
    let interval = clopper_pearson(lost, of, CONFIDENCE)?;
    Some(Share {
        percent: percent(lost, of)?,
        percent_low: 100.0 * interval.low,
        percent_high: 100.0 * interval.high,
    })
}

/// 0–100; `None` of nothing.
pub(super) fn percent(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| 100.0 * (part.min(of) as f64 / of as f64))
}

/// How far above the smallest delay most lie: of round trip, outbound, inbound.
pub(super) fn above_smallest(delays: [Option<Delay>; 3]) -> Variation {
    let [round_trip, outbound, inbound] = delays.map(|delay| {
        let delay = delay?;
        Some(Percentiles {
            p50: delay.p50 - delay.min,
            p95: delay.p95 - delay.min,
            p99: delay.p99 - delay.min,
        })
    });
    Variation {
        round_trip,
        outbound,
        inbound,
    }
}

/// More of what a responder saw.
pub(super) fn served(report: &ReflectorReport) -> ServedFigures {
    let percentiles = |found: [u64; 3]| {
        let [p50, p95, p99] = found.map(|ns| ns as f64 / 1e3);
        Percentiles { p50, p95, p99 }
    };
    ServedFigures {
        loss_forward: share(report.lost_forward, report.distinct + report.lost_forward),
        longest_gap: report.longest_gap,
        pdv_us: report.pdv_ns.map(percentiles),
        ipdv_us: report.ipdv_ns.map(percentiles),
        tos: table(&report.tos),
        ttl: table(&report.ttl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_ttl_of_replies_tells_no_hops() {
        assert_eq!(
            [255, 250, 128, 60].map(hops_back),
            [Some(0), Some(5), None, None]
        );
        assert_eq!(hops_there(64, 60), Some(4));
        assert_eq!(hops_there(64, 255), None, "unknown");
    }

    #[test]
    fn each_direction_has_its_own_whole_and_no_share_leaves_0_to_100() {
        let counts = LossCounts {
            sent: 110,
            received: 80,
            lost_forward: 10,
            lost_backward: 20,
            ..LossCounts::default()
        };
        let figures = loss(&counts, true);
        let percent = |share: Option<Share>| share.unwrap().percent.round() as u32;
        assert_eq!(percent(figures.round_trip), 27);
        assert_eq!(percent(figures.forward), 9);
        assert_eq!(percent(figures.backward), 20);
        for share in [figures.round_trip, figures.forward, figures.backward] {
            let share = share.unwrap();
            assert!(0.0 < share.percent_low && share.percent_low < share.percent);
            assert!(share.percent < share.percent_high && share.percent_high < 100.0);
        }
        assert_eq!(loss(&counts, false).forward, None);
        assert_eq!(loss(&LossCounts::default(), true).round_trip, None);
    }
}
