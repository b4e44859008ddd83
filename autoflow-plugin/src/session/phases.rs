//! Where in its interval a new session begins, so that those that start together do not send
//! together.
//!
//! Phases are spread by the golden ratio: however many there are, the next one falls into one of
//! the widest gaps. A few sessions have a phase each. Where there are more, a wake-up for each probe
//! would cost more than the probe; then small companies share a phase: sessions of one socket, which
//! go to different hosts, and leave in one batch. The more sessions, the larger the companies may
//! be, up to a size that disturbs no line that so many sessions are on. Of different sockets, mostly
//! different lines, two share a phase however few there are: one wake-up serves both.

use std::collections::HashMap;
use std::time::Duration;

use twamp_core::time::Mono;

use crate::net::Path;

/// Sessions of a company, at most.
const LARGEST: usize = 16;
/// One more of them is allowed for so many sessions in all.
const STEP: usize = 8;
/// Sockets whose last company is remembered.
const REMEMBERED: usize = 4_096;
/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The phases that were given to sessions.
#[derive(Default)]
pub(super) struct Phases {
    /// From which on phases count.
    origin: Option<Mono>,
    given: u64,
    /// From those that other threads give.
    shift: u64,
    companies: HashMap<Path, Company>,
    /// The last phase that was given, and to which socket, while no other one has it.
    unshared: Option<(u64, Path)>,
}

/// Sessions of one socket that leave together.
struct Company {
    phase: u64,
    members: usize,
}

impl Phases {
    /// Those of one of so many threads, which need not know of one another.
    pub(super) fn shifted(thread: u16, threads: u16) -> Self {
        Self {
            shift: (u64::MAX / u64::from(threads.max(1))).wrapping_mul(thread.into()),
            ..Self::default()
        }
    }

    /// When a session begins that starts at `now`, beside so many `others`.
    pub(super) fn first(
        &mut self,
        now: Mono,
        interval: Duration,
        path: Path,
        others: usize,
    ) -> Mono {
        let origin = *self.origin.get_or_insert(now);
        let phase = self.in_company(path, (others / STEP).min(LARGEST));
        let interval = interval.as_nanos().max(1);
        let phase = (interval * u128::from(phase)) >> 64;
        let elapsed = u128::from(now.nanos().saturating_sub(origin.nanos()));
        // How long until the phase comes again.
        let wait = (interval + phase - elapsed % interval) % interval;
        now + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    fn next(&mut self, path: Path) -> u64 {
        if let Some((phase, _)) = self.unshared.take_if(|(_, other)| *other != path) {
            return phase;
        }
        let phase = self.given.wrapping_mul(GOLDEN).wrapping_add(self.shift);
        self.given += 1;
        self.unshared = Some((phase, path));
        phase
    }

    /// The phase of the last company of a path, if it has fewer than `most` members, or a new one.
    fn in_company(&mut self, path: Path, most: usize) -> u64 {
        if let Some(company) = self.companies.get_mut(&path)
            && company.members < most
        {
            company.members += 1;
            return company.phase;
        }
        // Who is forgotten only has less company.
        if self.companies.len() >= REMEMBERED {
            self.companies.clear();
        }
        let phase = self.next(path);
        self.companies.insert(path, Company { phase, members: 1 });
        phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, PathSpec};

    const MS: u64 = 1_000_000;
    const INTERVAL: Duration = Duration::from_millis(100);

    fn paths(count: usize) -> Vec<Path> {
        let (mut net, _) = Net::<()>::new().unwrap();
        let spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
        (0..count).map(|_| net.open(&spec).unwrap().0).collect()
    }

    /// How many sessions each slot has of `count` that start at once, spread over these paths.
    fn load(count: usize, paths: &[Path]) -> (Vec<u32>, usize) {
        let mut phases = Phases::default();
        let now = Mono(7_000 * MS);
        let mut load = vec![0; 100];
        let mut batches = std::collections::HashSet::new();
        for index in 0..count {
            let path = paths[index * paths.len() / count];
            let first = phases.first(now, INTERVAL, path, index);
            let slot = first.since(now).as_nanos() as u64 / MS;
            load[slot as usize] += 1;
            batches.insert((path, slot));
        }
        (load, batches.len())
    }

    #[test]
    fn the_first_session_begins_at_once() {
        let mut phases = Phases::default();
        let path = paths(1)[0];
        assert_eq!(phases.first(Mono(5), INTERVAL, path, 0), Mono(5));
    }

    #[test]
    fn sessions_that_start_together_do_not_send_together() {
        let paths = paths(1);
        for (count, most) in [(2, 1), (16, 1), (32, 4), (100, 13)] {
            let (load, _) = load(count, &paths);
            assert!(load.iter().all(|n| *n <= most), "{count}: {load:?}");
        }
    }

    #[test]
    fn sessions_that_share_no_socket_have_no_company() {
        let (_, batches) = load(100, &paths(100));
        assert_eq!(batches, 100);
    }

    #[test]
    fn two_sockets_share_a_wake_up_and_no_third_one_does() {
        for count in [2, 6, 30] {
            let (load, _) = load(count, &paths(count));
            assert_eq!(load.iter().filter(|n| **n == 2).count(), count / 2);
            assert!(load.iter().all(|n| *n <= 2), "{count}: {load:?}");
        }
    }

    #[test]
    fn thousands_of_sessions_are_spread_evenly_and_leave_in_few_batches() {
        let paths = paths(100);
        let (load, batches) = load(8_000, &paths);
        assert!(load.iter().all(|n| (40..=130).contains(n)), "{load:?}");
        assert!(batches < 8_000 / 8, "{batches}");
    }

    #[test]
    fn who_comes_later_finds_its_phase_again() {
        let mut phases = Phases::default();
        let path = paths(1)[0];
        phases.first(Mono(0), INTERVAL, path, 0);
        let first = phases.first(Mono(1_234 * MS), INTERVAL, path, 1);
        assert!((1_234 * MS..1_334 * MS).contains(&first.nanos()));
        assert_eq!(
            first.nanos() / 10_000 % 10_000,
            6_180,
            "0.618 of an interval"
        );
    }

    #[test]
    fn sessions_that_start_together_on_several_threads_do_not_send_together() {
        let path = paths(1)[0];
        let now = Mono(7_000 * MS);
        let mut slots: Vec<u128> = (0..4)
            .flat_map(|thread| {
                let mut phases = Phases::shifted(thread, 4);
                let first = [0, 1].map(|others| phases.first(now, INTERVAL, path, others));
                first.map(|first| first.since(now).as_millis())
            })
            .collect();
        slots.sort_unstable();
        let least = slots.windows(2).map(|pair| pair[1] - pair[0]).min();
        assert!(least >= Some(5), "{slots:?}");
    }
}
