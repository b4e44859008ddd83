//! From single outcomes to the result that people read.

use std::net::SocketAddr;

use super::far_end::FarSide;
use super::features::names;
use super::{Entry, Served};
use plugin_abi::manage::{
    ClockState, Delay, Jitter as JitterResult, LostCounts, Seen, ServedResult, SessionResult,
};
use twamp_core::metrics::delay::{DelaySummary, PathSummary};
use twamp_core::metrics::loss::LossCounts;
use twamp_core::metrics::quantile::Quantiles;
use twamp_core::metrics::reordering::Reordering;
use twamp_core::metrics::variation::Jitter;
use twamp_core::probe::{Outcome, Sample, Stamps};
use twamp_core::wire::control::Modes;

/// A quantile is right to this many decimal digits.
const DIGITS: u8 = 3;

/// What has become of the probes of one session so far.
pub(crate) struct Tally {
    delays: PathSummary,
    quantiles: Option<[Quantiles; 3]>,
    jitter: [Jitter; 3],
    reordering: Reordering,
    last: Option<Sample>,
    /// Received, but not made a sample of.
    answered_aside: u64,
    all_kernel: bool,
    far_side: FarSide,
}

/// Who a session is between, for its results.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) mode: &'static str,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// The reflector keeps numbers of its own, so loss has a direction.
    pub(crate) stateful: bool,
    /// It was agreed on over a control connection, on `remote`.
    pub(crate) control: bool,
    /// What both ends agreed on.
    pub(crate) features: Modes,
    /// What the far end offers and refuses.
    pub(crate) refused: Modes,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            delays: PathSummary::default(),
            quantiles: None,
            jitter: [Jitter::default(); 3],
            reordering: Reordering::default(),
            last: None,
            answered_aside: 0,
            all_kernel: true,
            far_side: FarSide::default(),
        }
    }

    /// Enters what happened, in its order.
    pub(crate) fn absorb(&mut self, entry: &Entry) {
        match entry {
            Entry::Probe(Outcome::Sample(sample)) => self.sample(sample),
            Entry::Probe(Outcome::SetAside(aside)) => {
                self.answered_aside += u64::from(aside.reply.is_some());
            }
            Entry::Probe(Outcome::Lost { .. }) => {}
            Entry::FarEnd(returned) => self.far_side.absorb(returned),
            Entry::NewSession => {
                self.far_side.restart();
                self.jitter.iter_mut().for_each(Jitter::restart);
                self.reordering.restart();
            }
        }
    }

    fn sample(&mut self, sample: &Sample) {
        let delay = sample.delay();
        self.delays.record(&delay);
        self.all_kernel &= sample.stamps == Stamps::Kernel;
        // One-way delays between free-running clocks lie far from 0, but close together.
        let quantiles = self.quantiles.get_or_insert_with(|| {
            [0, delay.forward, delay.backward].map(|origin| Quantiles::around(origin, DIGITS))
        });
        let three = [delay.round_trip(), delay.forward, delay.backward];
        for (value, (quantiles, jitter)) in three
            .into_iter()
            .zip(quantiles.iter_mut().zip(&mut self.jitter))
        {
            quantiles.record(value);
            jitter.record(value);
        }
        self.reordering.record(sample.sequence);
        self.far_side.sample(sample);
        self.last = Some(*sample);
    }

    /// The result so far.
    pub(crate) fn result(&self, who: &Identity, counts: &LossCounts) -> SessionResult {
        let last = self.last.as_ref();
        let tos_forward = last.and_then(|sample| sample.tos_forward);
        let tos_backward = last.and_then(|sample| sample.tos_backward);
        let [round_trip, outbound, inbound] = self.delays();
        SessionResult {
            session_id: who.id.clone(),
            mode: who.mode.to_owned(),
            local: who.local,
            remote: who.remote,
            sent: counts.sent,
            received: counts.received,
            in_flight: counts.in_flight,
            duplicates: counts.duplicates_forward + counts.duplicates_backward,
            reordered: self.reordering.reordered(),
            late: counts.late,
            set_aside: counts.set_aside + self.answered_aside,
            lost: LostCounts {
                forward: who.stateful.then_some(counts.lost_forward),
                backward: who.stateful.then_some(counts.lost_backward),
                unattributed: counts.unattributed,
                percent: counts.ratio().map(|ratio| f64::from(ratio.get()) / 1e4),
            },
            round_trip_us: round_trip,
            inbound_us: inbound,
            outbound_us: outbound,
            jitter_us: JitterResult {
                round_trip: self.jitter[0].get().map(micros),
                outbound: self.jitter[1].get().map(micros),
                inbound: self.jitter[2].get().map(micros),
            },
            stamps: if self.all_kernel && last.is_some() {
                "kernel"
            } else {
                "user"
            }
            .to_owned(),
            clock: ClockState {
                synchronised: last.is_some_and(|sample| sample.peer_synchronised),
                offset_us: last.map(|sample| micros(sample.delay().offset_if_symmetrical() as f64)),
            },
            seen: Seen {
                dscp_forward: tos_forward.map(|tos| tos >> 2),
                dscp_backward: tos_backward.map(|tos| tos >> 2),
                ttl_forward: last.map(|sample| sample.ttl_forward),
                ttl_backward: last.and_then(|sample| sample.ttl_backward),
                ecn_forward: tos_forward.map(|tos| tos & 3),
                ecn_backward: tos_backward.map(|tos| tos & 3),
            },
            far_end: self.far_side.result(),
            features: names(who.features),
            features_refused: names(who.refused),
        }
    }

    /// Round trip, outbound, inbound.
    fn delays(&self) -> [Option<Delay>; 3] {
        let (Some(means), Some(quantiles)) = (self.delays.means(), &self.quantiles) else {
            return [None; 3];
        };
        let delay = |summary: &DelaySummary, mean: i64, quantiles: &Quantiles| {
            let at = |q| quantiles.at(q).map(|ns| micros(ns as f64));
            Some(Delay {
                min: micros(summary.min()? as f64),
                mean: micros(mean as f64),
                max: micros(summary.max()? as f64),
                p50: at(0.5)?,
                p95: at(0.95)?,
                p99: at(0.99)?,
            })
        };
        let paths = &self.delays;
        [
            delay(&paths.round_trip, means.round_trip, &quantiles[0]),
            delay(&paths.forward, means.forward, &quantiles[1]),
            delay(&paths.backward, means.backward, &quantiles[2]),
        ]
    }
}

/// What a responder saw, as people read it. `id` is the session's, seen from its sender.
pub(crate) fn served(id: String, seen: &Served) -> ServedResult {
    let report = &seen.report;
    ServedResult {
        session_id: id,
        remote: seen.remote,
        local: seen.local,
        received: report.distinct,
        lost_forward: report.lost_forward,
        duplicates: report.duplicates,
        reordered: report.reordered,
        reflected: report.reflected,
        jitter_us: report.jitter_ns.map(micros),
        variation_mean_us: report.variation.map(|above| micros(above.mean_ns as f64)),
        variation_max_us: report.variation.map(|above| micros(above.max_ns as f64)),
        responder_limited: seen.limited,
        ssid: seen.ssid,
        backward: seen.backward,
        ended: seen.ended.unwrap_or("not ended").to_owned(),
        features: names(seen.features),
    }
}

/// Nanoseconds to microseconds.
fn micros(ns: f64) -> f64 {
    ns / 1e3
}
