//! A radio that sleeps when idle and takes a while to wake.

use super::impairment::Wake;

/// The radio of one direction; nanoseconds throughout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Radio {
    after_idle: u64,
    waking: u64,
    last_packet: Option<u64>,
    awake_at: u64,
}

impl Radio {
    pub(super) fn new(wake: &Wake) -> Self {
        Self {
            after_idle: (wake.after_idle_s * 1e9) as u64,
            waking: (wake.delay_ms * 1e6) as u64,
            last_packet: None,
            awake_at: 0,
        }
    }

    /// When a packet that comes at `now` can be sent. The first packet ever finds it asleep.
    pub(super) fn ready_at(&mut self, now: u64) -> u64 {
        let asleep = self
            .last_packet
            .is_none_or(|last| now.saturating_sub(last.max(self.awake_at)) > self.after_idle);
        if asleep {
            self.awake_at = now + self.waking;
        }
        self.last_packet = Some(now);
        now.max(self.awake_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn only_a_packet_after_an_idle_time_wakes_the_radio() {
        let mut radio = Radio::new(&Wake {
            after_idle_s: 5.0,
            delay_ms: 300.0,
        });
        assert_eq!(radio.ready_at(0), 300 * MS);
        assert_eq!(radio.ready_at(100 * MS), 300 * MS, "still waking");
        assert_eq!(radio.ready_at(400 * MS), 400 * MS, "awake");
        assert_eq!(
            radio.ready_at(5_300 * MS),
            5_300 * MS,
            "not idle for long enough"
        );
        assert_eq!(radio.ready_at(10_400 * MS), 10_700 * MS, "asleep again");
    }
}
