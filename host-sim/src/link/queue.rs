//! A limited rate with a finite buffer in front: tail drop and real queueing delay.
//!
//! The buffer is first in, first out and never idle while something waits, so one number describes
//! it: when the last byte accepted will have left.

use super::impairment::Impairment;

const NS_PER_S: f64 = 1e9;
const BITS_PER_BYTE: f64 = 8.0;

/// The buffer's default depth: what the rate carries in this time.
const DEFAULT_DEPTH_NS: f64 = 100e6;

/// The bottleneck of one direction. It is shared by all streams: self-congestion is real.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queue {
    ns_per_byte: f64,
    depth_ns: f64,
    empty_at: u64,
}

impl Queue {
    /// The bottleneck an impairment describes; `None` if its rate has no limit.
    pub(super) fn new(impairment: &Impairment) -> Option<Self> {
        let bytes_per_s = impairment.rate_mbps? * 1e6 / BITS_PER_BYTE;
        let ns_per_byte = NS_PER_S / bytes_per_s;
        Some(Self {
            ns_per_byte,
            depth_ns: impairment
                .queue_kb
                .map_or(DEFAULT_DEPTH_NS, |kb| kb * 1000.0 * ns_per_byte),
            empty_at: 0,
        })
    }

    /// When a packet of `size` bytes that comes at `now` has left; `None` if it finds no room. A
    /// packet that finds the queue empty always has room.
    pub(super) fn admit(&mut self, now: u64, size: usize) -> Option<u64> {
        let waiting = self.empty_at.saturating_sub(now);
        let sending = size as f64 * self.ns_per_byte;
        if waiting > 0 && waiting as f64 + sending > self.depth_ns {
            return None;
        }
        self.empty_at = now.max(self.empty_at) + sending.round() as u64;
        Some(self.empty_at)
    }

    /// So many bytes of traffic come at once, as far as there is room. Answers the share that finds
    /// none.
    pub(super) fn pour(&mut self, now: u64, bytes: f64) -> f64 {
        let waiting = self.empty_at.saturating_sub(now) as f64;
        let coming = bytes * self.ns_per_byte;
        let taken = coming.min((self.depth_ns - waiting).max(0.0));
        self.empty_at = now.max(self.empty_at) + taken.round() as u64;
        if coming > 0.0 {
            1.0 - taken / coming
        } else {
            0.0
        }
    }

    /// How long a packet that comes at `now` would wait, in nanoseconds.
    pub(super) fn waiting(&self, now: u64) -> u64 {
        self.empty_at.saturating_sub(now)
    }

    /// Takes over the bytes that wait at `now` in the queue this one replaces.
    pub(super) fn inherit(&mut self, before: &Queue, now: u64) {
        let waiting = before.empty_at.saturating_sub(now) as f64 / before.ns_per_byte;
        self.empty_at = now + (waiting * self.ns_per_byte).round() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// 8 Mbit/s: a byte a microsecond.
    fn queue(queue_kb: Option<f64>) -> Queue {
        Queue::new(&Impairment {
            rate_mbps: Some(8.0),
            queue_kb,
            ..Impairment::default()
        })
        .unwrap()
    }

    #[test]
    fn a_packet_waits_for_all_bytes_before_it() {
        let mut queue = queue(None);
        assert_eq!(queue.admit(0, 1000), Some(MS));
        assert_eq!(queue.admit(0, 1000), Some(2 * MS));
        assert_eq!(queue.admit(MS / 2, 500), Some(2 * MS + MS / 2));
        assert_eq!(queue.admit(10 * MS, 1000), Some(11 * MS));
    }

    #[test]
    fn a_full_buffer_drops_the_newcomer_and_only_it() {
        let mut queue = queue(Some(3.0));
        let admitted = (0..5).filter(|_| queue.admit(0, 1000).is_some()).count();
        assert_eq!(admitted, 3);
        assert_eq!(queue.admit(MS, 1000), Some(4 * MS));
        assert_eq!(queue.admit(MS, 1000), None);
    }

    #[test]
    fn a_packet_larger_than_the_buffer_passes_an_empty_queue() {
        let mut queue = queue(Some(0.0));
        assert_eq!(queue.admit(0, 1500), Some(1_500_000));
        assert_eq!(queue.admit(0, 1500), None);
    }

    #[test]
    fn by_default_the_buffer_holds_a_tenth_of_a_second() {
        let mut queue = queue(None);
        let admitted = (0..1000).filter(|_| queue.admit(0, 1000).is_some()).count();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn waiting_bytes_survive_a_change_of_rate() {
        let mut slow = queue(None);
        for _ in 0..10 {
            slow.admit(0, 1000);
        }
        let mut fast = Queue::new(&Impairment {
            rate_mbps: Some(80.0),
            ..Impairment::default()
        })
        .unwrap();
        // 6000 bytes wait at 4 ms; at ten times the rate they take 0.6 ms.
        fast.inherit(&slow, 4 * MS);
        assert_eq!(fast.admit(4 * MS, 1000), Some(4 * MS + 700_000));
    }
}
