//! At most so many messages a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Messages a second in the long run; as many may come at once.
const RATE: u64 = 100;
const SPACING: u64 = 1_000_000_000 / RATE;

/// A leaky bucket in one word (the generic cell rate algorithm): nobody waits for anybody.
pub(super) struct Limit {
    /// When the bucket will be empty, in nanoseconds.
    empty_at: AtomicU64,
}

impl Limit {
    pub(super) const fn new() -> Self {
        Self {
            empty_at: AtomicU64::new(0),
        }
    }

    /// May one more message pass at `now`?
    pub(super) fn admits(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let one_more = |empty_at: u64| {
            let after = empty_at.max(now) + SPACING;
            (after - now <= RATE * SPACING).then_some(after)
        };
        self.empty_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limit: &Limit, ms: u64, tries: usize) -> usize {
        let now = Duration::from_millis(ms);
        (0..tries).filter(|_| limit.admits(now)).count()
    }

    #[test]
    fn a_burst_passes_then_one_message_each_ten_milliseconds() {
        let limit = Limit::new();
        assert_eq!(admitted(&limit, 5, 500), 100);
        assert_eq!(admitted(&limit, 14, 5), 0);
        assert_eq!(admitted(&limit, 15, 5), 1);
        assert_eq!(admitted(&limit, 115, 50), 10);
    }

    #[test]
    fn after_a_quiet_second_a_whole_burst_passes_again_and_no_more() {
        let limit = Limit::new();
        admitted(&limit, 0, 500);
        assert_eq!(admitted(&limit, 60_000, 500), 100);
    }
}
