//! Whether packets of full size come through a line whole.
//!
//! ```text
//!            one is lost                     so many in a row that it is no chance
//!   passes ──────────────► suspect, probed ──────────────────────────────────────► black hole
//!     ▲ ▲                  faster           twice told that they are too long ───► too long
//!     │ └── one comes back ──┘                                                         │
//!     └──────────────────────── three in a row come back ──────────────────────────────┘
//! ```
//!
//! A black hole of the MTU (RFC 2923, section 2.1) swallows what is too long without a word: small
//! packets come through, handshakes succeed, and transfers hang. That all of them are lost is held
//! against chance by a sequential test (Wald, 1945): each that is lost weighs the logarithm of how
//! likely that was, and one that comes back is proof that there is no hole. How likely, small probes
//! of the same time say. As full-size packets find less room in queues and policers that count octets,
//! theirs may be [`ODDS`] times the odds of small ones, and [`LEAST`] in any case.

use std::time::Duration;

use twamp_core::probe::Outcome;
use twamp_core::time::Mono;

/// Of a line that lets them pass, one in so many full-size probes begins a run that is taken for a
/// hole: with one each 30 s, once a year.
const MISTAKE: f64 = 1e6;
/// The odds of losing a full-size packet, in those of losing a small one.
const ODDS: f64 = 3.0;
/// However few small ones are lost, so many full-size ones may be.
const LEAST: f64 = 0.17;
/// What was known before counts as much as so many small probes.
const PRIOR: f64 = 10.0;
/// What is known of small ones fades by so much with each fate of a full-size one.
const FADES: f64 = 0.9;
/// So many in a row must come back to show that they pass again.
const PROVEN: u32 = 3;
/// So often it must be told that they are too long. A single word may be of a route that is gone.
const TOLD: u32 = 2;
/// After so many lost in a row the far end may have forgotten the session: another one is asked for,
/// and only what that one loses counts.
const DOUBT: u32 = 3;
/// Through a hole another one is asked for again after so many: who has restarted can't answer.
const AGAIN: u32 = 20;
/// A run without verdict is probed faster for so many probes at most.
const LONGEST: u32 = 40;

/// What is known of full-size packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Passage {
    /// No probe has come back yet, and too few are lost.
    #[default]
    Unknown,
    /// They come through.
    Free,
    /// They vanish.
    BlackHole,
    /// They are refused, by this host or a router, which says so.
    TooLong {
        /// The largest that is taken.
        mtu: u32,
    },
}

/// Follows the probes of full size of one line.
#[derive(Clone, Debug)]
pub(crate) struct FullSize {
    octets: u16,
    /// The far end has to know their session.
    agreed: bool,
    passage: Passage,
    /// Lost since the last one came back.
    lost: u32,
    /// Refused since then, and at most of which size they are taken.
    refused: (u32, u32),
    /// How unlikely that is by chance: a natural logarithm.
    evidence: f64,
    /// The session is younger than the last one that came back.
    fresh: bool,
    /// It has lost so many since it began, or since one came back.
    of_session: u32,
    /// Come back since the last one was lost.
    back: u32,
    /// When the last one came back.
    passed: Option<Mono>,
    /// Small probes with a fate, and the lost ones of them, by the last fate of a full-size one;
    small: (u64, u64),
    /// since the run of lost ones began;
    beside: (u64, u64),
    /// and lately, with what is over fading.
    lately: (f64, f64),
}

/// Packets of this size don't come through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Obstruction {
    /// Octets of the probes that show it.
    pub(crate) octets: u16,
    /// The most that is taken, as somebody on the way or this host says; `None`: they vanish.
    pub(crate) mtu: Option<u32>,
    /// So many were lost in a row.
    pub(crate) lost: u32,
    /// Small probes beside them, and the lost ones of them.
    pub(crate) beside: (u64, u64),
    /// When the last one of full size came back.
    pub(crate) passed: Option<Mono>,
}

impl Obstruction {
    /// As `packets of 1400 octets don't come through (8 in a row lost, of 510 small ones beside them
    /// 2; the last came through 41 s ago)`; that is `since` when.
    pub(crate) fn words(&self, since: Option<Duration>) -> String {
        let Self {
            octets,
            lost,
            beside,
            ..
        } = self;
        let last = since.map_or_else(
            || "none ever came through".to_owned(),
            |since| format!("the last came through {} s ago", since.as_secs()),
        );
        match self.mtu {
            None => format!(
                "packets of {octets} octets don't come through ({lost} in a row lost, of {} small \
                 ones beside them {}; {last})",
                beside.0, beside.1
            ),
            Some(0) => format!("packets of {octets} octets are refused as too long ({last})"),
            Some(mtu) => format!(
                "packets of {octets} octets are refused as too long: at most {mtu} are taken \
                 ({last})"
            ),
        }
    }
}

impl FullSize {
    /// Of probes of so many octets; the far end has to `agree` on their session.
    pub(crate) fn new(octets: u16, agreed: bool) -> Self {
        Self {
            octets,
            agreed,
            passage: Passage::Unknown,
            lost: 0,
            refused: (0, 0),
            evidence: 0.0,
            fresh: false,
            of_session: 0,
            back: 0,
            passed: None,
            small: (0, 0),
            beside: (0, 0),
            lately: (0.0, 0.0),
        }
    }

    /// Octets of its probes, with all headers.
    pub(crate) fn octets(&self) -> u16 {
        self.octets
    }

    /// What is known.
    pub(crate) fn passage(&self) -> Passage {
        self.passage
    }

    /// Another session begins, which the far end knows.
    pub(crate) fn next_session(&mut self) {
        self.fresh = true;
        self.of_session = 0;
        if !self.is_obstructed() {
            self.forget_run();
        }
    }

    /// Whatever keeps it from being measured, it is not the size: what was in a row is not any more.
    pub(crate) fn interrupted(&mut self) {
        if !self.is_obstructed() {
            self.forget_run();
        }
        self.back = 0;
    }

    /// What became of one. `small` is how many small probes have had a fate so far, and how many of
    /// those are lost.
    pub(crate) fn absorb(&mut self, outcome: &Outcome, small: (u64, u64)) {
        let before = std::mem::replace(&mut self.small, small);
        let beside = (
            small.0.saturating_sub(before.0),
            small.1.saturating_sub(before.1),
        );
        match outcome {
            Outcome::Sample(sample) => self.came_back(sample.received),
            Outcome::Lost { .. } => self.vanished(beside),
            Outcome::SetAside(_) => {}
        }
        let (probes, lost) = self.lately;
        self.lately = (
            FADES * probes + beside.0 as f64,
            FADES * lost + beside.1 as f64,
        );
    }

    /// Somebody refuses packets longer than `mtu` octets; 0: doesn't say.
    pub(crate) fn refused(&mut self, mtu: u32) {
        // Who says that it takes them can't have meant these.
        if mtu >= self.octets.into() {
            return;
        }
        self.back = 0;
        self.refused = (self.refused.0.saturating_add(1), mtu);
        if self.refused.0 >= TOLD {
            self.passage = Passage::TooLong { mtu };
        }
    }

    /// It is worth another session: the far end may have forgotten this one.
    pub(crate) fn doubts_session(&self) -> bool {
        self.agreed && (self.of_session >= AGAIN || !self.fresh && self.lost >= DOUBT)
    }

    /// It looks as if they didn't pass, but that is not sure.
    pub(crate) fn is_suspect(&self) -> bool {
        !self.is_obstructed() && self.in_a_row() > 0
    }

    /// A closer look is worth its probes.
    pub(crate) fn wants_faster(&self) -> bool {
        match self.is_obstructed() {
            true => self.back > 0,
            false => (1..LONGEST).contains(&self.in_a_row()),
        }
    }

    /// What keeps packets from passing, if anything does.
    pub(crate) fn obstruction(&self) -> Option<Obstruction> {
        let mtu = match self.passage {
            Passage::Unknown | Passage::Free => return None,
            Passage::BlackHole => None,
            Passage::TooLong { mtu } => Some(mtu),
        };
        Some(Obstruction {
            octets: self.octets,
            mtu,
            lost: self.lost,
            beside: self.beside,
            passed: self.passed,
        })
    }

    /// The same, if packets of so many octets are concerned.
    pub(crate) fn obstructs(&self, octets: u16) -> Option<Obstruction> {
        let obstruction = self.obstruction()?;
        // Of those between what is taken and what was tried nothing is known, unless it is told.
        let told = obstruction.mtu.filter(|mtu| *mtu > 0);
        let least = told.map_or(u32::from(self.octets), |mtu| mtu + 1);
        (u32::from(octets) >= least).then_some(obstruction)
    }

    fn came_back(&mut self, at: Mono) {
        self.passed = Some(at);
        self.fresh = false;
        self.of_session = 0;
        self.back = self.back.saturating_add(1);
        if !self.is_obstructed() || self.back >= PROVEN {
            self.passage = Passage::Free;
            self.forget_run();
        }
    }

    fn vanished(&mut self, beside: (u64, u64)) {
        self.back = 0;
        self.lost = self.lost.saturating_add(1);
        self.of_session = self.of_session.saturating_add(1);
        self.beside.0 += beside.0;
        self.beside.1 += beside.1;
        self.evidence += self.weight(beside);
        let known = !self.agreed || self.fresh;
        let unknown = matches!(self.passage, Passage::Unknown | Passage::Free);
        if unknown && known && self.evidence >= MISTAKE.ln() {
            self.passage = Passage::BlackHole;
        }
    }

    /// How much one that is lost speaks for a hole, where so many small probes of the same time were
    /// sent and lost.
    fn weight(&self, (probes, lost): (u64, u64)) -> f64 {
        // Where no small one was answered it is not the size.
        if lost >= probes {
            return 0.0;
        }
        let before = (self.lately.1 + 0.5) / (self.lately.0 + PRIOR);
        let small = (lost as f64 + PRIOR * before) / (probes as f64 + PRIOR);
        let chance = (ODDS * small / (1.0 + (ODDS - 1.0) * small)).max(LEAST);
        -chance.ln()
    }

    fn is_obstructed(&self) -> bool {
        matches!(self.passage, Passage::BlackHole | Passage::TooLong { .. })
    }

    fn in_a_row(&self) -> u32 {
        self.lost.saturating_add(self.refused.0)
    }

    fn forget_run(&mut self) {
        (self.lost, self.evidence, self.beside) = (0, 0.0, (0, 0));
        self.refused = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Random, lost, sample};
    use super::*;

    const EACH: u64 = 30;
    const YEAR: u64 = 365 * 24 * 3_600 / EACH;

    /// A line with 10 small probes a second beside one of full size each 30 s.
    struct Line {
        size: FullSize,
        small: (u64, u64),
        number: u64,
        random: Random,
    }

    impl Line {
        fn new(seed: u64) -> Self {
            Self {
                size: FullSize::new(1_400, false),
                small: (0, 0),
                number: 0,
                random: Random::new(seed),
            }
        }

        /// One goes by, at such a loss of small ones.
        fn probe(&mut self, comes_back: bool, small_loss: f64) {
            let probes = if self.size.wants_faster() { 30 } else { 300 };
            let mean = probes as f64 * small_loss;
            let normal: f64 = (0..4).map(|_| self.random.uniform() - 0.5).sum();
            let gone = mean + (3.0 * mean * (1.0 - small_loss)).sqrt() * normal;
            self.small.1 += (gone.round().max(0.0) as u64).min(probes);
            self.small.0 += probes;
            self.number += 1;
            let at = Mono(self.number * EACH * 1_000_000_000);
            let outcome = match comes_back {
                true => sample(self.number, at, Duration::from_millis(20)),
                false => lost(self.number, at, Duration::from_secs(2)),
            };
            self.size.absorb(&outcome, self.small);
        }

        /// So many go by of which such a part is lost. Answers how often it was a hole.
        fn live(&mut self, probes: u64, loss: f64, small_loss: f64) -> u64 {
            let mut holes = 0;
            for _ in 0..probes {
                let before = self.size.passage();
                let comes_back = self.random.uniform() >= loss;
                self.probe(comes_back, small_loss);
                holes += u64::from(
                    self.size.passage() == Passage::BlackHole && before != Passage::BlackHole,
                );
            }
            holes
        }
    }

    #[test]
    fn a_hole_is_known_after_eight_in_a_row_where_small_ones_pass() {
        let mut line = Line::new(1);
        line.live(100, 0.0, 0.0);
        assert_eq!(line.size.passage(), Passage::Free);
        for _ in 0..8 {
            assert_eq!(line.size.passage(), Passage::Free);
            line.probe(false, 0.0);
        }
        assert_eq!(line.size.passage(), Passage::BlackHole);
        let found = line.size.obstruction().unwrap();
        assert_eq!((found.octets, found.mtu, found.lost), (1_400, None, 8));
        assert_eq!(found.beside, (300 + 7 * 30, 0));
        assert_eq!(found.passed.map(Mono::nanos), Some(3_000_020_000_000));
        assert!(!line.size.wants_faster(), "it is sure");
    }

    #[test]
    fn five_percent_of_random_loss_are_no_hole_for_years() {
        assert_eq!(Line::new(2).live(2 * YEAR, 0.05, 0.05), 0);
    }

    #[test]
    fn the_promise_is_kept_where_full_size_ones_fare_as_badly_as_they_may() {
        // Of 6 that may be, 12 or more are seen once in fifty.
        let holes = Line::new(3).live(6 * YEAR, LEAST, 0.0);
        assert!(holes < 12, "{holes} in 6 years");
        let odds = |small: f64| ODDS * small / (1.0 + (ODDS - 1.0) * small);
        let holes = Line::new(4).live(YEAR, odds(0.15), 0.15);
        assert!(holes < 5, "{holes} in a year");
    }

    #[test]
    fn where_small_ones_are_lost_as_well_it_takes_longer() {
        let until_known = |small_loss: f64| {
            let mut line = Line::new(5);
            line.live(100, 0.0, small_loss);
            let probes = 1..;
            let mut probes = probes.take_while(|_| {
                line.probe(false, small_loss);
                line.size.passage() != Passage::BlackHole
            });
            probes.by_ref().take(1_000).last().unwrap() + 1
        };
        let [clean, some, many] = [0.0, 0.1, 0.3].map(until_known);
        assert!(
            clean == 8 && some >= clean && many > some,
            "{clean}, {some}, {many}"
        );
    }

    #[test]
    fn a_dead_line_is_no_hole() {
        let mut line = Line::new(6);
        line.live(10, 0.0, 0.0);
        for _ in 0..1_000 {
            line.probe(false, 1.0);
        }
        assert_eq!(line.size.passage(), Passage::Free);
    }

    #[test]
    fn three_in_a_row_show_that_they_pass_again_and_one_does_not() {
        let mut line = Line::new(7);
        line.live(10, 0.0, 0.0);
        (0..8).for_each(|_| line.probe(false, 0.0));
        line.probe(true, 0.0);
        assert!(line.size.wants_faster(), "it may be over");
        line.probe(false, 0.0);
        (0..2).for_each(|_| line.probe(true, 0.0));
        assert_eq!(line.size.passage(), Passage::BlackHole);
        line.probe(true, 0.0);
        assert_eq!(line.size.passage(), Passage::Free);
        assert_eq!(line.size.obstruction(), None);
    }

    #[test]
    fn who_says_what_it_takes_is_believed_the_second_time() {
        let mut size = FullSize::new(1_400, true);
        size.refused(1_280);
        assert!(size.is_suspect() && size.wants_faster());
        size.refused(1_500);
        assert_eq!(size.passage(), Passage::Unknown, "these are taken");
        size.refused(1_280);
        assert_eq!(size.passage(), Passage::TooLong { mtu: 1_280 });
        let needs = [1_280, 1_281, 1_400].map(|octets| size.obstructs(octets).is_some());
        assert_eq!(needs, [false, true, true]);
    }

    #[test]
    fn a_hole_says_nothing_of_what_is_smaller_than_its_probes() {
        let mut line = Line::new(8);
        (0..8).for_each(|_| line.probe(false, 0.0));
        let needs = [1_399, 1_400, 1_500].map(|octets| line.size.obstructs(octets).is_some());
        assert_eq!(needs, [false, true, true]);
    }

    #[test]
    fn a_far_end_that_has_forgotten_the_session_is_no_hole() {
        let mut line = Line::new(9);
        line.size = FullSize::new(1_400, true);
        line.live(10, 0.0, 0.0);
        (0..3).for_each(|_| line.probe(false, 0.0));
        assert!(line.size.doubts_session());
        (0..20).for_each(|_| line.probe(false, 0.0));
        assert_eq!(line.size.passage(), Passage::Free, "nobody has answered");
        line.size.next_session();
        assert!(!line.size.doubts_session() && !line.size.is_suspect());
        (0..7).for_each(|_| line.probe(false, 0.0));
        assert_eq!(line.size.passage(), Passage::Free);
        line.probe(false, 0.0);
        assert_eq!(line.size.passage(), Passage::BlackHole);
    }

    #[test]
    fn what_can_not_be_measured_breaks_a_row() {
        let mut line = Line::new(10);
        line.live(10, 0.0, 0.0);
        (0..7).for_each(|_| line.probe(false, 0.0));
        line.size.interrupted();
        (0..7).for_each(|_| line.probe(false, 0.0));
        assert_eq!(line.size.passage(), Passage::Free);
    }
}
