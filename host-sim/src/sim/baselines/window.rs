//! The last n probes of a line. Each costs the same, however long the window.

use super::means::Means;

const NS_PER_MS: f64 = 1e6;

/// What became of the last probes, and their sums.
#[derive(Clone, Debug)]
pub(super) struct Window {
    ring: Vec<Outcome>,
    next: usize,
    seen: usize,
    lost: u32,
    answered: Sum,
    steps: Sum,
    /// The last round trip.
    last: Option<i64>,
}

/// A lost probe has neither.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    round_trip: Option<i64>,
    /// The difference from the answered probe before.
    step: Option<i64>,
}

/// Exact: nanoseconds as whole numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: i64,
    count: u32,
}

impl Window {
    /// Of so many probes.
    pub(super) fn new(probes: usize) -> Self {
        Self {
            ring: vec![Outcome::default(); probes],
            next: 0,
            seen: 0,
            lost: 0,
            answered: Sum::default(),
            steps: Sum::default(),
            last: None,
        }
    }

    /// A probe was answered after these nanoseconds.
    pub(super) fn answered(&mut self, round_trip: i64) {
        let step = self.last.map(|last| (round_trip - last).abs());
        self.last = Some(round_trip);
        self.push(Outcome {
            round_trip: Some(round_trip),
            step,
        });
    }

    /// A probe was lost.
    pub(super) fn lost(&mut self) {
        self.push(Outcome::default());
    }

    /// Of the probes in it; of those seen, while they are fewer.
    pub(super) fn means(&self) -> Means {
        let seen = self.seen > 0;
        Means {
            loss_percent: seen.then(|| 100.0 * f64::from(self.lost) / self.seen as f64),
            round_trip_ms: self.answered.mean_ms(),
            jitter_ms: self.steps.mean_ms(),
        }
    }

    fn push(&mut self, outcome: Outcome) {
        let former = std::mem::replace(&mut self.ring[self.next], outcome);
        self.next = (self.next + 1) % self.ring.len();
        match self.seen < self.ring.len() {
            true => self.seen += 1,
            false => self.lost -= u32::from(former.round_trip.is_none()),
        }
        self.lost += u32::from(outcome.round_trip.is_none());
        self.answered.swap(former.round_trip, outcome.round_trip);
        self.steps.swap(former.step, outcome.step);
    }
}

impl Sum {
    fn swap(&mut self, out: Option<i64>, into: Option<i64>) {
        self.total += into.unwrap_or(0) - out.unwrap_or(0);
        self.count = self.count + u32::from(into.is_some()) - u32::from(out.is_some());
    }

    fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total as f64 / f64::from(self.count) / NS_PER_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_probes_count() {
        let mut window = Window::new(3);
        assert_eq!(window.means(), Means::default());
        window.lost();
        window.answered(10_000_000);
        let means = window.means();
        assert_eq!((means.loss_percent, means.jitter_ms), (Some(50.0), None));
        window.answered(14_000_000);
        window.answered(12_000_000);
        let means = window.means();
        assert_eq!(means.loss_percent, Some(0.0));
        assert_eq!(means.round_trip_ms, Some(12.0));
        assert_eq!(means.jitter_ms, Some(3.0));
        for _ in 0..3 {
            window.lost();
        }
        let all_lost = Means {
            loss_percent: Some(100.0),
            ..Means::default()
        };
        assert_eq!(window.means(), all_lost);
    }
}
