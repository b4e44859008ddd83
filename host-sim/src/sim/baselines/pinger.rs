//! Probes that go out on all lines at a steady pace, each of which is answered in time or lost.
//!
//! ```text
//!   wake ─► rounds that are too old: lost ─► a new round leaves       heard ─► in time, and new?
//! ```

use std::collections::VecDeque;

use super::phase;
use crate::sim::policy::{Probe, Probing, Reply, Setting};

const NS_PER_MS: u64 = 1_000_000;
/// Probes of a line that can be underway.
const ROOM: u64 = 256;
/// Bits of a probe's number that count; those above tell pingers of one policy apart.
const NUMBER_BITS: u32 = 56;

/// How lines are probed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// From a round to the next, milliseconds.
    pub(super) every_ms: u64,
    /// A probe that isn't back by then is lost, milliseconds.
    pub(super) timeout_ms: u64,
    /// Probes of a round on each line.
    pub(super) at_once: u32,
    /// Octets on the wire.
    pub(super) octets: usize,
    /// DSCP, 0–63.
    pub(super) dscp: u8,
}

/// Probes lines and knows which probes are underway.
pub(super) struct Pinger {
    rhythm: Rhythm,
    /// Which pinger of its policy it is.
    tag: u64,
    /// When the next round leaves.
    due: u64,
    /// When the rounds left that are not given up yet.
    underway: VecDeque<u64>,
    /// The number of the oldest of them.
    oldest: u64,
    /// By line: which probes underway are answered, by number modulo [`ROOM`].
    answered: Vec<[u64; (ROOM / 64) as usize]>,
}

impl Pinger {
    /// The only pinger of a policy.
    pub(super) fn new(setting: &Setting<'_>, rhythm: Rhythm) -> Self {
        Self::tagged(setting, rhythm, 0)
    }

    /// One of several; the tag is its own.
    pub(super) fn tagged(setting: &Setting<'_>, rhythm: Rhythm, tag: u64) -> Self {
        let rounds = rhythm.timeout_ms / rhythm.every_ms + 2;
        debug_assert!(rounds * u64::from(rhythm.at_once) <= ROOM);
        Self {
            rhythm,
            tag,
            due: phase(setting, tag, rhythm.every_ms as f64 / 1e3),
            underway: VecDeque::with_capacity(rounds as usize),
            oldest: 0,
            answered: vec![Default::default(); setting.lines.len()],
        }
    }

    /// A probe that isn't back by then is lost from now on, milliseconds.
    pub(super) fn give_up_after(&mut self, timeout_ms: u64) {
        let rounds = timeout_ms / self.rhythm.every_ms + 2;
        debug_assert!(rounds * u64::from(self.rhythm.at_once) <= ROOM);
        self.rhythm.timeout_ms = timeout_ms;
    }

    /// When a round leaves or is given up.
    pub(super) fn next(&self) -> u64 {
        let given_up = self.underway.front().map(|left| left + self.timeout());
        given_up.map_or(self.due, |at| at.min(self.due))
    }

    /// Gives up and sends what is due; `lost` is told of the line of each probe that is lost.
    pub(super) fn wake(
        &mut self,
        now: u64,
        probing: &mut dyn Probing,
        mut lost: impl FnMut(usize),
    ) {
        let at_once = u64::from(self.rhythm.at_once);
        while self
            .underway
            .front()
            .is_some_and(|left| left + self.timeout() <= now)
        {
            self.underway.pop_front();
            for (line, answered) in self.answered.iter().enumerate() {
                for number in self.oldest * at_once..(self.oldest + 1) * at_once {
                    let (word, bit) = place(number);
                    if answered[word] & bit == 0 {
                        lost(line);
                    }
                }
            }
            self.oldest += 1;
        }
        if self.due <= now {
            self.send(now, probing);
            self.due += self.rhythm.every_ms * NS_PER_MS;
        }
    }

    /// The round trip, nanoseconds; `None`: not one of its own, too late or not the first answer.
    pub(super) fn heard(&mut self, reply: &Reply) -> Option<i64> {
        let number = reply.number & ((1 << NUMBER_BITS) - 1);
        let late = number / u64::from(self.rhythm.at_once) < self.oldest;
        if reply.number >> NUMBER_BITS != self.tag || late {
            return None;
        }
        let (word, bit) = place(number);
        let answered = &mut self.answered[reply.line][word];
        let again = *answered & bit != 0;
        *answered |= bit;
        (!again).then(|| reply.round_trip())
    }

    /// This host stood still: rounds that should have left are left out.
    pub(super) fn paused(&mut self, now: u64) {
        let every = self.rhythm.every_ms * NS_PER_MS;
        self.due += now.saturating_sub(self.due).div_ceil(every) * every;
    }

    fn send(&mut self, now: u64, probing: &mut dyn Probing) {
        let at_once = u64::from(self.rhythm.at_once);
        let first = (self.oldest + self.underway.len() as u64) * at_once;
        for (line, answered) in self.answered.iter_mut().enumerate() {
            for number in first..first + at_once {
                let (word, bit) = place(number);
                answered[word] &= !bit;
                let probe = Probe {
                    number: self.tag << NUMBER_BITS | number,
                    octets: self.rhythm.octets,
                    dscp: self.rhythm.dscp,
                    full_size: false,
                };
                probing.probe(now, line, probe);
            }
        }
        self.underway.push_back(now);
    }

    fn timeout(&self) -> u64 {
        self.rhythm.timeout_ms * NS_PER_MS
    }
}

/// Where a number has its bit.
fn place(number: u64) -> (usize, u64) {
    ((number % ROOM / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Sent, reply, setting};
    use super::*;

    const RHYTHM: Rhythm = Rhythm {
        every_ms: 500,
        timeout_ms: 1_200,
        at_once: 2,
        octets: 84,
        dscp: 0,
    };

    fn pinger() -> Pinger {
        setting(1, |setting| Pinger::tagged(setting, RHYTHM, 3))
    }

    #[test]
    fn a_probe_is_answered_once_or_lost_once() {
        let mut pinger = pinger();
        let mut sent = Sent::default();
        let start = pinger.next();
        assert!(start < 500 * NS_PER_MS);
        let mut lost = 0;
        while pinger.next() < start + 1_000 * NS_PER_MS {
            pinger.wake(pinger.next(), &mut sent, |_| lost += 1);
        }
        let numbers: Vec<_> = sent.0.iter().map(|sent| sent.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3].map(|number| 3 << 56 | number));
        assert_eq!(pinger.heard(&reply(&sent.0[1], 20.0)), Some(20_000_000));
        assert_eq!(pinger.heard(&reply(&sent.0[1], 20.0)), None);
        pinger.wake(start + 1_000 * NS_PER_MS, &mut sent, |_| lost += 1);
        assert_eq!((lost, sent.0.len()), (0, 6));
        pinger.wake(start + 1_200 * NS_PER_MS, &mut sent, |_| lost += 1);
        assert_eq!(lost, 1);
        assert_eq!(pinger.heard(&reply(&sent.0[0], 1_300.0)), None);
    }

    #[test]
    fn a_pause_leaves_rounds_out_and_loses_none() {
        let mut pinger = pinger();
        let mut sent = Sent::default();
        let start = pinger.next();
        pinger.wake(start, &mut sent, |_| {});
        let later = start + 2_100 * NS_PER_MS;
        pinger.paused(later);
        for sent in &sent.0 {
            assert!(pinger.heard(&reply(sent, 20.0)).is_some());
        }
        let mut lost = 0;
        while pinger.next() <= later {
            pinger.wake(pinger.next(), &mut sent, |_| lost += 1);
        }
        assert_eq!((lost, sent.0.len()), (0, 2));
        assert_eq!(pinger.next(), start + 2_500 * NS_PER_MS);
    }
}
