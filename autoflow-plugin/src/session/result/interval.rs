//! What a session has measured since it was last told of: the part of its result that collectors
//! hear. No text is made of it, as there may be thousands a second.

use std::net::SocketAddr;

use plugin_abi::manage::{Asked, RunState};
use twamp_core::metrics::delay::{DelaySummary, PathSummary};
use twamp_core::metrics::loss::LossCounts;
use twamp_core::time::{ErrorEstimate, Wall};

use super::super::Sizes;
use super::{Identity, Tally, Told};

/// What a session has measured from one moment to another. Counts of a kind that may become
/// smaller, as probes whose way was not known, are since its beginning; so are those that end in
/// `total`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) session: String,
    pub(crate) run: u64,
    pub(crate) mode: &'static str,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: RunState,
    pub(crate) failure: Option<String>,
    pub(crate) since: Wall,
    pub(crate) until: Wall,
    pub(crate) asked: Asked,
    /// Of the IP packet; `None` before any.
    pub(crate) probe_octets: Option<u32>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) total: LossCounts,
    /// Probes and replies.
    pub(crate) set_aside_total: u64,
    pub(crate) reordered_total: u64,
    /// Lost probes have a direction.
    pub(crate) directed: bool,
    /// Round trip, outbound, inbound; `None` if nothing came back in time.
    pub(crate) delays: Option<[Way; 3]>,
    /// Sum of the outbound delays, nanoseconds.
    pub(crate) outbound_sum: i128,
    /// In the same order, nanoseconds.
    pub(crate) jitter: [Option<f64>; 3],
    pub(crate) tos_forward: Option<u8>,
    pub(crate) tos_backward: Option<u8>,
    pub(crate) ttl_forward: Option<u8>,
    pub(crate) ttl_backward: Option<u8>,
    pub(crate) synchronised: bool,
    pub(crate) kernel_stamps: bool,
    /// Far clock minus near clock, nanoseconds.
    pub(crate) offset: Option<i64>,
}

/// Delays of one way, nanoseconds. Percentiles are those of the whole session, of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) min: i64,
    pub(crate) mean: i64,
    pub(crate) max: i64,
    pub(crate) p50: i64,
    pub(crate) p95: i64,
    pub(crate) p99: i64,
}

/// What was known when a session was told of last, and its delays since then.
#[derive(Clone, Copy)]
pub(super) struct Since {
    at: Wall,
    counts: LossCounts,
    delays: PathSummary,
}

/// Whose interval it is.
pub(in super::super) struct Whose<'a> {
    pub(in super::super) who: &'a Identity,
    pub(in super::super) run: u64,
    pub(in super::super) state: RunState,
    pub(in super::super) failure: Option<&'a str>,
    pub(in super::super) started: Wall,
}

impl Since {
    pub(super) fn record(&mut self, delay: &twamp_core::metrics::delay::Delay) {
        self.delays.record(delay);
    }

    /// Everything is counted anew.
    pub(super) fn afresh(self) -> Self {
        Self {
            at: self.at,
            counts: LossCounts::default(),
            delays: PathSummary::default(),
        }
    }
}

impl Tally {
    /// From now on it is told of in intervals, if it isn't already. One that isn't is told of as a
    /// whole.
    pub(in super::super) fn divide(&mut self, at: Wall, counts: &LossCounts) {
        if self.since.is_none() {
            self.told(at, counts);
        }
    }

    /// An interval begins.
    fn told(&mut self, at: Wall, counts: &LossCounts) {
        self.since = Some(Box::new(Since {
            at,
            counts: *counts,
            delays: PathSummary::default(),
        }));
    }

    /// What was measured since it was told of last; the next interval begins.
    pub(in super::super) fn interval(
        &mut self,
        whose: &Whose<'_>,
        counts: &LossCounts,
        sizes: &Sizes,
        near: ErrorEstimate,
        until: Wall,
    ) -> Interval {
        let who = whose.who;
        let Told { state, offset } = self
            .clocks
            .as_ref()
            .map_or_else(Told::default, |clocks| clocks.told(near));
        let mut before = self.since.as_deref().map_or_else(
            || Since {
                at: whose.started,
                counts: LossCounts::default(),
                delays: self.delays,
            },
            |since| *since,
        );
        // The probe thread may have begun anew and not have said so yet.
        if counts.sent < before.counts.sent {
            before = before.afresh();
        }
        if self.since.is_some() {
            self.told(until, counts);
        }
        let delays = before.delays.corrected(offset);
        let grown = |of: fn(&LossCounts) -> u64| of(counts).saturating_sub(of(&before.counts));
        Interval {
            session: who.id(),
            run: whose.run,
            mode: who.mode,
            local: who.local,
            remote: who.remote,
            state: whose.state,
            failure: whose.failure.map(str::to_owned),
            since: before.at,
            until,
            asked: who.asked,
            probe_octets: sizes.octets().forward,
            sent: grown(|counts| counts.sent),
            received: grown(|counts| counts.received),
            lost: grown(LossCounts::lost),
            total: *counts,
            set_aside_total: counts.set_aside + self.answered_aside,
            reordered_total: self.overtaken.count(),
            directed: who.stateful,
            delays: self.ways(&delays, offset),
            outbound_sum: delays.forward.sum(),
            jitter: [0, 1, 2].map(|way| self.jitter[way].get()),
            tos_forward: self.marks.tos_forward.newest(),
            tos_backward: self.marks.tos_backward.newest(),
            ttl_forward: self.marks.ttl_forward.newest(),
            ttl_backward: self.marks.ttl_backward.newest(),
            synchronised: state.synchronised,
            kernel_stamps: self.all_kernel && self.newest.is_some(),
            offset: state.offset_us.map(|micros| (micros * 1e3).round() as i64),
        }
    }

    /// Round trip, outbound, inbound.
    fn ways(&self, delays: &PathSummary, offset: i64) -> Option<[Way; 3]> {
        let means = delays.means()?;
        let whole = self.delays.corrected(offset);
        let moved = [0, offset.saturating_neg(), offset];
        let way = |of: &DelaySummary, whole: &DelaySummary, mean: i64, which: usize| {
            let (least, most) = (whole.min()?, whole.max()?);
            let at = |q| {
                let found = self.spread.at(which, q)?;
                Some(found.saturating_add(moved[which]).clamp(least, most))
            };
            Some(Way {
                min: of.min()?,
                mean,
                max: of.max()?,
                p50: at(0.5)?,
                p95: at(0.95)?,
                p99: at(0.99)?,
            })
        };
        Some([
            way(&delays.round_trip, &whole.round_trip, means.round_trip, 0)?,
            way(&delays.forward, &whole.forward, means.forward, 1)?,
            way(&delays.backward, &whole.backward, means.backward, 2)?,
        ])
    }
}
