//! Is a line alive? So many losses in a row say no, so many answers in a row say yes again.

/// The state of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liveness {
    fails_after: u32,
    recovers_after: u32,
    alive: bool,
    /// What speaks against the state, in a row.
    against: u32,
}

impl Liveness {
    /// Alive, until so many probes in a row are lost; dead, until so many are answered.
    pub(super) fn new(fails_after: u32, recovers_after: u32) -> Self {
        Self {
            fails_after,
            recovers_after,
            alive: true,
            against: 0,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    pub(super) fn answered(&mut self) {
        self.seen(true);
    }

    pub(super) fn lost(&mut self) {
        self.seen(false);
    }

    fn seen(&mut self, answered: bool) {
        let needed = match self.alive {
            true => self.fails_after,
            false => self.recovers_after,
        };
        self.against = match answered == self.alive {
            true => 0,
            false => self.against + 1,
        };
        if self.against >= needed {
            (self.alive, self.against) = (answered, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_in_a_row_counts() {
        let mut line = Liveness::new(3, 2);
        for answered in [false, false, true, false, false] {
            line.seen(answered);
            assert!(line.is_alive());
        }
        line.lost();
        assert!(!line.is_alive());
        for answered in [true, false, true] {
            line.seen(answered);
            assert!(!line.is_alive());
        }
        line.answered();
        assert!(line.is_alive());
    }
}
