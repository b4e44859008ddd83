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
    token: Option<T>,
}

/// A token given back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamped<T> {
    pub(super) token: T,
    /// Read just before its batch left.
    pub(super) user: Now,
    pub(super) kernel: Option<Wall>,
}

impl<T> Ledger<T> {
    /// Of a new socket: its numbers start at 0. If stamps aren't `wanted`, nobody ever asks.
    pub(super) fn new(wanted: bool) -> Ledger<T> {
        Ledger {
            next: 0,
            doubt: 0,
            unanswered: 0,
            rest_until: Mono(0),
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

    /// A packet that asked has left.
    pub(super) fn sent(&mut self, to: SocketAddr, sent: Now, token: T) {
        let head = &mut self.chains[digest(to)];
        self.waiting.push_back(Waiting {
            number: self.next,
            doubt: self.doubt,
            earlier: std::mem::replace(head, self.next),
            to,
            sent,
            token: Some(token),
        });
        self.next = self.next.wrapping_add(1);
    }

    /// A packet that asked has failed; it may have used up a number.
    pub(super) fn failed(&mut self) {
        self.doubt = self.doubt.saturating_add(1);
    }

    /// A stamp came. None if its number is nobody's: it came too late, or a packet was stamped
    /// twice on its way through the kernel.
    ///
    /// A stamp from before its packet was sent (the wall clock was set back) is dropped.
    pub(super) fn stamp(&mut self, number: u32, stamp: Wall) -> Option<Stamped<T>> {
        let index = self.index(number)?;
        let found = &mut self.waiting[index];
        let age = stamp.since(found.sent.wall);
        if found.doubt > 0 && !(0..=PATIENCE.as_nanos() as i64).contains(&age) {
            return None;
        }
        let back = found.back((age >= 0).then_some(stamp))?;
        if found.doubt > 0 {
            self.next = number.wrapping_add(1);
            self.doubt = 0;
        }
        self.unanswered = 0;
        self.stamped = back.kernel.is_some();
        self.forget_answered();
        Some(back)
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
                && let Some(stamped) = found.back(None)
            {
                let doubtful = found.doubt > 0;
                self.give_up(doubtful, now);
                back(stamped);
            }
        }
        self.forget_answered();
    }

    /// Gives back the tokens that have waited long enough.
    pub(super) fn expire(&mut self, now: Mono, mut back: impl FnMut(Stamped<T>)) {
        let old = |w: &mut Waiting<T>| w.sent.mono + PATIENCE <= now;
        while let Some(mut gone) = self.waiting.pop_front_if(old) {
            if let Some(stamped) = gone.back(None) {
                self.give_up(gone.doubt > 0, now);
                back(stamped);
            }
        }
        self.forget_answered();
    }

    /// Gives back all tokens: the path is closing.
    pub(super) fn into_tokens(self) -> impl Iterator<Item = Stamped<T>> {
        self.waiting.into_iter().filter_map(|mut w| w.back(None))
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

    /// A packet got no stamp.
    fn give_up(&mut self, doubtful: bool, now: Mono) {
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
    /// The token, if it still waits.
    fn back(&mut self, kernel: Option<Wall>) -> Option<Stamped<T>> {
        Some(Stamped {
            token: self.token.take()?,
            user: self.sent,
            kernel,
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
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn far() -> SocketAddr {
        "192.0.2.1:862".parse().unwrap()
    }

    /// Both clocks at `ms` milliseconds.
    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms * MS),
            wall: Wall((ms * MS) as i64),
        }
    }

    fn wall(ms: u64) -> Wall {
        at(ms).wall
    }

    fn expired<T>(ledger: &mut Ledger<T>, ms: u64) -> Vec<Stamped<T>> {
        let mut back = Vec::new();
        ledger.expire(at(ms).mono, |stamped| back.push(stamped));
        back
    }

    fn released<T>(ledger: &mut Ledger<T>, far: SocketAddr, ms: u64) -> Vec<Stamped<T>> {
        let mut back = Vec::new();
        ledger.release(far, at(ms).mono, |stamped| back.push(stamped));
        back
    }

    #[test]
    fn an_answer_releases_the_tokens_of_its_far_end_and_no_others_however_many_share_the_socket() {
        let mut ledger = Ledger::new(true);
        let far = |host: u32| SocketAddr::from(((0x0a00_0000 + host % 300).to_be_bytes(), 862));
        for token in 0..900 {
            ledger.sent(far(token), at(1), token);
        }
        // Some have their stamps: first, last and in between.
        for number in [0, 300, 450, 899] {
            assert_eq!(ledger.stamp(number, wall(2)).unwrap().token, number);
        }
        for (host, expected) in [
            (0, vec![600]),
            (150, vec![750, 150]),
            (299, vec![599, 299]),
            (7, vec![607, 307, 7]),
            (7, vec![]),
        ] {
            let tokens: Vec<_> = released(&mut ledger, far(host), 3)
                .iter()
                .map(|back| back.token)
                .collect();
            assert_eq!(tokens, expected, "{host}");
        }
        assert_eq!(ledger.stamp(750, wall(4)), None, "given back already");
        assert_eq!(ledger.stamp(1, wall(4)).unwrap().token, 1);
    }

    #[test]
    fn stamps_find_their_tokens_in_any_order() {
        let mut ledger = Ledger::new(true);
        for token in 0..4 {
            ledger.sent(far(), at(1), token);
        }
        for number in [2, 0, 3, 1] {
            let back = ledger.stamp(number, wall(2)).unwrap();
            assert_eq!((back.token, back.kernel), (number, Some(wall(2))));
        }
        assert_eq!(ledger.stamp(1, wall(2)), None);
    }

    #[test]
    fn numbers_go_on_after_the_32_bits_are_used_up() {
        let mut ledger = Ledger::new(true);
        ledger.next = u32::MAX;
        ledger.sent(far(), at(1), 'a');
        ledger.sent(far(), at(1), 'b');
        assert_eq!(ledger.stamp(0, wall(2)).unwrap().token, 'b');
        assert_eq!(ledger.stamp(u32::MAX, wall(2)).unwrap().token, 'a');
    }

    #[test]
    fn after_a_failed_send_only_a_scout_asks_until_its_stamp_tells_the_number() {
        for used_up in [0, 1] {
            let mut ledger = Ledger::new(true);
            ledger.sent(far(), at(1), "before");
            ledger.failed();
            assert_eq!(ledger.ask(at(1).mono), Ask::One);
            ledger.sent(far(), at(1), "scout");
            assert_eq!(ledger.ask(at(1).mono), Ask::Nobody);
            assert_eq!(ledger.stamp(0, wall(1)).unwrap().token, "before");
            assert_eq!(ledger.stamp(1 + used_up, wall(2)).unwrap().token, "scout");
            assert_eq!(ledger.ask(at(2).mono), Ask::All);
            ledger.sent(far(), at(3), "after");
            assert_eq!(ledger.stamp(2 + used_up, wall(3)).unwrap().token, "after");
        }
    }

    #[test]
    fn a_scout_takes_no_stamp_older_than_itself() {
        let mut ledger = Ledger::new(true);
        ledger.failed();
        ledger.sent(far(), at(10), "scout");
        assert_eq!(ledger.stamp(0, wall(9)), None);
        assert_eq!(ledger.stamp(1, wall(11)).unwrap().token, "scout");
    }

    #[test]
    fn an_unanswered_scout_is_followed_by_another_a_second_later() {
        let mut ledger = Ledger::new(true);
        ledger.failed();
        ledger.sent(far(), at(10), "scout");
        assert_eq!(expired(&mut ledger, 59), []);
        let back = expired(&mut ledger, 60);
        assert_eq!((back[0].token, back[0].kernel), ("scout", None));
        assert_eq!(ledger.ask(at(1059).mono), Ask::Nobody);
        assert_eq!(ledger.ask(at(1060).mono), Ask::One);
    }

    #[test]
    fn a_path_that_never_stamps_is_left_alone_but_for_a_scout_a_second() {
        let mut ledger = Ledger::new(true);
        for token in 0..8 {
            assert_eq!(ledger.ask(at(token).mono), Ask::All);
            ledger.sent(far(), at(token), token);
        }
        assert_eq!(released(&mut ledger, far(), 8).len(), 8);
        assert!(!ledger.delivers());
        assert_eq!(ledger.ask(at(9).mono), Ask::Nobody);
        assert_eq!(ledger.ask(at(1008).mono), Ask::One);
        ledger.sent(far(), at(1008), 8);
        assert_eq!(ledger.ask(at(1008).mono), Ask::Nobody);
        assert_eq!(ledger.stamp(8, wall(1009)).unwrap().token, 8);
        assert!(ledger.delivers());
        assert_eq!(ledger.ask(at(1009).mono), Ask::All);
    }

    #[test]
    fn an_answer_releases_only_the_tokens_of_its_far_end() {
        let other: SocketAddr = "192.0.2.2:862".parse().unwrap();
        let mut ledger = Ledger::new(true);
        ledger.sent(far(), at(1), 'a');
        ledger.sent(other, at(1), 'b');
        let back = released(&mut ledger, far(), 2);
        assert_eq!((back.len(), back[0].token), (1, 'a'));
        assert_eq!(ledger.stamp(1, wall(2)).unwrap().token, 'b');
    }

    #[test]
    fn a_wall_clock_set_back_costs_the_stamp_and_not_the_token() {
        let mut ledger = Ledger::new(true);
        ledger.sent(far(), at(10), 'a');
        let back = ledger.stamp(0, wall(5)).unwrap();
        assert_eq!((back.token, back.kernel), ('a', None));
    }

    #[test]
    fn a_path_that_wants_no_stamps_never_asks() {
        assert_eq!(Ledger::<()>::new(false).ask(at(1).mono), Ask::Nobody);
    }

    /// A kernel that fails sends at random, using up a number or not, and stamps late, early or
    /// never: no token ever comes back with another packet's stamp.
    #[test]
    fn no_token_gets_anothers_stamp_whatever_a_failed_send_did_to_the_numbers() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = move |sides: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % sides
        };
        let mut ledger = Ledger::new(true);
        let (mut number, mut stamped, mut back) = (0u32, 0, 0);
        let mut on_the_way: Vec<(u32, Wall)> = Vec::new();
        for step in 1..20_000u64 {
            let now = at(step);
            let asks = ledger.ask(now.mono) != Ask::Nobody;
            if asks && draw(20) == 0 {
                ledger.failed();
                number += draw(2) as u32;
            } else if asks {
                // The token is the stamp that the kernel makes for it.
                ledger.sent(far(), now, now.wall);
                if draw(50) > 0 {
                    on_the_way.push((number, now.wall));
                }
                number += 1;
            }
            while !on_the_way.is_empty() && draw(3) > 0 {
                let picked = draw(on_the_way.len() as u64) as usize;
                let (number, stamp) = on_the_way.swap_remove(picked);
                if let Some(found) = ledger.stamp(number, stamp) {
                    assert_eq!(found.kernel, Some(found.token));
                    stamped += 1;
                }
            }
            back += expired(&mut ledger, step).len();
        }
        assert!(
            stamped > 1000 && back > 10,
            "{stamped} stamped, {back} given up"
        );
    }
}
