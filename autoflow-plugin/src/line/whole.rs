//! Whether a line lives, where several probe classes measure it.
//!
//! ```text
//!   voice: alive ──┐                          ┌─► voice: alive
//!                  ├─► the line: alive ───────┤
//!   bulk:  dead ───┘   (one comes back)       └─► bulk: silent, which is bad and not dead
//! ```
//!
//! A line is dead when the probes of all its classes are silent. While those of one come back the
//! line is there, and whatever takes the others takes what is marked as they are.

use twamp_core::time::Mono;

use super::liveness::{State, Trouble};

/// Whether a line lives, as far as one probe class says, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Whether it lives.
    pub(crate) state: State,
    /// When that state began.
    pub(crate) since: Mono,
    /// What keeps it from being measured.
    pub(crate) trouble: Option<Trouble>,
    /// When the last reply came in.
    pub(crate) last_reply: Option<Mono>,
    /// Since when replies are due that don't come.
    pub(crate) silent_since: Option<Mono>,
    /// For longer than a reply may take.
    pub(super) overdue: bool,
}

impl Life {
    /// That of a line, by what each of its probe classes says.
    pub(crate) fn of_line(all: &(impl Iterator<Item = Self> + Clone)) -> Self {
        let are = |state: State| all.clone().any(|life| life.state == state);
        let explained = all.clone().any(|life| life.is_explained());
        let state = if are(State::Alive) {
            State::Alive
        } else if are(State::Dead) && !explained {
            State::Dead
        } else if are(State::Dead) || are(State::Unmeasured) {
            State::Unmeasured
        } else {
            State::Unknown
        };
        let since = all.clone().filter(|life| life.state == state);
        let since = since.map(|life| life.since);
        let since = match state {
            State::Alive => since.min(),
            // It takes the last one.
            _ => since.max(),
        };
        let silent_since = all.clone().filter(|_| state != State::Alive);
        Self {
            state,
            since: since.unwrap_or_default(),
            trouble: all.clone().find_map(|life| life.trouble),
            last_reply: all.clone().filter_map(|life| life.last_reply).max(),
            silent_since: silent_since.filter_map(|life| life.silent_since).max(),
            overdue: state == State::Dead,
        }
    }

    /// What one probe class says, on a line of which all together say `line`.
    pub(crate) fn on(self, line: &Self) -> Self {
        let last_reply = line.last_reply;
        // One that never came back at all is no other.
        let is_silent = match self.state {
            State::Dead => true,
            State::Unmeasured => self.trouble.is_none() && self.overdue,
            _ => false,
        };
        match line.state {
            State::Dead => *line,
            State::Alive if is_silent => Self {
                state: State::Silent,
                last_reply,
                ..self
            },
            state if self.state == State::Dead => Self { state, ..*line },
            _ => Self { last_reply, ..self },
        }
    }

    /// Something else than the line is known to be the reason of a silence.
    fn is_explained(&self) -> bool {
        self.state == State::Unmeasured && self.trouble.is_some_and(Trouble::explains_silence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(state: State, since: u64) -> Life {
        let is_silent = matches!(state, State::Dead | State::Silent);
        Life {
            state,
            since: Mono(since),
            trouble: None,
            last_reply: Some(Mono(since)),
            silent_since: is_silent.then_some(Mono(since)),
            overdue: is_silent,
        }
    }

    fn line(all: &[Life]) -> Life {
        Life::of_line(&all.iter().copied())
    }

    #[test]
    fn a_line_of_one_probe_class_is_as_that_says() {
        for state in [State::Unknown, State::Alive, State::Dead, State::Unmeasured] {
            let one = life(state, 7);
            assert_eq!(line(&[one]), one);
            assert_eq!(one.on(&one), one, "{state:?}");
        }
    }

    #[test]
    fn one_that_comes_back_is_enough_and_the_others_are_silent() {
        let (alive, dead) = (life(State::Alive, 5), life(State::Dead, 9));
        let whole = line(&[dead, alive]);
        assert_eq!((whole.state, whole.since), (State::Alive, Mono(5)));
        assert_eq!(alive.on(&whole).state, State::Alive);
        let silent = dead.on(&whole);
        assert_eq!((silent.state, silent.since), (State::Silent, Mono(9)));
        assert_eq!(silent.silent_since, Some(Mono(9)));
    }

    #[test]
    fn a_line_is_dead_with_the_last_one_and_all_say_so() {
        let both = [life(State::Dead, 9), life(State::Dead, 11)];
        let whole = line(&both);
        assert_eq!((whole.state, whole.since), (State::Dead, Mono(11)));
        assert_eq!(both.map(|one| one.on(&whole)), [whole; 2]);
    }

    #[test]
    fn a_dead_line_can_not_agree_on_a_session_for_another_class() {
        let waits = Life {
            trouble: Some(Trouble::NoSession),
            ..life(State::Unmeasured, 1)
        };
        assert_eq!(line(&[life(State::Dead, 9), waits]).state, State::Dead);
        let refused = Life {
            trouble: Some(Trouble::Refused),
            ..waits
        };
        let whole = line(&[life(State::Dead, 9), refused]);
        assert_eq!(whole.state, State::Unmeasured, "somebody has answered");
        assert_eq!(life(State::Dead, 9).on(&whole).state, State::Unmeasured);
    }

    #[test]
    fn one_that_never_came_back_is_silent_too_but_not_one_that_waits_for_a_session() {
        let whole = line(&[life(State::Alive, 5)]);
        let never = Life {
            last_reply: None,
            silent_since: Some(Mono(1)),
            overdue: true,
            ..life(State::Unmeasured, 2)
        };
        assert_eq!(never.on(&whole).state, State::Silent);
        let waits = Life {
            trouble: Some(Trouble::NoSession),
            ..never
        };
        assert_eq!(waits.on(&whole).state, State::Unmeasured);
    }
}
