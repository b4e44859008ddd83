//! Packets on their way through a line, by the time they come out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::line::Direction;
use super::one_way::StreamId;

/// Most packets on their way through all lines together.
const MAX_PACKETS: usize = 100_000;
/// Most payload bytes on their way.
const MAX_BYTES: usize = 256 << 20;

/// A packet on its way.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) line: usize,
    pub(super) direction: Direction,
    pub(super) stream: StreamId,
    /// When the emulator read it.
    pub(super) taken_at: u64,
    /// When it has to come out; for a packet that a pause held up, when the pause ended.
    pub(super) due_at: u64,
    /// A second copy isn't measured.
    pub(super) is_copy: bool,
    /// TOS octet that it is marked with.
    pub(super) tos: u8,
    pub(super) payload: Vec<u8>,
}

/// All packets on their way, those on paused lines held aside. Bounded.
#[derive(Debug, Default)]
pub(super) struct Transit {
    due: BinaryHeap<Reverse<Entry>>,
    /// Packets that were due while their line was paused.
    held: Vec<Entry>,
    taken_in: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// Due time, then order of arrival: a stream's order survives equal times and pauses.
    key: (u64, u64),
    packet: Packet,
}

impl Transit {
    /// Takes a packet in.
    ///
    /// # Errors
    /// There is no room; the packet is gone.
    pub(super) fn push(&mut self, packet: Packet) -> Result<(), Full> {
        if self.len() >= MAX_PACKETS || self.bytes + packet.payload.len() > MAX_BYTES {
            return Err(Full);
        }
        self.bytes += packet.payload.len();
        let key = (packet.due_at, self.taken_in);
        self.taken_in += 1;
        self.due.push(Reverse(Entry { key, packet }));
        Ok(())
    }

    /// The next packet due at `now` on a line that isn't paused. Call until `None`.
    pub(super) fn pop_due(
        &mut self,
        now: u64,
        is_paused: impl Fn(usize) -> bool,
    ) -> Option<Packet> {
        while self.next_at()? <= now {
            let Reverse(entry) = self.due.pop()?;
            if !is_paused(entry.packet.line) {
                self.bytes -= entry.packet.payload.len();
                return Some(entry.packet);
            }
            self.held.push(entry);
        }
        None
    }

    /// Lets go the packets held for a line: they are due at `now`, ahead of all that come after.
    pub(super) fn resume(&mut self, line: usize, now: u64) {
        let released = self.held.extract_if(.., |entry| entry.packet.line == line);
        self.due.extend(released.map(|mut entry| {
            // The key stays, so the order does too.
            entry.packet.due_at = now;
            Reverse(entry)
        }));
    }

    /// When the next packet is due.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.due.peek().map(|Reverse(entry)| entry.key.0)
    }

    /// Packets on their way, held ones included.
    pub(super) fn len(&self) -> usize {
        self.due.len() + self.held.len()
    }
}

/// There is no room for another packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(line: usize, due_at: u64, mark: u8) -> Packet {
        Packet {
            line,
            direction: Direction::Forward,
            stream: StreamId(0),
            taken_at: 0,
            due_at,
            is_copy: false,
            tos: 0,
            payload: vec![mark],
        }
    }

    fn due(transit: &mut Transit, now: u64, paused: &[usize]) -> Vec<u8> {
        std::iter::from_fn(|| transit.pop_due(now, |line| paused.contains(&line)))
            .map(|packet| packet.payload[0])
            .collect()
    }

    #[test]
    fn packets_come_out_by_time_and_then_in_order() {
        let mut transit = Transit::default();
        for (mark, at) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
            transit.push(packet(0, at, mark)).unwrap();
        }
        assert!(due(&mut transit, 9, &[]).is_empty());
        assert_eq!(due(&mut transit, 20, &[]), [2, 4, 3]);
        assert_eq!(transit.next_at(), Some(30));
    }

    #[test]
    fn a_paused_line_holds_its_packets_and_loses_none() {
        let mut transit = Transit::default();
        for (line, mark) in [(0, 1), (1, 2), (0, 3)] {
            transit.push(packet(line, u64::from(mark), mark)).unwrap();
        }
        assert_eq!(due(&mut transit, 5, &[0]), [2]);
        assert_eq!((transit.len(), transit.next_at()), (2, None));
        transit.push(packet(0, 6, 4)).unwrap();
        transit.resume(0, 7);
        assert_eq!(due(&mut transit, 7, &[]), [1, 3, 4]);
        assert_eq!(transit.len(), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut transit = Transit::default();
        for i in 0..MAX_PACKETS {
            transit.push(packet(0, i as u64, 0)).unwrap();
        }
        assert_eq!(transit.push(packet(0, 0, 0)), Err(Full));
        assert!(transit.pop_due(0, |_| false).is_some());
        assert_eq!(transit.push(packet(0, 0, 0)), Ok(()));
    }
}
