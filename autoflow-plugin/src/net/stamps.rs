//! Which packet does a transmit stamp belong to?
//!
//! The kernel numbers the packets of a socket that ask for a stamp (`SOF_TIMESTAMPING_OPT_ID`) and
//! names the number beside the stamp. So this side counts along. The one trouble is a send that
//! fails: whether it used up a number depends on where in the kernel it failed, and on the
//! kernel's version. A stamp given to the wrong packet is worse than none, hence:
//!
//! * While every asking packet was taken by the kernel, numbers are certain: each packet waits for
//!   exactly its own, whatever the order in which stamps come.
//! * After `doubt` failed ones, the next number lies within `doubt` above the expected one. Then
//!   **a single packet asks, the scout**, and nobody else until it is answered. A stamp with a
//!   number in that range can only be the scout's: earlier packets have lower numbers, failed ones
//!   are never stamped, and no other asked. It tells the number, and all is certain again.
//!   As a last guard the stamp must have been made between the scout's sending and 50 ms later.
//! * A path that leaves eight packets in a row unstamped is taken not to stamp (drivers differ), or
//!   not to work at present. Its packets don't ask any more, but for a scout every second.
//!
//! Where the interface stamps as well, its stamp comes after the kernel's, under the same number. A
//! token that waits for both comes back with the second one, or with the first alone when it has
//! waited long enough. Eight in a row that do: nobody waits for the interface for a second.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use twamp_core::time::{Mono, Now, Wall};

/// How long a token waits for its stamp.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);
/// From an unanswered scout to the next.
const SCOUT_REST: Duration = Duration::from_secs(1);
/// Unstamped packets in a row that make a path one without stamps.
const SILENT_AFTER: u32 = 8;

/// May the next packets ask for a stamp?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    /// All of them.
    All,
    /// The first one, as a scout.
    One,
    /// None.
    Nobody,
}

/// Where the tokens of a path wait.
pub(super) type Room<T> = VecDeque<Waiting<T>>;

/// Chains of tokens by far end.
const CHAINS: usize = 64;

/// The tokens of a path that wait for their stamps.
pub(super) struct Ledger<T> {
    /// The kernel's number for the next packet that asks, if `doubt` is 0.
    next: u32,
    /// Failed asking packets since the numbers were last certain.
    doubt: u32,
    /// Packets in a row without a stamp.
    unanswered: u32,
    /// No scout before this.
    rest_until: Mono,
    /// Packets in a row that the kernel stamped and the interface didn't, though asked,
    unmatched: u32,
    /// and until when nobody asks it.
    unmatched_until: Mono,
    /// In order of sending, which is the order of numbers. The first one waits; of those behind it
    /// some may have got their stamps.
    waiting: Room<T>,
    /// Of the far ends with the same digest, the number of the last packet: the head of a chain.
    chains: [u32; CHAINS],
    /// The path wants stamps at all.
    wanted: bool,
    /// The newest packet whose fate is known was stamped.
    stamped: bool,
}

/// A packet that was sent, with its token while that waits.
pub(super) struct Waiting<T> {
    /// Lowest number it can have.
    number: u32,
    /// It may have one higher by up to this.
    doubt: u32,
    /// The number before it in its chain; older, if it is still there.
    earlier: u32,
    to: SocketAddr,
    sent: Now,
    /// The interface stamps it too,
    both: bool,
    /// and this is the kernel's, while its own is awaited.
    kernel: Option<Wall>,
    token: Option<T>,
}

/// What became of a stamp.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// Its token goes back.
    Whole(Stamped<T>),
    /// Its token waits for the interface's.
    Half,
    /// It is nobody's: it came too late, or a packet was stamped twice on its way through the kernel.
    Stray,
}

/// A token given back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamped<T> {
    pub(super) token: T,
    /// Read just before its batch left.
    pub(super) user: Now,
    pub(super) kernel: Option<Wall>,
    /// The interface's, told in our time.
    pub(super) hardware: Option<Wall>,
}

impl<T> Ledger<T> {
    /// Of a new socket: its numbers start at 0. If stamps aren't `wanted`, nobody ever asks.
    pub(super) fn new(wanted: bool) -> Ledger<T> {
        Ledger {
            next: 0,
            doubt: 0,
            unanswered: 0,
            rest_until: Mono(0),
            unmatched: 0,
            unmatched_until: Mono(0),
            waiting: VecDeque::new(),
            chains: [0; CHAINS],
            wanted,
            stamped: false,
        }
    }

    /// Takes room for its tokens that others have used, if it has none.
    pub(super) fn borrow(&mut self, rooms: &mut Vec<Room<T>>) {
        if self.waiting.capacity() == 0
            && let Some(room) = rooms.pop()
        {
            self.waiting = room;
        }
    }

    /// Leaves its room to others if no token waits: there may be thousands of paths, and where
    /// packets are stamped at once, hardly any has one.
    pub(super) fn give_back(&mut self, rooms: &mut Vec<Room<T>>) {
        if self.waiting.is_empty() {
            rooms.push(std::mem::take(&mut self.waiting));
        }
    }

    /// Who may ask now.
    pub(super) fn ask(&self, now: Mono) -> Ask {
        if !self.wanted {
            Ask::Nobody
        } else if self.doubt == 0 && self.unanswered < SILENT_AFTER {
            Ask::All
        } else if self.scout_is_out() || now < self.rest_until {
            Ask::Nobody
        } else {
            Ask::One
        }
    }

    /// Is the interface to be asked too?
    pub(super) fn asks_both(&self, now: Mono) -> bool {
        self.unmatched < SILENT_AFTER || now >= self.unmatched_until
    }

    /// A packet that asked has left.
    pub(super) fn sent(&mut self, to: SocketAddr, sent: Now, token: T) {
        let head = &mut self.chains[digest(to)];
        self.waiting.push_back(Waiting {
            number: self.next,
            doubt: self.doubt,
            earlier: std::mem::replace(head, self.next),
            to,
            sent,
            both: false,
            kernel: None,
            token: Some(token),
        });
        self.next = self.next.wrapping_add(1);
    }

    /// The last one to leave asked the interface too.
    pub(super) fn awaits_both(&mut self) {
        if let Some(last) = self.waiting.back_mut() {
            last.both = true;
        }
    }

    /// A packet that asked has failed; it may have used up a number.
    pub(super) fn failed(&mut self) {
        self.doubt = self.doubt.saturating_add(1);
    }

    /// A stamp of the kernel's came. One from before its packet was sent (the wall clock was set
    /// back) is dropped.
    pub(super) fn stamp(&mut self, number: u32, stamp: Wall) -> Found<T> {
        let Some(index) = self.index(number) else {
            return Found::Stray;
        };
        let found = &mut self.waiting[index];
        let age = stamp.since(found.sent.wall);
        if found.doubt > 0 && !(0..=PATIENCE.as_nanos() as i64).contains(&age) {
            return Found::Stray;
        }
        if found.token.is_none() || found.kernel.is_some() {
            return Found::Stray;
        }
        found.kernel = (age >= 0).then_some(stamp);
        if found.doubt > 0 {
            self.next = number.wrapping_add(1);
            self.doubt = 0;
        }
        self.unanswered = 0;
        self.stamped = found.kernel.is_some();
        if found.both && found.kernel.is_some() {
            return Found::Half;
        }
        self.whole(index)
    }

    /// The interface has stamped a packet. The kernel was there before, or the stamp is nobody's.
    pub(super) fn match_up(&mut self, number: u32) -> Found<T> {
        let index = self.index(number);
        match index.filter(|index| self.waiting[*index].kernel.is_some()) {
            None => Found::Stray,
            Some(index) => {
                self.unmatched = 0;
                self.whole(index)
            }
        }
    }

    fn whole(&mut self, index: usize) -> Found<T> {
        let back = self.waiting[index].back();
        self.forget_answered();
        back.map_or(Found::Stray, Found::Whole)
    }

    /// Gives back the tokens of packets to `far`, the newest first: an answer from there is at
    /// hand, so what has no stamp by now won't get one.
    pub(super) fn release(&mut self, far: SocketAddr, now: Mono, mut back: impl FnMut(Stamped<T>)) {
        let mut number = self.chains[digest(far)];
        let mut last = self.waiting.len();
        // A chain leads to older and older packets; where it doesn't, its next is gone.
        while let Some(index) = self.index(number).filter(|index| *index < last) {
            let found = &mut self.waiting[index];
            (number, last) = (found.earlier, index);
            if found.to == far
                && let Some(stamped) = found.back()
            {
                let doubtful = found.doubt > 0;
                self.give_up(doubtful, &stamped, now);
                back(stamped);
            }
        }
        self.forget_answered();
    }

    /// Gives back the tokens that have waited long enough.
    pub(super) fn expire(&mut self, now: Mono, mut back: impl FnMut(Stamped<T>)) {
        let old = |w: &mut Waiting<T>| w.sent.mono + PATIENCE <= now;
        while let Some(mut gone) = self.waiting.pop_front_if(old) {
            if let Some(stamped) = gone.back() {
                self.give_up(gone.doubt > 0, &stamped, now);
                back(stamped);
            }
        }
        self.forget_answered();
    }

    /// Gives back all tokens: the path is closing.
    pub(super) fn into_tokens(self) -> impl Iterator<Item = Stamped<T>> {
        self.waiting.into_iter().filter_map(|mut w| w.back())
    }

    /// No token waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the oldest token will have waited long enough.
    pub(super) fn deadline(&self) -> Option<Mono> {
        Some(self.waiting.front()?.sent.mono + PATIENCE)
    }

    /// When the newest token will have waited long enough.
    pub(super) fn last_deadline(&self) -> Option<Mono> {
        Some(self.waiting.back()?.sent.mono + PATIENCE)
    }

    /// Stamps are being asked for and do come.
    pub(super) fn delivers(&self) -> bool {
        self.wanted && self.unanswered < SILENT_AFTER
    }

    /// The newest packet whose fate is known was stamped.
    pub(super) fn has_stamped(&self) -> bool {
        self.stamped
    }

    /// Which packet has this number. They follow one another, but for gaps where a send failed.
    fn index(&self, number: u32) -> Option<usize> {
        let first = self.waiting.front()?.number;
        let ahead = |w: &Waiting<T>| w.number.wrapping_sub(first);
        let wanted = number.wrapping_sub(first);
        let straight = self.waiting.get(wanted as usize);
        let index = match straight.is_some_and(|w| w.number == number) {
            true => wanted as usize,
            false => self
                .waiting
                .partition_point(|w| ahead(w) <= wanted)
                .checked_sub(1)?,
        };
        let found = &self.waiting[index];
        (number.wrapping_sub(found.number) <= found.doubt).then_some(index)
    }

    /// A packet got no stamp, or the kernel's alone though it asked for both.
    fn give_up(&mut self, doubtful: bool, stamped: &Stamped<T>, now: Mono) {
        if stamped.kernel.is_some() {
            self.unmatched = self.unmatched.saturating_add(1);
            self.unmatched_until = now + SCOUT_REST;
            return;
        }
        self.unanswered = self.unanswered.saturating_add(1);
        self.stamped = false;
        if doubtful || self.unanswered >= SILENT_AFTER {
            self.rest_until = now + SCOUT_REST;
        }
    }

    /// The first one is one that waits.
    fn forget_answered(&mut self) {
        let answered = |w: &mut Waiting<T>| w.token.is_none();
        while self.waiting.pop_front_if(answered).is_some() {}
    }

    /// In doubt: the last to ask was a scout. In silence: anyone who waits serves as one.
    fn scout_is_out(&self) -> bool {
        match self.waiting.back() {
            None => false,
            Some(last) => (last.doubt > 0 && last.token.is_some()) || self.doubt == 0,
        }
    }
}

impl<T> Waiting<T> {
    /// The token, if it still waits, with what it got.
    fn back(&mut self) -> Option<Stamped<T>> {
        Some(Stamped {
            token: self.token.take()?,
            user: self.sent,
            kernel: self.kernel.take(),
            hardware: None,
        })
    }
}

/// Which chain a far end's packets are in.
fn digest(far: SocketAddr) -> usize {
    let octets = match far.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() ^ (ip.to_bits() >> 64)) as u64,
    };
    let mixed = (octets ^ u64::from(far.port())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % CHAINS
}

#[cfg(test)]
mod tests;
