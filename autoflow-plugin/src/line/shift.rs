//! Has the round trip moved to another level? Held against what the line itself did so far, whatever
//! limits somebody asks about: another route, a lasting queue, a far end that was moved.
//!
//! ```text
//!                                                  ┌► up:   S = max(0, S + far − 1) ┐
//!   least of a slot ─► far = (it − level) / spread ┤                                ├► S ≥ height:
//!      of 5 s              ±3 at most              └► down: S = max(0, S − far − 1) ┘  shifted
//! ```
//!
//! Two CUSUMs (Page, 1954), each for a move worth knowing: twice the spread, 2 ms or 1 % at least. A
//! slot says no more than three spreads, so what is over within four slots moves nothing, however
//! far it was. Level and spread are learned while neither statistic is halfway up, from distances
//! clipped alike, so an outage or a queue never becomes normal unless it stays: then it is a shift,
//! and the level is the median since.

use std::time::Duration;

use twamp_core::time::Mono;

/// One observation: the least round trip of so long has waited in few queues.
const SLOT: Duration = Duration::from_secs(5);
/// Farther off, in spreads, says no more.
const FAR: f32 = 3.0;
/// Half of the move that is worth knowing, in spreads.
const DRIFT: f32 = 1.0;
/// Five slots far off. Normal noise alone gets there once in some 10⁹ slots; that of real lines has
/// tails, and the clip is against those.
const HEIGHT: f32 = 5.0 * (FAR - DRIFT);
/// The spread is so many milliseconds at least, and this part of the level.
const LEAST_SPREAD_MS: f32 = 1.0;
const LEAST_SPREAD: f32 = 0.005;
/// The level is that of the last so many slots, more or less.
const MEMORY: f32 = 50.0;
/// The spread moves as from so many slots more.
const STEADY: f32 = 10.0;
/// Of a normal variable: its standard deviation, in means and in medians of absolute distances.
const OF_MEAN: f32 = 1.25;
const OF_MEDIAN: f32 = 1.48;
/// Before so many slots there is no level that could move.
const FIRST: usize = 12;
/// A new level is the median of so many slots at most.
const KEPT: usize = 16;

/// The round trip has moved, and stays there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// Since when, as nearly as known.
    pub(crate) since: Mono,
    /// Milliseconds.
    pub(crate) before_ms: f32,
    /// Median since then.
    pub(crate) after_ms: f32,
}

/// Watches the level of one line's round trip.
#[derive(Clone, Debug, Default)]
pub(super) struct ShiftWatch {
    /// When the slot began that is not over, and the least of it, nanoseconds.
    slot: Option<(Mono, i64)>,
    /// Milliseconds.
    level: f32,
    spread: f32,
    /// Slots that the level is of, and all.
    of: f32,
    slots: u32,
    up: Side,
    down: Side,
    /// The newest slots, in a ring.
    kept: [f32; KEPT],
}

/// A statistic, and when it was last 0.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    at: f32,
    since: Mono,
    /// Slots since then.
    slots: usize,
}

impl ShiftWatch {
    /// A round trip was measured, nanoseconds. Answers a shift that is known by now.
    pub(super) fn see(&mut self, at: Mono, round_trip: i64) -> Option<Shift> {
        match &mut self.slot {
            Some((begin, least)) if at.since(*begin) < SLOT => {
                *least = round_trip.min(*least);
                None
            }
            slot => {
                let over = slot.replace((at, round_trip));
                over.and_then(|(begin, least)| self.slot(begin, least as f32 / 1e6))
            }
        }
    }

    /// The least of the slot that began at `at`, milliseconds.
    fn slot(&mut self, at: Mono, value: f32) -> Option<Shift> {
        self.kept[self.slots as usize % KEPT] = value;
        self.slots = self.slots.wrapping_add(1);
        if self.slots <= FIRST as u32 {
            self.begin();
            return None;
        }
        let spread = self.spread();
        let far = ((value - self.level) / spread).clamp(-FAR, FAR);
        self.up.see(at, far);
        self.down.see(at, -far);
        if let Some(side) = [self.up, self.down].iter().find(|side| side.at >= HEIGHT) {
            return self.shift(*side);
        }
        if self.up.at.max(self.down.at) < 0.5 * HEIGHT {
            self.of = (self.of + 1.0).min(MEMORY);
            self.level += far * spread / (self.of + 1.0);
            let distance = (value - self.level).abs().min(FAR * spread);
            self.spread += (OF_MEAN * distance - self.spread) / (self.of + STEADY);
        }
        None
    }

    fn shift(&mut self, side: Side) -> Option<Shift> {
        let after = self.median(side.slots, |value| value);
        let before = std::mem::replace(&mut self.level, after);
        self.of = side.slots.min(KEPT) as f32;
        (self.up, self.down) = (Side::default(), Side::default());
        Some(Shift {
            since: side.since,
            before_ms: before,
            after_ms: after,
        })
    }

    /// From the first slots.
    fn begin(&mut self) {
        let slots = self.slots as usize;
        let level = self.median(slots, |value| value);
        (self.level, self.of) = (level, slots as f32);
        self.spread = OF_MEDIAN * self.median(slots, |value| (value - level).abs());
    }

    fn spread(&self) -> f32 {
        let least = LEAST_SPREAD_MS.max(LEAST_SPREAD * self.level);
        self.spread.max(least)
    }

    /// Of what the newest so many slots are.
    fn median(&self, slots: usize, of: impl Fn(f32) -> f32) -> f32 {
        let slots = slots.clamp(1, KEPT);
        let newest = (1..=slots).map(|back| (self.slots as usize).wrapping_sub(back) % KEPT);
        let mut values = [0.0; KEPT];
        for (value, place) in values.iter_mut().zip(newest) {
            *value = of(self.kept[place]);
        }
        let values = &mut values[..slots];
        values.sort_unstable_by(f32::total_cmp);
        values[slots / 2]
    }
}

impl Side {
    fn see(&mut self, at: Mono, far: f32) {
        if self.at <= 0.0 {
            (self.since, self.slots) = (at, 0);
        }
        self.at = (self.at + far - DRIFT).max(0.0);
        self.slots += 1;
    }
}

#[cfg(test)]
mod tests;
