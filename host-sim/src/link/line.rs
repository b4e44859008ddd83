//! A line without input or output: two directions and their names.

use serde::{Deserialize, Serialize};

use super::draw::Draws;
use super::impairment::{Impairment, ImpairmentError};
use super::one_way::{Fate, OneWay, StreamId};

/// A direction of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the near end to the far end.
    Forward,
    /// From the far end to the near end.
    Backward,
}

/// The directions a change concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directions {
    /// Forward and backward.
    #[default]
    Both,
    /// Only forward.
    Forward,
    /// Only backward.
    Backward,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        }
    }
}

impl From<Direction> for Directions {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Forward => Directions::Forward,
            Direction::Backward => Directions::Backward,
        }
    }
}

/// A line: decides about packets, moves none, has no clock. The caller says what time it is, in
/// nanoseconds since its start, so it runs over sockets and in virtual time alike.
///
/// ```
/// use host_sim::link::{Direction, Fate, Impairment, Line, StreamId};
///
/// let slow = Impairment::delay(20.0);
/// let mut line = Line::new(1, "A", &slow, &slow)?;
/// let fate = line.offer(5_000, Direction::Forward, StreamId(7), 100);
/// let at = 20_005_000;
/// assert_eq!(fate, Fate::Delivered { at, copy_at: None, reordered: false });
/// # Ok::<(), host_sim::link::ImpairmentError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Line {
    /// Near end to far end.
    pub forward: OneWay,
    /// Far end to near end.
    pub backward: OneWay,
}

impl Line {
    /// A line. Its draws follow from the seed and its name, so adding a line to a network changes
    /// no other.
    ///
    /// # Errors
    /// A number of an impairment out of its range.
    pub fn new(
        seed: u64,
        name: &str,
        forward: &Impairment,
        backward: &Impairment,
    ) -> Result<Self, ImpairmentError> {
        let draws = Draws::new(seed).named(name);
        Ok(Self {
            forward: OneWay::new(draws.named("forward"), forward)?,
            backward: OneWay::new(draws.named("backward"), backward)?,
        })
    }

    /// Decides about the next packet of a stream in a direction; see [`OneWay::offer`].
    pub fn offer(&mut self, now: u64, direction: Direction, stream: StreamId, size: usize) -> Fate {
        self.one_way_mut(direction).offer(now, stream, size)
    }

    /// The same of a packet with a DSCP; see [`OneWay::offer_marked`].
    pub fn offer_marked(
        &mut self,
        now: u64,
        direction: Direction,
        stream: StreamId,
        size: usize,
        dscp: u8,
    ) -> Fate {
        let way = self.one_way_mut(direction);
        way.offer_marked(now, stream, size, dscp)
    }

    /// Traffic that nobody follows packet by packet; see [`OneWay::pour`].
    pub fn pour(&mut self, now: u64, direction: Direction, bytes: f64) -> f64 {
        self.one_way_mut(direction).pour(now, bytes)
    }

    /// Replaces the impairment of one or both directions; see [`OneWay::set`].
    ///
    /// # Errors
    /// A number out of range; nothing is changed.
    pub fn set(
        &mut self,
        now: u64,
        directions: Directions,
        impairment: &Impairment,
    ) -> Result<(), ImpairmentError> {
        impairment.validate()?;
        if directions != Directions::Backward {
            self.forward.set(now, impairment)?;
        }
        if directions != Directions::Forward {
            self.backward.set(now, impairment)?;
        }
        Ok(())
    }

    /// One direction.
    #[must_use]
    pub fn one_way(&self, direction: Direction) -> &OneWay {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Backward => &self.backward,
        }
    }

    fn one_way_mut(&mut self, direction: Direction) -> &mut OneWay {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }

    /// Whether either direction is blacked out.
    #[must_use]
    pub fn is_blacked_out(&self) -> bool {
        self.forward.impairment().blackout || self.backward.impairment().blackout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(seed: u64, name: &str, direction: Direction) -> Vec<bool> {
        let lossy = Impairment {
            loss_percent: 50.0,
            ..Impairment::default()
        };
        let mut line = Line::new(seed, name, &lossy, &lossy).unwrap();
        (0..200)
            .map(|now| line.offer(now, direction, StreamId(1), 100))
            .map(|fate| matches!(fate, Fate::Dropped(_)))
            .collect()
    }

    #[test]
    fn lines_and_directions_have_fates_of_their_own() {
        let one = lost(1, "A", Direction::Forward);
        assert_eq!(one, lost(1, "A", Direction::Forward));
        assert_ne!(one, lost(1, "A", Direction::Backward));
        assert_ne!(one, lost(1, "B", Direction::Forward));
        assert_ne!(one, lost(2, "A", Direction::Forward));
    }

    #[test]
    fn a_change_concerns_only_its_directions() {
        let clean = Impairment::default();
        let mut line = Line::new(1, "A", &clean, &clean).unwrap();
        line.set(0, Directions::Forward, &Impairment::blackout())
            .unwrap();
        assert!(line.forward.impairment().blackout);
        assert!(!line.backward.impairment().blackout);
        line.set(0, Directions::Both, &Impairment::delay(3.0))
            .unwrap();
        assert_eq!(line.forward.impairment(), line.backward.impairment());
        assert!(!line.is_blacked_out());
    }
}
