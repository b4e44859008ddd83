//! Whether a burst is as expected, and what it means if several in a row are not.

use super::envelope::{Least, Line};

/// Of what is usual, bursts that are remembered, more or less.
const MEMORY: f64 = 32.0;
/// Bursts until it is known what is usual.
const LEARNED: u32 = 8;
/// So many standard deviations are not usual.
const UNUSUAL: f64 = 5.0;
/// Nothing below this is unusual, nanoseconds.
const LEAST_NS: f64 = 150_000.0;
/// So many bursts in a row are no chance; and so many make longer delays a route: queues drain.
const ROW: u32 = 3;
const LONG_ROW: u32 = 48;

/// What a burst has shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Found {
    /// It belongs to the line.
    Expected,
    /// It doesn't; what it is is not known yet.
    Odd,
    /// The offset has grown by so much, nanoseconds.
    Step(f64),
    /// The ways there and back have become longer by so much, give or take the last; nanoseconds.
    Route(f64, f64, f64),
}

/// Compares bursts with what is usual.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    learned: u32,
    forward: Usual,
    backward: Usual,
    /// Bursts in a row that are not as usual.
    row: u32,
    odd: [Range; 2],
}

/// How far above the floor the least of a burst is.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    mean: f64,
    variance: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Range {
    low: f64,
    high: f64,
    sum: f64,
}

impl Watch {
    pub(super) fn judge(&mut self, burst: &Least, line: &Line) -> Found {
        let forward = burst.forward - line.at(burst.forward_s) - line.floors.0;
        let backward = burst.backward + line.at(burst.backward_s) - line.floors.1;
        if self.learned < LEARNED {
            self.learn(forward, backward);
            return Found::Expected;
        }
        let off = [forward - self.forward.mean, backward - self.backward.mean];
        let unsure = 2.0 * line.uncertainty(burst.middle_s());
        let limits = [self.forward, self.backward].map(|usual| usual.limit() + unsure);
        if off
            .iter()
            .zip(limits)
            .all(|(off, limit)| off.abs() <= limit)
        {
            self.learn(forward, backward);
            self.row = 0;
            return Found::Expected;
        }
        for (odd, off) in self.odd.iter_mut().zip(off) {
            if self.row == 0 {
                *odd = Range {
                    low: off,
                    high: off,
                    sum: 0.0,
                };
            }
            odd.enter(off);
        }
        self.row += 1;
        self.verdict(limits)
    }

    fn verdict(&mut self, limits: [f64; 2]) -> Found {
        let [there, back] = self.odd.map(|odd| odd.sum / f64::from(self.row));
        let limit = limits[0].max(limits[1]);
        // Queues are never as even as that.
        let mut pairs = self.odd.iter().zip(limits);
        let steady = pairs.all(|(odd, limit)| odd.high - odd.low <= limit);
        // Each burst says the same, and there and back alike: two queues don't do that by chance.
        let opposite = self.odd[0].side() * self.odd[1].side() < 0.0
            && there.abs().min(back.abs()) > limit / 2.0
            && (there + back).abs() <= limit.min(there.abs().min(back.abs()) / 2.0);
        let shorter = there + back < -limit;
        let found = match self.row {
            row if row >= ROW && steady && opposite => Found::Step((there - back) / 2.0),
            row if row >= ROW && steady && shorter => Found::Route(there, back, limit),
            row if row >= LONG_ROW && steady => Found::Route(there, back, limit),
            // Queues come and go: what is steady may begin with any burst.
            row if row >= LONG_ROW || !steady => {
                self.row = 0;
                return Found::Odd;
            }
            _ => return Found::Odd,
        };
        self.row = 0;
        found
    }

    fn learn(&mut self, forward: f64, backward: f64) {
        self.learned = self.learned.saturating_add(1);
        let part = 1.0 / f64::from(self.learned).min(MEMORY);
        self.forward.learn(forward, part);
        self.backward.learn(backward, part);
    }
}

impl Usual {
    fn learn(&mut self, value: f64, part: f64) {
        let off = value - self.mean;
        self.mean += part * off;
        self.variance = (1.0 - part) * (self.variance + part * off * off);
    }

    fn limit(&self) -> f64 {
        LEAST_NS.max(UNUSUAL * self.variance.sqrt())
    }
}

impl Range {
    /// On which side of the usual all are: 1, −1, or 0 if on both.
    fn side(&self) -> f64 {
        if self.low > 0.0 {
            1.0
        } else if self.high < 0.0 {
            -1.0
        } else {
            0.0
        }
    }

    fn enter(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.sum += value;
    }
}
