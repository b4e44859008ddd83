//! What probe threads count, and what all of one engine have counted together.

use std::ops::AddAssign;
use std::time::Duration;

use twamp_core::time::Mono;

use super::lateness::Spread;
use crate::net::NetCounters;

/// How late probes left is told of so long; then it says nothing about now.
const OF_LATE: Duration = Duration::from_secs(2);

/// Counters of a probe thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) reflected: u64,
    pub(crate) discarded: u64,
    /// Of the discarded ones, those of strangers without credentials.
    pub(crate) not_admitted: u64,
    pub(crate) pauses: u64,
    /// Probes that left more than a millisecond after their time.
    pub(crate) late: u64,
    /// Probes that were passed over because their time had gone by.
    pub(crate) missed: u64,
    /// How late they left in the last second or two; `None` if none did.
    pub(crate) lateness: Option<Spread>,
    pub(crate) net: NetCounters,
}

/// Those of all threads, as each has last told them.
#[derive(Debug, Default)]
pub(super) struct Tellings(Vec<(Mono, Counters)>);

impl Tellings {
    /// What a thread has counted since its start, told at `at`.
    pub(super) fn enter(&mut self, thread: u16, at: Mono, counters: Counters) {
        let place = usize::from(thread);
        if place >= self.0.len() {
            self.0.resize(place + 1, Default::default());
        }
        self.0[place] = (at, counters);
    }

    /// All together. Of lateness, each figure is the worst of any thread that has told it of late.
    pub(super) fn sum(&self) -> Counters {
        let newest = self.0.iter().map(|(at, _)| *at).max().unwrap_or(Mono(0));
        let mut sum = Counters::default();
        for (at, counters) in &self.0 {
            let fresh = newest.since(*at) < OF_LATE;
            sum += Counters {
                lateness: counters.lateness.filter(|_| fresh),
                ..*counters
            };
        }
        sum
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.reflected += other.reflected;
        self.discarded += other.discarded;
        self.not_admitted += other.not_admitted;
        self.pauses += other.pauses;
        self.late += other.late;
        self.missed += other.missed;
        self.lateness = match (self.lateness, other.lateness) {
            (Some(one), Some(other)) => Some(one.worst(other)),
            (one, other) => one.or(other),
        };
        self.net += other.net;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(p50: u64, max: u64) -> Option<Spread> {
        let micros = Duration::from_micros;
        Some(Spread {
            p50: micros(p50),
            p99: micros(max),
            max: micros(max),
        })
    }

    fn told(sent: u64, wakeups: u64, lateness: Option<Spread>) -> Counters {
        Counters {
            sent,
            lateness,
            net: NetCounters {
                wakeups,
                ..NetCounters::default()
            },
            ..Counters::default()
        }
    }

    #[test]
    fn counters_of_all_threads_are_summed_and_the_worst_lateness_is_told() {
        let mut tellings = Tellings::default();
        let second = |n: u64| Mono(n * 1_000_000_000);
        tellings.enter(2, second(9), told(5, 7, spread(10, 90)));
        tellings.enter(0, second(10), told(1, 2, spread(20, 30)));
        tellings.enter(0, second(10), told(3, 4, spread(30, 40)));
        let sum = tellings.sum();
        assert_eq!((sum.sent, sum.net.wakeups), (8, 11));
        assert_eq!(sum.lateness, spread(30, 90));
        tellings.enter(0, second(11), told(3, 5, spread(30, 40)));
        assert_eq!(tellings.sum().lateness, spread(30, 40), "long ago");
        assert_eq!(tellings.sum().sent, 8);
    }
}
