//! A line as all probe classes in use see it, and what they say together.

use twamp_core::time::Mono;

use super::sight::Sight;
use crate::line::Life;

/// What each probe class in use says of a line, in their order; there is at least one. Most lines
/// have no other, and so it is at hand.
pub(super) struct Sights {
    first: Sight,
    more: Vec<Sight>,
}

impl Sights {
    /// Of these classes.
    pub(super) fn new(
        mut each: impl Iterator<Item = Sight>,
        first: impl FnOnce() -> Sight,
    ) -> Self {
        Self {
            first: each.next().unwrap_or_else(first),
            more: each.collect(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sight> + Clone {
        std::iter::once(&self.first).chain(&self.more)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sight> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }

    /// That of a probe class, if it is in use.
    pub(super) fn of(&mut self, class: u64) -> Option<&mut Sight> {
        self.iter_mut().find(|sight| sight.class == class)
    }

    /// That of the probe class at this place.
    pub(super) fn at(&self, place: usize) -> &Sight {
        let other = place.checked_sub(1).and_then(|place| self.more.get(place));
        other.unwrap_or(&self.first)
    }

    /// Other probe classes are in use: what was learned by those that stay is kept. Answers the
    /// others.
    pub(super) fn replace(&mut self, by: Self) -> impl Iterator<Item = Sight> + use<> {
        let Self { first, more } = std::mem::replace(self, by);
        let mut known: Vec<_> = std::iter::once(first).chain(more).collect();
        for sight in self.iter_mut() {
            if let Some(place) = known.iter().position(|known| known.class == sight.class) {
                *sight = known.swap_remove(place);
            }
        }
        known.into_iter()
    }

    /// Brings the estimates up to date. Whether the line lives, they say together.
    pub(super) fn look(&mut self, now: Mono) {
        let mut looks = false;
        for sight in self.iter_mut() {
            looks |= sight.look(now);
        }
        if looks && !self.more.is_empty() {
            let line = self.life();
            for sight in self.iter_mut() {
                let life = sight.life().on(&line);
                sight.estimate.set_life(&life);
            }
        }
    }

    /// Whether the line lives.
    pub(super) fn life(&self) -> Life {
        match self.more.is_empty() {
            true => self.first.life(),
            false => Life::of_line(&self.iter().map(Sight::life)),
        }
    }
}
