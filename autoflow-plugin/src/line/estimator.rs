//! From the outcomes of probes to an estimate of the line.

use std::time::Duration;

use plugin_abi::config::{Decision, Probe, Profile};
use twamp_core::metrics::span::Numbers;
use twamp_core::probe::{Outcome, Sample, SetAside};
use twamp_core::time::Mono;

use super::extremes::FARTHEST;
use super::liveness::{LEAST_PATIENCE, Liveness, Pulse, State, Trouble};
use super::order::{Fate, InOrder};
use super::ring::{Adds, Ring, Running};
use super::shift::{Shift, ShiftWatch};
use super::slice::{Brief, Counted, Doubts, PathJitter, RoundTrips, Slice, Sums};
use super::summary::{Delays, Directions, Summary};
use super::watch::{Delayed, Demand, Seen, Watch};
use super::whole::Life;

/// Fewer probes than this say too little: a span is at least so many intervals long.
const LEAST_INTERVALS: u32 = 40;
const LEAST_SPAN: Duration = Duration::from_millis(500);
/// Samples follow each other if they are no more than so many intervals apart.
const ROW: f32 = 1.5;

/// What an [`Estimator`] needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EstimatorConfig {
    /// Verdicts and published scores look back so far.
    pub(crate) window: Duration,
    /// A line is shown good again over this time.
    pub(crate) recent: Duration,
    /// A probe without reply for so long is lost.
    pub(crate) timeout: Duration,
    /// Silence for so many resting intervals, beyond what a reply may take, is a dead line.
    pub(crate) dead_intervals: u32,
    /// The reflector has numbers of its own, so that loss has a direction.
    pub(crate) stateful_reflector: bool,
    /// From one probe to the next, when nothing is suspected.
    pub(crate) rest: Duration,
    /// What kind of line it is.
    pub(crate) profile: Profile,
    /// At times probes leave so many times as seldom, at most.
    pub(crate) slowest: u32,
}

/// Gathers what the probes of one class say about one line. No memory is taken after `new`.
#[derive(Clone, Debug)]
pub(crate) struct Estimator {
    window: Ring<Slice>,
    /// Of the window, if the reflector has any.
    numbers: Option<Ring<Numbers>>,
    recent: Ring<Brief>,
    running: Looked,
    /// What one-way delays are kept without: how far the far clock is ahead, more or less.
    offset: Option<i64>,
    jitter: PathJitter,
    newest_sample: Option<Mono>,
    longest_round_trip: Duration,
    /// It may have been in a slice that is gone.
    longest_gone: bool,
    liveness: Liveness,
    order: InOrder,
    /// Of the probes whose turn has come: all, and those lost.
    totals: (u64, u64),
    /// Of all answers: how many, and the sum of their round trips in nanoseconds.
    round_trips: (u64, i64),
    watches: Vec<Watch>,
    shifts: ShiftWatch,
    /// The newest one that nobody was told of.
    shift: Option<Shift>,
    /// The newest probe that has a fate.
    newest: Option<(u64, Mono)>,
    /// From one probe to the next at present, in resting intervals.
    pace: f32,
    rest: Duration,
    /// Probes leave so many times as seldom as at rest: now, and when the newest sample came.
    slowed: f32,
    sample_slowed: f32,
    /// Spans are long enough for so much.
    slowest: u8,
    profile: Profile,
    /// Of the newest sample, if none is missing before the next.
    last_round_trip: Option<i64>,
    timeout: Duration,
    /// The reflector's numbers of this session count from this epoch, so that those of different
    /// sessions are never compared.
    first_epoch: u32,
    newest_epoch: u32,
}

/// What was added up at the last look.
#[derive(Clone, Debug, Default)]
struct Looked {
    fates: Running<Counted>,
    delays: Running<Sums>,
}

/// What is known of a line at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    /// Whether it lives.
    pub(crate) state: State,
    /// When that state began.
    pub(crate) since: Mono,
    /// What keeps it from being measured.
    pub(crate) trouble: Option<Trouble>,
    /// When the last reply came in.
    pub(crate) last_reply: Option<Mono>,
    /// Since when replies are due that don't come.
    pub(crate) silent_since: Option<Mono>,
    /// When the newest sample came in.
    pub(crate) newest_sample: Option<Mono>,
    /// The longest round trip of late.
    pub(crate) longest_round_trip: Duration,
    /// The rolling window.
    pub(crate) window: Summary,
    /// Its lost probes by direction, if the reflector has numbers of its own.
    pub(crate) directions: Option<Directions>,
    /// Its delays, both ways.
    pub(crate) delays: Option<Delays>,
}

impl Estimate {
    /// Its last probe is not answered, though a reply would be there by now.
    pub(crate) fn is_overdue(&self, now: Mono) -> bool {
        let due = (3 * self.longest_round_trip).max(LEAST_PATIENCE);
        self.silent_since
            .is_some_and(|since| now.since(since) >= due)
    }

    /// Whether the line lives is known better than by these probes alone.
    pub(crate) fn set_life(&mut self, life: &Life) {
        self.state = life.state;
        self.since = life.since;
        self.trouble = life.trouble;
        self.last_reply = life.last_reply;
        self.silent_since = life.silent_since;
    }
}

impl EstimatorConfig {
    /// For a line probed as `probe` says. Slow probes lengthen the spans: a verdict needs probes.
    pub(crate) fn new(decision: &Decision, probe: &Probe, profile: Profile) -> Self {
        let interval = probe.interval();
        let least = least_span(interval);
        let millis = |millis: u32| Duration::from_millis(millis.into());
        Self {
            window: millis(decision.window_ms).max(least),
            recent: millis(decision.failback_ms).max(least),
            timeout: millis(probe.timeout_ms),
            dead_intervals: decision.dead_intervals,
            stateful_reflector: probe.is_directed(),
            rest: interval.max(Duration::from_micros(1)),
            profile,
            slowest: 1,
        }
    }

    /// The same for a line that is probed so many times as seldom at times.
    pub(crate) fn slowed_up_to(self, times: u32) -> Self {
        Self {
            slowest: times,
            ..self
        }
    }
}

/// Of spans over which a line is judged that is probed so often.
fn least_span(interval: Duration) -> Duration {
    LEAST_SPAN.max(interval.saturating_mul(LEAST_INTERVALS))
}

impl Estimator {
    /// Nothing is known yet.
    pub(crate) fn new(config: EstimatorConfig) -> Self {
        let longest = least_span(config.rest * config.slowest);
        Self {
            window: Ring::new(config.window, config.timeout).reaching(longest),
            numbers: config
                .stateful_reflector
                .then(|| Ring::new(config.window, config.timeout).reaching(longest)),
            recent: Ring::new(config.recent, config.timeout).reaching(longest),
            running: Looked::default(),
            offset: None,
            jitter: PathJitter::default(),
            newest_sample: None,
            longest_round_trip: Duration::ZERO,
            longest_gone: false,
            liveness: Liveness::new(config.dead_intervals, config.profile),
            order: InOrder::default(),
            totals: (0, 0),
            round_trips: (0, 0),
            watches: Vec::new(),
            shifts: ShiftWatch::default(),
            shift: None,
            newest: None,
            pace: 1.0,
            rest: config.rest,
            slowed: 1.0,
            sample_slowed: 1.0,
            slowest: u8::try_from(config.slowest).unwrap_or(u8::MAX),
            profile: config.profile,
            last_round_trip: None,
            timeout: config.timeout,
            first_epoch: 0,
            newest_epoch: 0,
        }
    }

    /// What is absorbed from here on comes from another session: its numbers begin anew.
    pub(crate) fn next_session(&mut self) {
        self.first_epoch = self.newest_epoch + 1;
        self.newest_epoch = self.first_epoch;
        self.jitter.restart();
        self.order.restart();
        self.newest = None;
    }

    /// It is a line of this kind.
    pub(crate) fn profile(&mut self, profile: Profile) {
        self.profile = profile;
        self.liveness.profile(profile);
    }

    /// These are the limits that somebody asks about; of those that are known already, what was
    /// learned stays.
    pub(crate) fn watch(&mut self, demands: &[Demand]) {
        let mut known = std::mem::take(&mut self.watches);
        self.watches = demands
            .iter()
            .map(|demand| {
                let same = known.iter().position(|watch| watch.demand() == demand);
                same.map_or_else(
                    || Watch::new(*demand, self.rest, self.profile, self.recent.span()),
                    |same| known.swap_remove(same),
                )
            })
            .collect();
    }

    /// What they say, in the order in which they were asked.
    pub(crate) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// How many probes had a fate so far, and how many of them were lost, in the order of sending.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.totals
    }

    /// How many were answered so far, and the sum of their round trips in nanoseconds.
    pub(crate) fn round_trips(&self) -> (u64, i64) {
        self.round_trips
    }

    /// A shift of the round trip that nobody was told of yet.
    pub(crate) fn take_shift(&mut self) -> Option<Shift> {
        self.shift.take()
    }

    /// From one probe to the next at present, where they are not closer than at rest.
    pub(crate) fn interval(&self) -> Duration {
        self.rest.mul_f64(self.slowed.into())
    }

    /// Enters what became of a probe, in any order of sending. One that was set aside makes no
    /// delay, and no loss either.
    pub(crate) fn absorb(&mut self, outcome: &Outcome) {
        self.look_at(outcome);
        match outcome {
            Outcome::Sample(sample) => self.sample(sample),
            Outcome::Lost { sent, .. } => self.lost(*sent),
            Outcome::SetAside(SetAside {
                sequence,
                sent,
                reply,
                ..
            }) => {
                if let Some((reflector, epoch)) = *reply {
                    self.received(*sequence, *sent, reflector, epoch);
                }
            }
        }
    }

    /// Enters a look of the probe thread at the line; comes a few times a second. True if it shows
    /// anything new.
    pub(crate) fn pulse(&mut self, pulse: &Pulse) -> bool {
        let before = (self.liveness, self.longest_round_trip, self.slowed);
        self.slowed = pulse.slowed;
        if std::mem::take(&mut self.longest_gone)
            && let Some(longest) = self.window.all().filter_map(Slice::longest).max()
        {
            self.longest_round_trip = longest;
        }
        self.liveness
            .pulse(pulse, self.longest_round_trip, self.timeout);
        before != (self.liveness, self.longest_round_trip, self.slowed)
    }

    /// Something keeps the line from being measured from `at` on, or nothing any more.
    pub(crate) fn trouble(&mut self, at: Mono, trouble: Option<Trouble>) {
        self.liveness.trouble(at, trouble);
    }

    /// Whether the line lives, by these probes alone.
    pub(crate) fn life(&self) -> Life {
        self.liveness.life()
    }

    /// What is known at `now`.
    pub(crate) fn view(&mut self, now: Mono) -> Estimate {
        let settled = self.settled(now);
        let [span, _] = self.spans();
        let (window, running) = (&self.window, &mut self.running);
        let slices = window.slices_of(span);
        let fates = running.fates.before(window, settled, slices);
        let sums = running.delays.until(window, now, slices);
        let of_window = Summary::new(span, fates, sums.round_trip());
        Estimate {
            state: self.liveness.state,
            since: self.liveness.since,
            trouble: self.liveness.trouble,
            last_reply: self.liveness.last_reply,
            silent_since: self.liveness.silent_since,
            newest_sample: self.newest_sample,
            longest_round_trip: self.longest_round_trip,
            window: of_window,
            directions: self.numbers.as_ref().map(|numbers| {
                if of_window.lost == 0 {
                    return Directions::NONE;
                }
                let of_fates = window.before(settled, slices);
                Directions::of(of_fates.zip(numbers.before(settled, slices)))
            }),
            delays: Delays::of(&sums, self.offset.unwrap_or_default()),
        }
    }

    /// The time over which a line is shown good again, at `now`. Hardly anybody asks, so that it is
    /// added up each time.
    pub(crate) fn recent(&self, now: Mono) -> Summary {
        let (mut fates, mut round_trips) = (Counted::default(), RoundTrips::default());
        let (recent, [_, span]) = (&self.recent, self.spans());
        let slices = recent.slices_of(span);
        let over = recent.before(self.settled(now), slices);
        over.for_each(|slice| fates.add(slice));
        let begun = recent.until(now, slices);
        begun.for_each(|slice| round_trips.add(slice));
        Summary::new(span, fates, round_trips.mean())
    }

    /// What the window and the recent time span at present: slow probes lengthen them.
    fn spans(&self) -> [Duration; 2] {
        let least = least_span(self.interval().min(self.rest * self.slowest.into()));
        [self.window.span(), self.recent.span()].map(|span| span.max(least))
    }

    /// Until when [`view`](Self::view) stays as it is at `now`, if nothing is entered.
    pub(crate) fn steady_until(&self, now: Mono) -> Mono {
        let settled = self.settled(now);
        now + self.window.left(now).min(self.window.left(settled))
    }

    /// What it takes of memory, from the first sample to the last.
    #[cfg(test)]
    pub(crate) fn octets(&self) -> usize {
        let slices = self.window.all().count() * size_of::<Slice>();
        let briefs = self.recent.all().count() * size_of::<Brief>();
        let numbers = self.numbers.as_ref().map_or(0, |all| all.all().count());
        size_of::<Self>() + slices + briefs + numbers * size_of::<Numbers>()
    }

    /// Hands the outcome to the watches: fates in the order of sending, delays as they come.
    fn look_at(&mut self, outcome: &Outcome) {
        let (sequence, sent) = match outcome {
            Outcome::Sample(sample) => (sample.sequence, sample.sent),
            Outcome::Lost { sequence, sent, .. }
            | Outcome::SetAside(SetAside { sequence, sent, .. }) => (*sequence, *sent),
        };
        match self.newest {
            Some((newest, at)) if sequence > newest => {
                let between = sent.since(at).div_f64((sequence - newest) as f64);
                self.pace = between.div_duration_f32(self.rest).clamp(0.001, 1.0);
                self.newest = Some((sequence, sent));
            }
            Some(_) => {}
            None => self.newest = Some((sequence, sent)),
        }
        let (pace, watches, totals) = (self.pace, &mut self.watches, &mut self.totals);
        let liveness = &mut self.liveness;
        let overdue = (3 * self.longest_round_trip).max(LEAST_PATIENCE);
        let patience = overdue.div_duration_f32(self.rest.mul_f32(pace)).ceil() as u64;
        self.order.enter(outcome, patience + 1, |fate| {
            totals.0 += u64::from(fate != Fate::Void);
            totals.1 += u64::from(fate == Fate::Lost);
            liveness.fate(fate);
            let seen = Seen {
                at: sent,
                fate,
                pace,
            };
            watches.iter_mut().for_each(|watch| watch.fate(seen));
        });
    }

    fn sample(&mut self, sample: &Sample) {
        self.received(
            sample.sequence,
            sample.sent,
            sample.reflector_sequence,
            sample.epoch,
        );
        let gap = self
            .newest_sample
            .map(|newest| sample.received.since(newest));
        // None is missing between two that follow each other, however seldom they are.
        let slowed = self.slowed.max(self.sample_slowed);
        self.sample_slowed = self.slowed;
        let longest = self.timeout.max(self.rest.mul_f32(ROW * slowed));
        if gap.is_some_and(|gap| gap > longest) {
            self.jitter.restart();
            self.last_round_trip = None;
        }
        let round_trip = sample.round_trip();
        self.round_trips.0 += 1;
        self.round_trips.1 = self.round_trips.1.wrapping_add(round_trip);
        let step = self.last_round_trip.replace(round_trip);
        let step = step.map(|last| round_trip.abs_diff(last) as i64);
        for watch in &mut self.watches {
            watch.delay(Delayed {
                at: sample.received,
                round_trip,
                step,
                slowed,
            });
        }
        let shift = self.shifts.see(sample.received, round_trip);
        self.shift = shift.or(self.shift);
        self.newest_sample = self.newest_sample.max(Some(sample.received));
        self.jitter.record(sample);
        self.delayed(sample);
    }

    /// Enters the delay of an answered probe. Slices hold one-way delays of some minutes; a far
    /// clock that jumps farther makes those before and after it incomparable, and they are dropped.
    fn delayed(&mut self, sample: &Sample) {
        let delay = sample.delay();
        let offset = *self
            .offset
            .get_or_insert_with(|| delay.offset_if_symmetrical());
        let mut aligned = delay.corrected(offset);
        let farthest = FARTHEST.unsigned_abs();
        if aligned.forward.unsigned_abs() > farthest || aligned.backward.unsigned_abs() > farthest {
            let offset = delay.offset_if_symmetrical();
            self.offset = Some(offset);
            self.window.all_mut().for_each(Slice::forget_delays);
            self.longest_gone = true;
            aligned = delay.corrected(offset);
        }
        let jitter = self.jitter;
        if let Some(slice) = self.slice_mut(sample.sent) {
            slice.delayed(&aligned, &jitter, Doubts::of(sample));
            let longest = slice.longest();
            self.longest_round_trip = self.longest_round_trip.max(longest.unwrap_or_default());
        }
        if let Some(slice) = self.recent.slice_mut(sample.sent) {
            slice.delayed(delay.round_trip(), &self.jitter);
        }
    }

    fn received(&mut self, sequence: u64, sent: Mono, reflector: u64, epoch: u32) {
        let epoch = self.first_epoch + epoch;
        self.newest_epoch = self.newest_epoch.max(epoch);
        if let Some(slice) = self.slice_mut(sent) {
            slice.received.add_one();
        }
        if let Some(numbers) = &mut self.numbers
            && let Some(slice) = numbers.slice_mut(sent)
        {
            slice.answered(sequence, reflector, epoch);
        }
        if let Some(slice) = self.recent.slice_mut(sent) {
            slice.received.add_one();
        }
    }

    fn lost(&mut self, sent: Mono) {
        if let Some(slice) = self.slice_mut(sent) {
            slice.lost.add_one();
        }
        if let Some(slice) = self.recent.slice_mut(sent) {
            slice.lost.add_one();
        }
    }

    /// The slice of probes sent at `sent`. Where one begins another one goes; there are as many of
    /// numbers, at the same times.
    fn slice_mut(&mut self, sent: Mono) -> Option<&mut Slice> {
        self.longest_gone |= self.window.begins(sent);
        if let Some(numbers) = &mut self.numbers {
            numbers.slice_mut(sent);
        }
        self.window.slice_mut(sent)
    }

    /// Delays reach up to now, losses up to where every fate is known.
    fn settled(&self, now: Mono) -> Mono {
        let timeout = self.timeout.as_nanos() as u64;
        Mono(now.nanos().saturating_sub(timeout))
    }
}

#[cfg(test)]
mod tests;
