//! The senders of one probe thread, each in a place of its own: packets and times name the place.

use std::collections::HashMap;

use super::Key;
use super::sending::Sending;

/// Senders by place. A place is used again when its sender is gone.
#[derive(Default)]
pub(super) struct Roster {
    /// Boxed, as a table has room to spare.
    places: Vec<Option<Box<Sending>>>,
    free: Vec<u32>,
    by_key: HashMap<Key, u32>,
}

impl Roster {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Every place that was ever taken.
    pub(super) fn places(&self) -> std::ops::Range<u32> {
        0..self.places.len() as u32
    }

    pub(super) fn insert(&mut self, sending: Sending) -> u32 {
        let place = self.free.pop().unwrap_or(self.places.len() as u32);
        self.by_key.insert(sending.key(), place);
        let sending = Box::new(sending);
        match self.places.get_mut(place as usize) {
            Some(free) => *free = Some(sending),
            None => self.places.push(Some(sending)),
        }
        place
    }

    pub(super) fn remove(&mut self, place: u32) -> Option<Box<Sending>> {
        let gone = self.places.get_mut(place as usize)?.take()?;
        self.by_key.remove(&gone.key());
        self.free.push(place);
        Some(gone)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Sending> {
        self.places.get_mut(place as usize)?.as_deref_mut()
    }

    /// The place of a session.
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        self.by_key.get(&key).copied()
    }
}
