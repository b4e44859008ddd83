//! No path control at all: the most preferred line, whatever happens.

use super::Rival;
use super::seat::Seats;
use crate::sim::policy::{Policy, Probing, Reply};

/// Never moves.
pub(super) const STATIC: Rival = Rival {
    name: "static",
    says: "the most preferred line, whatever happens",
    knob: None,
    in_line: false,
    make: |setting, _| Box::new(Fixed(Seats::new(setting, &()))),
};

struct Fixed(Seats);

impl Policy for Fixed {
    fn advance(&mut self, until: u64, _: &mut dyn Probing) -> u64 {
        until
    }

    fn heard(&mut self, _: u64, _: &Reply) {}

    fn choose(&mut self, _: u64, group: usize, class: usize) -> Option<usize> {
        self.0.at(group, class).line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, dead};
    use super::*;

    #[test]
    fn it_probes_nothing_and_never_moves() {
        let mut bench = Bench::new(&STATIC);
        assert_eq!(bench.run(100.0, &mut dead(10.0, f64::MAX)), []);
        assert_eq!(bench.probes, 0);
    }
}
