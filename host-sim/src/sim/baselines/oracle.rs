//! The oracle: knows what is true at once, and probes nothing.
//!
//! The most preferred of the lines that are right. Nobody can do better; it shows what is left
//! over for the best of policies.

use super::Rival;
use super::seat::Seats;
use crate::sim::policy::{Policy, Probing, Reply, Revealed};

/// Knows the truth.
pub(super) const ORACLE: Rival = Rival {
    name: "oracle",
    says: "knows what is true of the lines at once: the most preferred line that is right",
    knob: None,
    in_line: false,
    make: |setting, _| {
        Box::new(Oracle {
            seats: Seats::new(setting, &()),
        })
    },
};

struct Oracle {
    seats: Seats,
}

impl Policy for Oracle {
    fn advance(&mut self, until: u64, _: &mut dyn Probing) -> u64 {
        until
    }

    fn heard(&mut self, _: u64, _: &Reply) {}

    fn for_oracles_only(&mut self, _: u64, truth: &Revealed<'_>) {
        for (place, seat) in self.seats.iter_mut().enumerate() {
            let right = truth.right(place);
            seat.on = seat.first(|line| right.contains(&line)).unwrap_or(seat.on);
        }
    }

    fn choose(&mut self, _: u64, group: usize, class: usize) -> Option<usize> {
        self.seats.at(group, class).line()
    }
}
