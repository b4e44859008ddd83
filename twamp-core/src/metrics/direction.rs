//! Which way a probe was lost, from the numbers of both ends.
//!
//! The reflector numbers its replies by itself. Of the probes that were lost before the newest
//! answered one, as many were lost backward as there are reflector numbers that never arrived;
//! the others never reached the reflector. Probes lost after the newest answered one can't be
//! attributed yet (the *tail*), and those between two lives of the reflector never (the *seam*).
//!
//! An *epoch* is one life of the reflector's counter. A new one begins when the counter falls back
//! or leaps, and after [`Directions::seam`].

use super::serial::{Mark, Seen, unwrap};
use crate::time::Wall;
use std::ops::Range;

/// Lost probes by direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Split {
    pub(super) forward: u64,
    pub(super) backward: u64,
    pub(super) unattributed: u64,
}

/// Keeps what is needed to split losses. Memory: two windows of `remembered` bits.
#[derive(Clone, Debug)]
pub(super) struct Directions {
    /// `None` between a seam and the next reply.
    current: Option<Epoch>,
    /// Probes sent in it may still be in flight.
    previous: Option<Epoch>,
    /// Losses of the epochs before, and of seams.
    settled: Split,
    /// Highest answered probe.
    top: Option<u64>,
    /// Lost probes above `top`.
    tail: u64,
    /// Those of them whose state the account has forgotten.
    tail_forgotten: u64,
    first_probe: u64,
    epochs: u32,
    remembered: usize,
}

impl Directions {
    /// The probes start at `first_probe`, the replies at 0.
    pub(super) fn new(first_probe: u64, remembered: usize) -> Self {
        Directions {
            current: Some(Epoch::new(first_probe, 0, remembered)),
            previous: None,
            settled: Split::default(),
            top: None,
            tail: 0,
            tail_forgotten: 0,
            first_probe,
            epochs: 0,
            remembered,
        }
    }

    /// How many times the reflector's numbers began anew.
    pub(super) fn epoch(&self) -> u32 {
        self.epochs
    }

    /// Probe `s` was answered for the first time, by reply `wire` sent at `t3`.
    ///
    /// `lost_in` counts the lost probes in a range, as far as they are remembered.
    /// Returns the reply's number as 64 bits, counted within the epoch.
    pub(super) fn answered(
        &mut self,
        s: u64,
        wire: u32,
        t3: Wall,
        lost_in: impl FnOnce(Range<u64>) -> u64,
    ) -> u64 {
        if self.top.is_some_and(|top| s <= top) {
            return self.answered_out_of_order(s, wire, t3);
        }
        let from = self.top.map_or(self.first_probe, |top| top + 1);
        let reach = s - from + 1 + self.remembered as u64;
        let passed = self.tail_forgotten + lost_in(from..s);
        self.tail_forgotten = 0;
        self.tail -= passed;
        let r = match &mut self.current {
            Some(epoch) if epoch.goes_on_with(wire, t3, reach) => {
                epoch.lost += passed;
                let r = epoch.unwrap(wire);
                epoch.record(r, t3);
                r
            }
            _ => {
                self.settled.unattributed += passed;
                self.open(s, wire, t3);
                wire.into()
            }
        };
        self.top = Some(s);
        r
    }

    /// Another reply to an answered probe. True if this very reply was seen before.
    pub(super) fn duplicate(&mut self, s: u64, wire: u32, t3: Wall) -> bool {
        match self.epoch_of(s) {
            Some(epoch) => epoch.record_near(epoch.unwrap(wire), t3) == Mark::Again,
            None => false,
        }
    }

    /// Probe `s` is lost.
    pub(super) fn lost(&mut self, s: u64) {
        if self.top.is_none_or(|top| s > top) {
            self.tail += 1;
        } else if let Some(epoch) = self.epoch_of(s) {
            epoch.lost += 1;
        } else {
            self.settled.unattributed += 1;
        }
    }

    /// The account no longer remembers that probe `s` is lost.
    pub(super) fn forget_lost(&mut self, s: u64) {
        if self.top.is_none_or(|top| s > top) {
            self.tail_forgotten += 1;
        }
    }

    /// Replies may have been missed for a reason that is not the line's: losses from here to the
    /// next reply stay unattributed, and reflector numbers are counted anew from there.
    pub(super) fn seam(&mut self) {
        self.close();
    }

    pub(super) fn split(&self) -> Split {
        let mut split = self.settled;
        split.unattributed += self.tail;
        for epoch in self.previous.iter().chain(&self.current) {
            split.forward += epoch.lost - epoch.lost_backward();
            split.backward += epoch.lost_backward();
        }
        split
    }

    fn answered_out_of_order(&mut self, s: u64, wire: u32, t3: Wall) -> u64 {
        match self.epoch_of(s) {
            Some(epoch) => {
                let r = epoch.unwrap(wire);
                epoch.record_near(r, t3);
                r
            }
            None => wire.into(),
        }
    }

    fn epoch_of(&mut self, s: u64) -> Option<&mut Epoch> {
        let both = self.current.iter_mut().chain(&mut self.previous);
        both.into_iter()
            .find(|e| s >= e.first_probe && e.last_probe.is_none_or(|last| s <= last))
    }

    fn open(&mut self, s: u64, wire: u32, t3: Wall) {
        self.close();
        let mut epoch = Epoch::new(s, wire.into(), self.remembered);
        epoch.record(wire.into(), t3);
        self.current = Some(epoch);
        self.epochs += 1;
    }

    fn close(&mut self) {
        let (Some(mut closed), Some(top)) = (self.current.take(), self.top) else {
            return;
        };
        closed.last_probe = Some(top);
        if let Some(older) = self.previous.replace(closed) {
            self.settled.forward += older.lost - older.lost_backward();
            self.settled.backward += older.lost_backward();
        }
    }
}

/// One life of the reflector's counter.
#[derive(Clone, Debug)]
struct Epoch {
    first_probe: u64,
    /// Highest answered probe, once the epoch is closed.
    last_probe: Option<u64>,
    first_reply: u64,
    replies: Seen,
    /// T3 of the reply with the highest number.
    newest: Option<Wall>,
    /// Lost probes before the highest answered one.
    lost: u64,
    remembered: u64,
}

impl Epoch {
    fn new(first_probe: u64, first_reply: u64, remembered: usize) -> Self {
        Epoch {
            first_probe,
            last_probe: None,
            first_reply,
            replies: Seen::starting_at(first_reply, remembered),
            newest: None,
            lost: 0,
            remembered: remembered as u64,
        }
    }

    /// Whether the reply to a probe newer than all answered ones belongs to this epoch.
    ///
    /// Falling back is reordering as long as the number is new and was sent earlier; leaping by
    /// more than `reach` can't come from the probes sent meanwhile.
    fn goes_on_with(&self, wire: u32, t3: Wall, reach: u64) -> bool {
        let r = self.unwrap(wire);
        match self.replies.highest() {
            Some(highest) if r <= highest => {
                self.newest.is_some_and(|newest| t3 <= newest)
                    && self.replies.contains(r) == Some(false)
            }
            _ => r - self.near() <= reach,
        }
    }

    fn record(&mut self, r: u64, t3: Wall) -> Mark {
        if self.replies.highest().is_none_or(|highest| r > highest) {
            self.newest = Some(t3);
        }
        self.replies.mark(r)
    }

    /// As `record`, but a number far ahead, which would make a gap of its own size, is left out.
    fn record_near(&mut self, r: u64, t3: Wall) -> Mark {
        if r > self.near() + self.remembered {
            return Mark::Forgotten;
        }
        self.record(r, t3)
    }

    fn unwrap(&self, wire: u32) -> u64 {
        unwrap(self.near(), wire)
    }

    fn near(&self) -> u64 {
        self.replies.highest().unwrap_or(self.first_reply)
    }

    fn lost_backward(&self) -> u64 {
        self.replies.gaps().min(self.lost)
    }
}
