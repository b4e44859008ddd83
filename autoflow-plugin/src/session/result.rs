//! From single outcomes to the result that people read, and to what collectors are told.

mod interval;

use std::net::SocketAddr;

use super::clocks::{Clocks, Told};
use super::far_end::FarSide;
use super::features::names;
use super::figures::{self, AllMarks};
use super::findings;
use super::identity::session_id;
use super::registry::Id;
use super::{Entry, Served, Sizes};
use interval::Since;
pub(super) use interval::Whose;
pub(crate) use interval::{Interval, Way};
use plugin_abi::config::Protocol;
use plugin_abi::manage::{
    Asked, Delay, Duplicated, Figures, Jitter as JitterResult, LostCounts, Percentiles, Seen,
    ServedResult, SessionResult, Variation,
};
use twamp_core::metrics::clock::Step;
use twamp_core::metrics::delay::{DelaySummary, PathSummary};
use twamp_core::metrics::loss::LossCounts;
use twamp_core::metrics::quantile::Quantiles;
use twamp_core::metrics::reordering::Overtaken;
use twamp_core::metrics::sketch::Sketch;
use twamp_core::metrics::variation::Jitter;
use twamp_core::probe::{Outcome, Sample, Stamps};
use twamp_core::time::{ErrorEstimate, Mono, Wall};
use twamp_core::wire::control::Modes;

/// A quantile of a run is right to this many decimal digits.
const DIGITS: u8 = 3;

/// What has become of the probes of one session so far.
pub(crate) struct Tally {
    /// Anything is.
    kept: bool,
    /// None before the first sample. All delays below are relative to it.
    clocks: Option<Box<Clocks>>,
    delays: PathSummary,
    spread: Spread,
    /// Of differences between neighbours.
    steps: Spread,
    /// Number and delays of the newest sample, while the next one is its neighbour.
    last: Option<(u64, [i64; 3])>,
    marks: AllMarks,
    /// Probes that left before say nothing of what is asked for now.
    marks_since: Mono,
    jitter: [Jitter; 3],
    overtaken: Overtaken,
    newest: Option<Newest>,
    /// Received, but not made a sample of.
    answered_aside: u64,
    /// None of this end's stamps was read in user space;
    all_kernel: bool,
    /// those of the newest sample are the interface's own.
    by_hardware: bool,
    /// Only STAMP tells anything.
    far_side: Option<Box<FarSide>>,
    /// Where collectors are told of it now and then.
    since: Option<Box<Since>>,
}

/// What most packets see: round trip, outbound, inbound. Nothing is kept before the first sample.
enum Spread {
    /// To three digits, for runs: they end.
    Exact(Option<Box<[Quantiles; 3]>>),
    /// Small and of late, for lines: they don't.
    Rolling(Option<Box<[Sketch; 3]>>),
}

/// What people are told of the newest sample.
#[derive(Clone, Copy)]
struct Newest {
    /// When the first one of all left, and this one came back.
    since: Wall,
    until: Wall,
}

/// Who a session is between, for its results.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// It ends. The port that it uses is the system's choice, and no part of its id.
    pub(crate) run: bool,
    /// The id, where it is configured.
    pub(crate) configured: Option<Id>,
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
    /// How probes are to leave.
    pub(crate) asked: Asked,
}

impl Tally {
    /// Nothing is known yet. Percentiles will be exact, or rolling.
    pub(crate) fn new(exact: bool, protocol: Protocol) -> Self {
        Self {
            kept: true,
            clocks: None,
            delays: PathSummary::default(),
            spread: Spread::new(exact),
            steps: Spread::new(exact),
            last: None,
            marks: AllMarks::default(),
            marks_since: Mono::default(),
            jitter: [Jitter::default(); 3],
            overtaken: Overtaken::default(),
            newest: None,
            answered_aside: 0,
            all_kernel: true,
            by_hardware: false,
            far_side: (protocol == Protocol::Stamp).then(Box::default),
            since: None,
        }
    }

    /// From now on everything is kept, or nothing; what was is gone.
    pub(super) fn keep(&mut self, kept: bool) {
        if self.kept != kept {
            *self = self.blank();
            self.kept = kept;
        }
    }

    /// Collectors are told of it in intervals.
    pub(super) fn is_divided(&self) -> bool {
        self.since.is_some()
    }

    /// Enters what happened, in its order. Tells of a step of a clock that is to be logged.
    pub(crate) fn absorb(&mut self, entry: &Entry) -> Option<Step> {
        if !self.kept {
            return None;
        }
        match entry {
            Entry::Probe(Outcome::Sample(sample)) => return self.sample(sample),
            Entry::Probe(Outcome::SetAside(aside)) => {
                self.answered_aside += u64::from(aside.reply.is_some());
            }
            Entry::Probe(Outcome::Lost { .. }) => {}
            Entry::FarEnd(returned) => {
                if let Some(far_side) = &mut self.far_side {
                    far_side.absorb(returned);
                }
            }
            Entry::Afresh => *self = self.blank(),
            Entry::Retuned(_) => {}
            Entry::NewSession => {
                if let Some(far_side) = &mut self.far_side {
                    far_side.restart();
                }
                if let Some(clocks) = &mut self.clocks {
                    clocks.restart();
                }
                self.jitter.iter_mut().for_each(Jitter::restart);
                self.overtaken.restart();
                self.last = None;
            }
        }
        None
    }

    /// Other marks are asked for, from then on: who left before says nothing of them.
    pub(super) fn forget_marks(&mut self, before: Mono) {
        (self.marks, self.marks_since) = (AllMarks::default(), before);
    }

    /// The same with nothing in it.
    fn blank(&self) -> Self {
        let exact = matches!(self.spread, Spread::Exact(_));
        let protocol = match self.far_side {
            Some(_) => Protocol::Stamp,
            None => Protocol::Light,
        };
        let since = self.since.as_deref().copied();
        Self {
            kept: self.kept,
            since: since.map(|since| Box::new(since.afresh())),
            ..Self::new(exact, protocol)
        }
    }

    fn sample(&mut self, sample: &Sample) -> Option<Step> {
        let (delay, step) = self.clocks.get_or_insert_default().relative(sample);
        self.delays.record(&delay);
        if let Some(since) = &mut self.since {
            since.record(&delay);
        }
        self.all_kernel &= sample.stamps != Stamps::User;
        self.by_hardware = sample.stamps == Stamps::Hardware;
        let three = [delay.round_trip(), delay.forward, delay.backward];
        self.spread.record(three);
        self.step(sample.sequence, three);
        if sample.sent >= self.marks_since {
            self.marks.sample(sample);
        }
        for (jitter, value) in self.jitter.iter_mut().zip(three) {
            jitter.record(value);
        }
        self.overtaken.record(sample.sequence);
        if let Some(far_side) = &mut self.far_side {
            far_side.sample(sample);
        }
        self.newest = Some(Newest {
            since: self.newest.map_or(sample.t1, |newest| newest.since),
            until: sample.t4,
        });
        step
    }

    /// What changed from one probe to the one sent right after it.
    fn step(&mut self, number: u64, delays: [i64; 3]) {
        let last = self.last.replace((number, delays));
        if let Some((_, before)) = last.filter(|(last, _)| last.checked_add(1) == Some(number)) {
            let moved = |at: usize| delays[at].abs_diff(before[at]);
            let moved = [0, 1, 2].map(|at| i64::try_from(moved(at)).unwrap_or(i64::MAX));
            self.steps.record(moved);
        }
    }

    /// With which DSCP the newest packets arrived: at the far end, and back here.
    pub(super) fn newest_dscp(&self) -> [Option<u8>; 2] {
        let newest = [&self.marks.tos_forward, &self.marks.tos_backward];
        newest.map(|marks| marks.newest().map(|tos| tos >> 2))
    }

    /// The result so far, where `near` is what the kernel says of this end's clock.
    pub(crate) fn result(
        &self,
        who: &Identity,
        counts: &LossCounts,
        sizes: &Sizes,
        near: ErrorEstimate,
    ) -> SessionResult {
        let clocks = self.clocks.as_ref();
        let Told { state, offset } = clocks.map_or_else(Told::default, |of| of.told(near));
        let newest = self.newest;
        let tos_forward = self.marks.tos_forward.newest();
        let tos_backward = self.marks.tos_backward.newest();
        let delays = self.delays(offset);
        let [round_trip, outbound, inbound] = delays;
        let mut result = SessionResult {
            session_id: who.id(),
            mode: who.mode.to_owned(),
            local: who.local,
            remote: who.remote,
            sent: counts.sent,
            received: counts.received,
            in_flight: counts.in_flight,
            duplicates: counts.duplicates_forward + counts.duplicates_backward,
            reordered: self.overtaken.count(),
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
            stamps: match (self.all_kernel && newest.is_some(), self.by_hardware) {
                (true, true) => "hardware",
                (true, false) => "kernel",
                (false, _) => "user",
            }
            .to_owned(),
            clock: state,
            seen: Seen {
                dscp_forward: tos_forward.map(|tos| tos >> 2),
                dscp_backward: tos_backward.map(|tos| tos >> 2),
                ttl_forward: self.marks.ttl_forward.newest(),
                ttl_backward: self.marks.ttl_backward.newest(),
                ecn_forward: tos_forward.map(|tos| tos & 3),
                ecn_backward: tos_backward.map(|tos| tos & 3),
            },
            far_end: self.far_side.as_ref().and_then(|far| far.result()),
            features: names(who.features),
            features_refused: names(who.refused),
            figures: Figures {
                since: newest.map(|newest| figures::unix(newest.since)),
                until: newest.map(|newest| figures::unix(newest.until)),
                findings: Vec::new(),
                asked: who.asked,
                arrived: self.marks.arrived(who.asked.ttl),
                packet_octets: sizes.octets(),
                too_big: sizes.too_big(),
                pdv_us: figures::above_smallest(delays),
                ipdv_us: self.steps(),
                loss: figures::loss(counts, who.stateful),
                duplicated: Duplicated {
                    forward: counts.duplicates_forward,
                    backward: counts.duplicates_backward,
                },
                reordered_percent: figures::percent(self.overtaken.count(), counts.received),
            },
        };
        result.figures.findings = match self.kept {
            true => findings::of(&result),
            false => vec![findings::not_kept()],
        };
        result
    }

    /// Of round trip, outbound, inbound.
    fn steps(&self) -> Variation {
        let [round_trip, outbound, inbound] = [0, 1, 2].map(|which| {
            let at = |q| Some(micros(self.steps.at(which, q)?.max(0) as f64));
            Some(Percentiles {
                p50: at(0.5)?,
                p95: at(0.95)?,
                p99: at(0.99)?,
            })
        });
        Variation {
            round_trip,
            outbound,
            inbound,
        }
    }

    /// Round trip, outbound, inbound; the far clock is ahead of the reference by `offset`.
    fn delays(&self, offset: i64) -> [Option<Delay>; 3] {
        let paths = self.delays.corrected(offset);
        let moved = [0, offset.saturating_neg(), offset];
        let Some(means) = paths.means() else {
            return [None; 3];
        };
        let delay = |summary: &DelaySummary, mean: i64, which: usize| {
            let (min, max) = (summary.min()?, summary.max()?);
            let at = |q| {
                let found = self.spread.at(which, q)?.saturating_add(moved[which]);
                Some(micros(found.clamp(min, max) as f64))
            };
            Some(Delay {
                min: micros(min as f64),
                mean: micros(mean as f64),
                max: micros(max as f64),
                p50: at(0.5)?,
                p95: at(0.95)?,
                p99: at(0.99)?,
            })
        };
        [
            delay(&paths.round_trip, means.round_trip, 0),
            delay(&paths.forward, means.forward, 1),
            delay(&paths.backward, means.backward, 2),
        ]
    }
}

impl Spread {
    fn new(exact: bool) -> Self {
        match exact {
            true => Self::Exact(None),
            false => Self::Rolling(None),
        }
    }

    fn record(&mut self, delays: [i64; 3]) {
        match self {
            Self::Exact(kept) => {
                // One-way delays between free-running clocks lie far from 0, but close together.
                let [_, forward, backward] = delays;
                let kept = kept.get_or_insert_with(|| {
                    Box::new([0, forward, backward].map(|at| Quantiles::around(at, DIGITS)))
                });
                let pairs = kept.iter_mut().zip(delays);
                pairs.for_each(|(quantiles, delay)| quantiles.record(delay));
            }
            Self::Rolling(kept) => {
                let pairs = kept.get_or_insert_default().iter_mut().zip(delays);
                pairs.for_each(|(sketch, delay)| sketch.record(delay));
            }
        }
    }

    fn at(&self, which: usize, q: f64) -> Option<i64> {
        match self {
            Self::Exact(kept) => kept.as_ref()?[which].at(q),
            Self::Rolling(kept) => kept.as_ref()?[which].at(q),
        }
    }
}

impl Identity {
    /// The same after any restart.
    pub(super) fn id(&self) -> String {
        if let Some(id) = &self.configured {
            return id.as_ref().to_owned();
        }
        let port = if self.run { 0 } else { self.local.port() };
        session_id(SocketAddr::new(self.local.ip(), port), self.remote)
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
        figures: figures::served(report),
    }
}

/// Nanoseconds to microseconds.
fn micros(ns: f64) -> f64 {
    ns / 1e3
}

/// The result of a session of which nothing is known.
#[cfg(test)]
pub(super) fn empty_result() -> SessionResult {
    let [local, remote] = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 862)));
    let who = Identity {
        run: true,
        configured: None,
        mode: "light",
        local,
        remote,
        stateful: false,
        control: false,
        features: Modes::NONE,
        refused: Modes::NONE,
        asked: Asked::default(),
    };
    let near = ErrorEstimate::new(false, 1);
    let counts = LossCounts::default();
    Tally::new(false, Protocol::Light).result(&who, &counts, &Sizes::default(), near)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::line::synthetic::sample;

    pub(in crate::session) fn who(run: bool) -> Identity {
        Identity {
            run,
            configured: None,
            mode: "light",
            local: "192.0.2.1:20000".parse().unwrap(),
            remote: "192.0.2.2:862".parse().unwrap(),
            stateful: false,
            control: false,
            features: Modes::NONE,
            refused: Modes::NONE,
            asked: Asked::default(),
        }
    }

    /// Ten minutes at ten a second: 20 ms, and up to 10 ms more.
    fn tally(run: bool) -> Tally {
        let mut tally = Tally::new(run, Protocol::Light);
        for n in 0..6_000 {
            let round_trip = Duration::from_micros(20_000 + n * 7_919 % 10_000);
            let outcome = sample(n, Mono(n * 100_000_000), round_trip);
            assert_eq!(tally.absorb(&Entry::Probe(outcome)), None);
        }
        tally
    }

    #[test]
    fn replies_to_probes_that_left_before_a_change_say_nothing_of_the_new_marks() {
        let mut tally = Tally::new(false, Protocol::Light);
        let sent = |n: u64| Mono(n * 100_000_000);
        let absorb = |tally: &mut Tally, n: u64, tos: u8| {
            let mut outcome = sample(n, sent(n), Duration::from_millis(20));
            if let Outcome::Sample(sample) = &mut outcome {
                sample.tos_backward = Some(tos);
            }
            tally.absorb(&Entry::Probe(outcome));
        };
        absorb(&mut tally, 0, 0);
        tally.forget_marks(sent(2));
        absorb(&mut tally, 1, 0);
        assert!(tally.marks.tos_backward.newest().is_none());
        absorb(&mut tally, 2, 184);
        let arrived = tally.marks.arrived(255).tos_backward;
        let seen: Vec<_> = arrived.seen.iter().map(|kind| kind.value).collect();
        assert_eq!(seen, [184]);
    }

    #[test]
    fn a_line_is_told_as_a_run_is_but_for_its_quantiles_which_are_near() {
        let [run, line] = [true, false].map(|run| {
            let near = ErrorEstimate::default();
            let counts = LossCounts::default();
            let result = tally(run).result(&who(run), &counts, &Sizes::default(), near);
            [result.round_trip_us, result.outbound_us, result.inbound_us].map(Option::unwrap)
        });
        for (run, line) in run.into_iter().zip(line) {
            assert_eq!(
                (run.min, run.mean, run.max),
                (line.min, line.mean, line.max)
            );
            for (run_at, line_at) in [
                (run.p50, line.p50),
                (run.p95, line.p95),
                (run.p99, line.p99),
            ] {
                let off = (run_at - line_at).abs() / (run_at - run.min);
                assert!(off < 0.05, "{line_at} for {run_at}");
            }
        }
    }

    #[test]
    fn what_is_told_of_a_line_takes_little_memory_that_does_not_grow() {
        let line = tally(false);
        let sketches = [&line.spread, &line.steps].map(|spread| match spread {
            Spread::Rolling(Some(sketches)) => size_of_val(&**sketches),
            _ => panic!("not as a line"),
        });
        assert!(line.far_side.is_none());
        let sketches: usize = sketches.iter().sum();
        let octets = size_of::<Tally>() + sketches + size_of::<Clocks>();
        assert!(octets <= 3_500, "{octets}");
    }

    #[test]
    fn the_port_of_a_run_is_no_part_of_its_id() {
        let elsewhere = |run| Identity {
            local: "192.0.2.1:20001".parse().unwrap(),
            ..who(run)
        };
        assert_eq!(elsewhere(true).id(), who(true).id());
        assert_ne!(elsewhere(false).id(), who(false).id());
    }
}
