//! Whether a line lives: by time, not by packets.

use std::time::Duration;

use plugin_abi::config::Profile;
use twamp_core::time::Mono;

use super::order::Fate;
use super::run::Runs;
use super::whole::Life;

/// No reply is given up sooner, however short the round trip was so far.
pub(super) const LEAST_PATIENCE: Duration = Duration::from_millis(200);

/// A gap counts for so long,
const FORGETS: Duration = Duration::from_secs(3_600);
/// and makes the silence that is death no longer than so many times.
const MOST: u32 = 3;

/// What the probe thread sees of a line, a few times a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    /// When it looked.
    pub(crate) at: Mono,
    /// When the last reply came in.
    pub(crate) last_reply: Option<Mono>,
    /// When the oldest probe left of those that are unanswered and left after the last answered
    /// one.
    pub(crate) unanswered_since: Option<Mono>,
    /// Between two probes, when nothing is suspected.
    pub(crate) resting_interval: Duration,
    /// That is so many times as long as it was asked for, 1 or more.
    pub(crate) slowed: f32,
}

/// What keeps a line from being measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no session (yet): the far end doesn't answer on control.
    NoSession,
    /// The far end refuses the control connection or the session.
    Refused,
    /// The far end says that nobody listens on the test port.
    PortUnreachable,
    /// The local system can't send: interface down, no address, socket error.
    LocalFault,
    /// What its probes may take in a month is used.
    BudgetUsedUp,
}

/// The state of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Too early to say.
    Unknown,
    /// Replies come.
    Alive,
    /// Silence, although probes leave and the far end was there.
    Dead,
    /// Silence, although probes of another class come back over the same line.
    Silent,
    /// Something other than the line keeps it from being measured.
    Unmeasured,
}

/// Follows the state of one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Liveness {
    pub(super) state: State,
    pub(super) since: Mono,
    pub(super) trouble: Option<Trouble>,
    pub(super) last_reply: Option<Mono>,
    /// Since when replies are due that don't come.
    pub(super) silent_since: Option<Mono>,
    /// For longer than a reply may take.
    overdue: bool,
    /// Silence doesn't count from before this time: it had another reason.
    excused_until: Mono,
    dead_intervals: u32,
    profile: Profile,
    /// The longest gap that it came back from of late, when that was, and how often it was probed.
    gap: Duration,
    gap_at: Mono,
    gap_seen_by_ns: u64,
    runs: Runs,
}

impl Trouble {
    /// The words for it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NoSession => "no session",
            Self::Refused => "refused by the far end",
            Self::PortUnreachable => "test port unreachable",
            Self::LocalFault => "the local system can't send",
            Self::BudgetUsedUp => "the budget of probes is used up until the month ends",
        }
    }

    /// It tells that the silence is not the line's. A session that can't be set up doesn't: a dead
    /// line does just that.
    pub(super) fn explains_silence(self) -> bool {
        self != Self::NoSession
    }
}

impl Liveness {
    pub(super) fn new(dead_intervals: u32, profile: Profile) -> Self {
        Self {
            state: State::Unknown,
            since: Mono::default(),
            trouble: None,
            last_reply: None,
            silent_since: None,
            overdue: false,
            excused_until: Mono::default(),
            dead_intervals,
            profile,
            gap: Duration::ZERO,
            gap_at: Mono::default(),
            gap_seen_by_ns: 0,
            runs: Runs::default(),
        }
    }

    /// Whether it lives.
    pub(super) fn life(&self) -> Life {
        Life {
            state: self.state,
            since: self.since,
            trouble: self.trouble,
            last_reply: self.last_reply,
            silent_since: self.silent_since,
            overdue: self.overdue,
        }
    }

    /// It is a line of this kind.
    pub(super) fn profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// What became of the next probe, in the order of sending.
    pub(super) fn fate(&mut self, fate: Fate) {
        self.runs.enter(fate);
    }

    /// A look at the line. `longest` is the longest round trip of late; no reply comes after
    /// `timeout`.
    pub(super) fn pulse(&mut self, pulse: &Pulse, longest: Duration, timeout: Duration) {
        let replied = pulse.last_reply > self.last_reply;
        if let (true, Some(since), Some(reply)) = (replied, self.silent_since, pulse.last_reply) {
            let gap = reply.since(since).saturating_sub(longest);
            self.ended(reply, gap, pulse.resting_interval);
        }
        self.last_reply = self.last_reply.max(pulse.last_reply);
        self.silent_since = pulse
            .unanswered_since
            .map(|since| since.max(self.excused_until));
        if self.trouble.is_none() {
            let patience = (3 * longest).min(timeout).max(LEAST_PATIENCE)
                + self.no_death(pulse.at, pulse.resting_interval);
            let silent = self
                .silent_since
                .is_some_and(|since| pulse.at.since(since) >= patience);
            self.overdue = silent;
            self.enter(pulse.at, self.next(silent, replied));
        }
    }

    /// A silence is over. One that was too long for a gap was a death, and says nothing of gaps.
    fn ended(&mut self, now: Mono, gap: Duration, rest: Duration) {
        let is_gap = gap <= MOST * self.dead_intervals * rest;
        let forgets = now.since(self.gap_at) >= FORGETS || nanos(rest) < self.gap_seen_by_ns;
        if is_gap && (gap >= self.gap || forgets) {
            (self.gap, self.gap_at, self.gap_seen_by_ns) = (gap, now, nanos(rest));
        }
    }

    /// Silence for so long, beyond what a reply may take, is no death: some resting intervals; if that
    /// is more, up to three times as many, half as much again as the longest gap of late, or what
    /// chance makes of the loss of late; or what such lines are known for.
    fn no_death(&self, now: Mono, rest: Duration) -> Duration {
        let least = self.dead_intervals * rest;
        // One loss among seldom probes is a long gap, and says nothing where they are frequent.
        let counts = now.since(self.gap_at) < FORGETS && nanos(rest) >= self.gap_seen_by_ns;
        let of_late = match counts {
            true => self.gap * 3 / 2,
            false => Duration::ZERO,
        };
        let known = Duration::from_millis(self.profile.longest_gap_ms().into());
        let chance = rest.mul_f32(
            self.runs
                .improbable()
                .min((MOST * self.dead_intervals) as f32),
        );
        of_late.max(chance).clamp(least, MOST * least).max(known)
    }

    /// What keeps the line from being measured from `at` on, or nothing any more.
    pub(super) fn trouble(&mut self, at: Mono, trouble: Option<Trouble>) {
        self.trouble = trouble;
        self.overdue &= trouble.is_none();
        match trouble {
            None => self.excused_until = at,
            Some(trouble) if trouble.explains_silence() || self.state != State::Dead => {
                self.enter(at, State::Unmeasured);
            }
            Some(_) => {}
        }
    }

    fn next(&self, silent: bool, replied: bool) -> State {
        match (self.last_reply, silent) {
            (Some(_), true) => State::Dead,
            (None, true) => State::Unmeasured,
            (Some(_), false) if replied => State::Alive,
            (_, false) => self.state,
        }
    }

    fn enter(&mut self, at: Mono, state: State) {
        if self.state != state {
            self.state = state;
            self.since = at;
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(20);
    const TIMEOUT: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Mono {
        Mono(millis * 1_000_000)
    }

    fn pulse(line: &mut Liveness, now: u64, reply: Option<u64>, unanswered: Option<u64>) -> State {
        let pulse = Pulse {
            at: at(now),
            last_reply: reply.map(at),
            unanswered_since: unanswered.map(at),
            resting_interval: Duration::from_millis(100),
            slowed: 1.0,
        };
        line.pulse(&pulse, RTT, TIMEOUT);
        line.state
    }

    #[test]
    fn silence_for_the_patience_and_four_resting_intervals_is_a_dead_line() {
        let mut line = Liveness::new(4, Profile::Fibre);
        assert_eq!(pulse(&mut line, 100, None, Some(50)), State::Unknown);
        assert_eq!(pulse(&mut line, 200, Some(170), None), State::Alive);
        assert_eq!(pulse(&mut line, 849, Some(170), Some(250)), State::Alive);
        assert_eq!(pulse(&mut line, 850, Some(170), Some(250)), State::Dead);
        assert_eq!(line.since, at(850));
    }

    #[test]
    fn one_loss_among_seldom_probes_is_no_gap_to_frequent_ones() {
        let mut line = Liveness::new(4, Profile::Fibre);
        let mut look = |now, reply, unanswered: Option<u64>, rest_ms| {
            let pulse = Pulse {
                at: at(now),
                last_reply: Some(at(reply)),
                unanswered_since: unanswered.map(at),
                resting_interval: Duration::from_millis(rest_ms),
                slowed: 1.0,
            };
            line.pulse(&pulse, RTT, TIMEOUT);
            line.state
        };
        look(100, 100, None, 10_000);
        look(15_000, 100, Some(10_000), 10_000);
        look(20_100, 20_100, None, 10_000);
        assert_eq!(look(25_299, 20_100, Some(21_100), 1_000), State::Alive);
        assert_eq!(look(25_300, 20_100, Some(21_100), 1_000), State::Dead);
    }

    #[test]
    fn a_dead_line_lives_with_its_first_reply() {
        let mut line = Liveness::new(4, Profile::Fibre);
        pulse(&mut line, 200, Some(170), None);
        assert_eq!(pulse(&mut line, 1_000, Some(170), Some(250)), State::Dead);
        assert_eq!(pulse(&mut line, 1_100, Some(170), Some(250)), State::Dead);
        assert_eq!(
            pulse(&mut line, 1_200, Some(1_150), Some(1_140)),
            State::Alive
        );
    }

    #[test]
    fn a_line_that_never_answered_is_unmeasured_not_dead() {
        let mut line = Liveness::new(4, Profile::Fibre);
        assert_eq!(pulse(&mut line, 5_000, None, Some(100)), State::Unmeasured);
    }

    #[test]
    fn trouble_at_the_far_end_is_unmeasured_even_if_the_silence_was_taken_for_death() {
        let mut line = Liveness::new(4, Profile::Fibre);
        pulse(&mut line, 200, Some(170), None);
        assert_eq!(pulse(&mut line, 1_000, Some(170), Some(250)), State::Dead);
        line.trouble(at(1_500), Some(Trouble::NoSession));
        assert_eq!(line.state, State::Dead);
        line.trouble(at(1_600), Some(Trouble::Refused));
        assert_eq!(
            pulse(&mut line, 1_700, Some(170), Some(250)),
            State::Unmeasured
        );
    }

    #[test]
    fn after_trouble_the_silence_is_counted_anew() {
        let mut line = Liveness::new(4, Profile::Fibre);
        pulse(&mut line, 200, Some(170), None);
        line.trouble(at(250), Some(Trouble::LocalFault));
        line.trouble(at(3_000), None);
        assert_eq!(
            pulse(&mut line, 3_500, Some(170), Some(250)),
            State::Unmeasured
        );
        assert_eq!(pulse(&mut line, 3_600, Some(170), Some(250)), State::Dead);
    }

    #[test]
    fn a_line_that_loses_a_fifth_by_chance_is_dead_in_none_of_ten_hours() {
        let mut line = Liveness::new(4, Profile::Fibre);
        pulse(&mut line, 100, Some(90), None);
        let (mut state, mut reply, mut unanswered) = (1_u64, 90, None);
        for probe in 2..360_000 {
            let sent = 100 * probe;
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if (state >> 33) % 100 < 19 {
                line.fate(Fate::Lost);
                unanswered.get_or_insert(sent);
            } else {
                line.fate(Fate::Answered);
                (reply, unanswered) = (sent + 20, None);
            }
            let known = pulse(&mut line, sent + 99, Some(reply), unanswered);
            assert_eq!(known, State::Alive, "{probe}");
        }
    }

    #[test]
    fn a_line_that_really_dies_while_it_loses_a_fifth_is_dead_a_second_later_at_most() {
        let mut line = Liveness::new(4, Profile::Fibre);
        pulse(&mut line, 100, Some(90), None);
        (0..500).for_each(|n| line.fate([Fate::Lost, Fate::Answered][usize::from(n % 5 > 0)]));
        assert_eq!(pulse(&mut line, 850, Some(90), Some(200)), State::Alive);
        (0..8).for_each(|_| line.fate(Fate::Lost));
        assert_eq!(pulse(&mut line, 1_600, Some(90), Some(200)), State::Dead);
    }

    #[test]
    fn a_slow_line_is_given_three_round_trips_but_no_more_than_the_time_out() {
        for (rtt, dead_at) in [(200, 1_000), (600, 1_400)] {
            let mut line = Liveness::new(4, Profile::Fibre);
            let mut look = |now, unanswered| {
                let pulse = Pulse {
                    at: at(now),
                    last_reply: Some(at(1)),
                    unanswered_since: unanswered,
                    resting_interval: Duration::from_millis(100),
                    slowed: 1.0,
                };
                line.pulse(&pulse, Duration::from_millis(rtt), TIMEOUT);
                line.state
            };
            look(1, None);
            assert_eq!(look(dead_at - 1, Some(at(0))), State::Alive);
            assert_eq!(look(dead_at, Some(at(0))), State::Dead);
        }
    }
}
