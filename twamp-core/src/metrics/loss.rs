//! Loss, exactly and never negative.
//!
//! Each probe has a number and one state, and states only move forward:
//!
//! ```text
//!                 ┌─► received      the first reply that came in time
//!   outstanding ──┼─► lost          no reply in time; one that comes after all is `late`
//!                 ├─► not sent      the local system refused it
//!                 └─► set aside     local trouble: says nothing about the line
//! ```
//!
//! Loss is the number of probes in state *lost*, never a difference of counters. Losses are split
//! by direction with the reflector's own numbers (see `direction.rs`). The split is of counts, not
//! of single probes: exact once nothing is in flight and as long as nothing is duplicated; with
//! probes duplicated on the way forward it errs by at most the lost replies to duplicates.

use super::direction::Directions;
use super::ratio::Ppm;
use super::serial::unwrap;
use crate::time::Wall;
use std::collections::VecDeque;
use std::ops::{AddAssign, Range};

/// Whether the far end numbers its replies by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReflectorNumbers {
    /// It does, from 0 (TWAMP with control; stateful STAMP): loss has a direction.
    Own,
    /// It copies the sender's number (TWAMP Light): all loss is unattributed.
    Copied,
}

/// Which way a packet went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the sender to the reflector.
    Forward,
    /// From the reflector to the sender.
    Backward,
}

/// Totals of a session. Always
/// `sent == received + lost_forward + lost_backward + unattributed + in_flight + set_aside`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossCounts {
    /// Probes that left.
    pub sent: u64,
    /// Probes whose first reply came in time.
    pub received: u64,
    /// Lost on the way to the reflector.
    pub lost_forward: u64,
    /// Lost on the way back.
    pub lost_backward: u64,
    /// Lost, direction unknown: after the newest answered probe, around a restart of the
    /// reflector, or because the reflector has no numbers of its own.
    pub unattributed: u64,
    /// Neither answered nor timed out yet.
    pub in_flight: u64,
    /// Given up for local trouble (a pause of this process): neither received nor lost.
    pub set_aside: u64,
    /// Extra copies of probes, as seen by their replies.
    pub duplicates_forward: u64,
    /// Extra copies of replies.
    pub duplicates_backward: u64,
    /// Lost probes that were answered after their time-out. A part of the lost.
    pub late: u64,
    /// Numbers consumed for packets that never left. Not a part of `sent`.
    pub not_sent: u64,
    /// Runs of lost probes (RFC 3357), as far as each fate before is known.
    pub loss_periods: u64,
    /// The most probes in one of them.
    pub longest_loss: u64,
}

impl LossCounts {
    /// All lost probes.
    pub fn lost(&self) -> u64 {
        self.lost_forward + self.lost_backward + self.unattributed
    }

    /// Lost probes of those whose fate is known; `None` if there is none.
    pub fn ratio(&self) -> Option<Ppm> {
        Ppm::of(self.lost(), self.received)
    }
}

/// The totals of a session that follows are added to those before it.
impl AddAssign for LossCounts {
    fn add_assign(&mut self, next: Self) {
        self.sent += next.sent;
        self.received += next.received;
        self.lost_forward += next.lost_forward;
        self.lost_backward += next.lost_backward;
        self.unattributed += next.unattributed;
        self.in_flight += next.in_flight;
        self.set_aside += next.set_aside;
        self.duplicates_forward += next.duplicates_forward;
        self.duplicates_backward += next.duplicates_backward;
        self.late += next.late;
        self.not_sent += next.not_sent;
        self.loss_periods += next.loss_periods;
        self.longest_loss = self.longest_loss.max(next.longest_loss);
    }
}

/// What a reply turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The first one, in time.
    First {
        /// The reflector's number as 64 bits.
        reflector: u64,
        /// How many times the reflector's numbers began anew before it.
        epoch: u32,
    },
    /// One more. The packet that was doubled went this way.
    Duplicate(Direction),
    /// The first one, to a probe already lost.
    Late,
    /// To a probe that was set aside. Not counted.
    SetAside,
    /// To a number that was never sent, or so long ago that it is forgotten. Not counted.
    Unknown,
}

/// The books of one session.
///
/// Memory is bounded: the states of the last `remembered` probes (8 octets each) and as many bits
/// for the reflector's numbers. A reply to an older probe is [`Reply::Unknown`]; a probe that is
/// still outstanding when it falls out is set aside, so choose `remembered` well above rate ×
/// time-out.
#[derive(Clone, Debug)]
pub struct LossAccount {
    /// Probes `base..base + window.len()`.
    window: VecDeque<State>,
    base: u64,
    /// All probes before this one have their final state.
    settled: u64,
    remembered: usize,
    /// The most that were ever to be remembered: for outstanding ones there is as much room.
    most: usize,
    /// Without the split of losses.
    counts: LossCounts,
    lost: u64,
    /// `None` if the reflector copies numbers.
    directions: Option<Box<Directions>>,
    run: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Outstanding,
    Received(Fingerprint),
    Lost,
    /// Lost, and answered too late.
    Late(Fingerprint),
    NotSent,
    SetAside,
}

/// A window of so many probes takes its memory at once, and no more than it needs.
pub(crate) const SMALL: usize = 64;

/// Tells one reply from another: its number, or 32 bits made of all of T3 if the number is only a
/// copy.
type Fingerprint = u32;

const _: () = assert!(size_of::<State>() == 8);

impl LossAccount {
    /// Empty books; the first probe has number 0.
    pub fn new(numbers: ReflectorNumbers, remembered: usize) -> Self {
        Self::starting_at(0, numbers, remembered)
    }

    pub(crate) fn starting_at(first: u64, numbers: ReflectorNumbers, remembered: usize) -> Self {
        let remembered = remembered.max(1);
        LossAccount {
            window: VecDeque::with_capacity(remembered.min(SMALL)),
            base: first,
            settled: first,
            remembered,
            most: remembered,
            counts: LossCounts::default(),
            lost: 0,
            directions: match numbers {
                ReflectorNumbers::Own => Some(Box::new(Directions::new(first, remembered))),
                ReflectorNumbers::Copied => None,
            },
            run: 0,
        }
    }

    /// Takes the next number for a probe that is about to leave.
    pub fn send(&mut self) -> u64 {
        self.make_room();
        self.window.push_back(State::Outstanding);
        self.counts.sent += 1;
        self.counts.in_flight += 1;
        self.next() - 1
    }

    /// Remembers the last `remembered` probes from the next one on: probes leave faster now, or no
    /// longer as fast. Of those that are outstanding none is forgotten for it.
    pub fn remember(&mut self, remembered: usize) {
        self.remembered = remembered.max(1);
        self.most = self.most.max(self.remembered);
    }

    /// Forgets the oldest probe if the window is full. Returns it if it was outstanding, now set
    /// aside. [`send`](Self::send) does this by itself.
    pub fn make_room(&mut self) -> Option<u64> {
        while self.window.len() >= self.remembered && self.base < self.settled {
            self.forget_oldest();
        }
        if self.window.len() < self.remembered && self.room() >= 2 * self.remembered {
            self.window.shrink_to(self.remembered);
        }
        if self.window.len() < self.most {
            return None;
        }
        let oldest = self.base;
        let overrun = self.set_aside(oldest);
        self.forget_oldest();
        overrun.then_some(oldest)
    }

    /// There is memory for so many probes.
    pub(crate) fn room(&self) -> usize {
        self.window.capacity()
    }

    /// The probe never left after all. False if it is not outstanding.
    pub fn not_sent(&mut self, number: u64) -> bool {
        let done = self.settle(number, State::NotSent);
        if done {
            self.counts.sent -= 1;
            self.counts.not_sent += 1;
        }
        done
    }

    /// The probe has timed out. False if it is not outstanding.
    pub fn lose(&mut self, number: u64) -> bool {
        let done = self.settle(number, State::Lost);
        if done {
            self.lost += 1;
            if let Some(directions) = &mut self.directions {
                directions.lost(number);
            }
        }
        done
    }

    /// The probe's fate says nothing about the line. False if it is not outstanding.
    pub fn set_aside(&mut self, number: u64) -> bool {
        let done = self.settle(number, State::SetAside);
        if done {
            self.counts.set_aside += 1;
        }
        done
    }

    /// Replies may have been missed for a local reason: the reflector numbers missing from here to
    /// the next reply are not held against the line.
    pub fn seam(&mut self) {
        if let Some(directions) = &mut self.directions {
            directions.seam();
        }
    }

    /// Enters a reply to probe `number` with the reflector's number as on the wire, sent at `t3`
    /// by the reflector's clock.
    pub fn reply(&mut self, number: u64, reflector: u32, t3: Wall) -> Reply {
        let fingerprint = match self.directions {
            Some(_) => reflector,
            None => fingerprint_of(t3),
        };
        match self.state(number) {
            Some(State::Outstanding) => self.first_reply(number, fingerprint, reflector, t3),
            Some(State::Received(first)) => {
                let again = first == fingerprint
                    || self
                        .directions
                        .as_mut()
                        .is_some_and(|d| d.duplicate(number, reflector, t3));
                self.count_duplicate(again)
            }
            Some(State::Lost) => {
                // The reflector's number stays unknown, so that the split doesn't change.
                self.set(number, State::Late(fingerprint));
                self.counts.late += 1;
                Reply::Late
            }
            Some(State::Late(first)) => self.count_duplicate(first == fingerprint),
            Some(State::SetAside) => Reply::SetAside,
            Some(State::NotSent) | None => Reply::Unknown,
        }
    }

    /// Totals so far.
    pub fn counts(&self) -> LossCounts {
        let mut counts = self.counts;
        match &self.directions {
            Some(directions) => {
                let split = directions.split();
                counts.lost_forward = split.forward;
                counts.lost_backward = split.backward;
                counts.unattributed = split.unattributed;
            }
            None => counts.unattributed = self.lost,
        }
        counts
    }

    /// How many times the reflector's numbers began anew (it restarted, or a [`seam`](Self::seam)).
    pub fn epoch(&self) -> u32 {
        self.directions
            .as_ref()
            .map_or(0, |directions| directions.epoch())
    }

    /// The most probes lost in a row (RFC 3357), of those before the oldest outstanding one.
    pub fn longest_run(&self) -> u64 {
        self.counts.longest_loss
    }

    /// The oldest probe neither answered nor given up.
    pub fn oldest_outstanding(&self) -> Option<u64> {
        (self.settled < self.next()).then_some(self.settled)
    }

    /// The number the next probe gets.
    pub fn next(&self) -> u64 {
        self.base + self.window.len() as u64
    }

    /// The remembered numbers.
    pub fn remembered(&self) -> Range<u64> {
        self.base..self.next()
    }

    /// The probe that is meant by a number on the wire: the nearest to the next one.
    pub fn unwrap(&self, wire: u32) -> u64 {
        unwrap(self.next(), wire)
    }

    fn forget_oldest(&mut self) {
        if let (Some(State::Lost | State::Late(_)), Some(directions)) =
            (self.window.pop_front(), &mut self.directions)
        {
            directions.forget_lost(self.base);
        }
        self.base += 1;
    }

    fn first_reply(&mut self, s: u64, print: Fingerprint, wire: u32, t3: Wall) -> Reply {
        self.settle(s, State::Received(print));
        self.counts.received += 1;
        let Some(directions) = &mut self.directions else {
            return Reply::First {
                reflector: s,
                epoch: 0,
            };
        };
        let (window, base) = (&self.window, self.base);
        let reflector = directions.answered(s, wire, t3, |range| lost_in(window, base, range));
        Reply::First {
            reflector,
            epoch: directions.epoch(),
        }
    }

    /// `same_reply`: this very reply was seen before, so the reply was doubled, not the probe.
    fn count_duplicate(&mut self, same_reply: bool) -> Reply {
        if same_reply {
            self.counts.duplicates_backward += 1;
            Reply::Duplicate(Direction::Backward)
        } else {
            self.counts.duplicates_forward += 1;
            Reply::Duplicate(Direction::Forward)
        }
    }

    /// The only way out of `Outstanding`.
    fn settle(&mut self, number: u64, state: State) -> bool {
        if self.state(number) != Some(State::Outstanding) {
            return false;
        }
        self.set(number, state);
        self.counts.in_flight -= 1;
        self.follow_runs();
        true
    }

    fn follow_runs(&mut self) {
        while let Some(state) = self.state(self.settled) {
            match state {
                State::Outstanding => return,
                State::Received(_) => self.run = 0,
                State::Lost | State::Late(_) => {
                    self.counts.loss_periods += u64::from(self.run == 0);
                    self.run += 1;
                }
                State::NotSent | State::SetAside => {}
            }
            self.counts.longest_loss = self.counts.longest_loss.max(self.run);
            self.settled += 1;
        }
    }

    fn state(&self, number: u64) -> Option<State> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.window.get(index).copied()
    }

    fn set(&mut self, number: u64, state: State) {
        if let Some(slot) = self.window.get_mut((number - self.base) as usize) {
            *slot = state;
        }
    }
}

/// Times that differ have different ones, but for one in four billion.
fn fingerprint_of(t3: Wall) -> Fingerprint {
    // Fibonacci hashing: the high half depends on every bit.
    (t3.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Lost probes in `range`, as far as it is in the window.
fn lost_in(window: &VecDeque<State>, base: u64, range: Range<u64>) -> u64 {
    let index = |number: u64| (number.saturating_sub(base) as usize).min(window.len());
    window
        .range(index(range.start)..index(range.end))
        .filter(|state| matches!(state, State::Lost | State::Late(_)))
        .count() as u64
}

#[cfg(test)]
mod tests;
