//! A class of a group: the lines that it may be on, and the one that it is on.
//!
//! Rivals know no groups: what each decides for the lines of one group is nothing to another.

use plugin_abi::config::Sla;

use crate::sim::policy::Setting;

/// All classes of all groups. A rival may note something of its own about each line of each.
pub(super) struct Seats<N = ()> {
    classes: usize,
    seats: Vec<Seat<N>>,
}

/// One class of one group. A place is an index of the order.
pub(super) struct Seat<N = ()> {
    /// Its lines, the most preferred first.
    pub(super) order: Vec<usize>,
    /// What it needs.
    pub(super) sla: Sla,
    /// The place that it is at.
    pub(super) on: usize,
    /// What the rival notes, by place.
    pub(super) notes: Vec<N>,
    /// Since when each place is good.
    good_since: Vec<Option<u64>>,
}

impl<N: Clone> Seats<N> {
    /// Each on its most preferred line: before anything is known, a router sends by its list.
    pub(super) fn new(setting: &Setting<'_>, note: &N) -> Self {
        let classes = setting.classes.len();
        let seat = |place: usize| {
            let (group, class) = (place / classes, place % classes);
            let order = setting.order(group, class);
            Seat {
                sla: setting.classes[class].sla,
                on: 0,
                notes: vec![note.clone(); order.len()],
                good_since: vec![Some(0); order.len()],
                order,
            }
        };
        let seats = setting.groups.len() * classes;
        Self {
            classes,
            seats: (0..seats).map(seat).collect(),
        }
    }
}

impl<N> Seats<N> {
    /// That of a class of a group.
    pub(super) fn at(&mut self, group: usize, class: usize) -> &mut Seat<N> {
        &mut self.seats[group * self.classes + class]
    }

    /// Those of the first group: one for each class.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Seat<N>> {
        self.seats.iter().take(self.classes)
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat<N>> {
        self.seats.iter_mut()
    }
}

impl<N> Seat<N> {
    /// The line that it is on.
    pub(super) fn line(&self) -> Option<usize> {
        self.order.get(self.on).copied()
    }

    /// The first place whose line is such a one.
    pub(super) fn first(&self, is: impl Fn(usize) -> bool) -> Option<usize> {
        self.order.iter().position(|&line| is(line))
    }

    /// The place whose line costs least, the first of equals; costs are asked for by place and
    /// line, `None`: it is out of the question.
    pub(super) fn cheapest(&self, cost: impl Fn(usize, usize) -> Option<f64>) -> Option<usize> {
        let places = self.order.iter().enumerate();
        let costs = places.filter_map(|(place, &line)| Some((place, cost(place, line)?)));
        costs
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(place, _)| place)
    }

    /// Leaves a line that isn't good for the first one that is; returns to an earlier one when
    /// that has been good for so many nanoseconds. False: none is good, and it stays.
    pub(super) fn settle(
        &mut self,
        now: u64,
        hold: u64,
        good: impl Fn(usize, &Sla, &N) -> bool,
    ) -> bool {
        let lines = self.order.iter().zip(&self.notes);
        for (since, (&line, note)) in self.good_since.iter_mut().zip(lines) {
            *since = good(line, &self.sla, note).then(|| since.unwrap_or(now));
        }
        let is_good = self.good_since.get(self.on).is_some_and(Option::is_some);
        let found = self.good_since.iter().position(|since| match is_good {
            true => since.is_some_and(|since| now - since >= hold),
            false => since.is_some(),
        });
        match (found, is_good) {
            (Some(place), false) => self.on = place,
            (Some(place), true) => self.on = self.on.min(place),
            (None, _) => {}
        }
        found.is_some() || is_good
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::setting;
    use super::*;

    #[test]
    fn a_line_is_left_at_once_and_used_again_after_the_hold() {
        let mut seats = setting(3, |setting| Seats::new(setting, &()));
        let seat = seats.at(0, 0);
        let mut settle = |now, good: [bool; 3]| {
            let any = seat.settle(now, 20, |line, _, ()| good[line]);
            (any, seat.on)
        };
        assert_eq!(settle(10, [true, true, true]), (true, 0));
        assert_eq!(settle(11, [false, false, true]), (true, 2));
        assert_eq!(settle(12, [true, true, true]), (true, 2));
        assert_eq!(settle(20, [false, true, true]), (true, 2));
        assert_eq!(settle(25, [true, true, true]), (true, 2));
        assert_eq!(settle(32, [true, true, true]), (true, 1));
        assert_eq!(settle(45, [true, true, true]), (true, 0));
        assert_eq!(settle(46, [false, false, false]), (false, 0));
    }
}
