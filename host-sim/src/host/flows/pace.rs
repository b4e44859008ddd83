//! When a flow's packets are due.

use std::time::Duration;

/// A packet each interval; after a pause it goes on from now and catches nothing up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    interval: Duration,
    due: Duration,
}

/// A flow that is further behind than this starts anew.
const MAX_BEHIND: Duration = Duration::from_millis(100);

impl Pace {
    /// The first packet is due at 0.
    pub(super) fn new(packets_per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / packets_per_second.max(1),
            due: Duration::ZERO,
        }
    }

    /// When the next packet is due, counted from the start.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// Takes one packet, if one is due at `now`.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        if self.due > now {
            return false;
        }
        self.due = if now - self.due > MAX_BEHIND {
            now
        } else {
            self.due
        } + self.interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn taken(pace: &mut Pace, now: Duration) -> usize {
        std::iter::from_fn(|| pace.take(now).then_some(())).count()
    }

    #[test]
    fn packets_are_due_at_even_intervals_however_late_the_look() {
        let mut pace = Pace::new(50);
        assert_eq!(taken(&mut pace, ms(0)), 1);
        assert_eq!(taken(&mut pace, ms(19)), 0);
        assert_eq!(taken(&mut pace, ms(27)), 1);
        assert_eq!(pace.due(), ms(40), "lateness doesn't add up");
        assert_eq!(taken(&mut pace, ms(100)), 4);
    }

    #[test]
    fn after_a_pause_nothing_is_caught_up() {
        let mut pace = Pace::new(50);
        assert_eq!(taken(&mut pace, ms(0)), 1);
        assert_eq!(taken(&mut pace, ms(5_000)), 1);
        assert_eq!(pace.due(), ms(5_020));
    }
}
