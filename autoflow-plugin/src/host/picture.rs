//! The published picture: what `acquire` hands out, owned.

use plugin_abi::{TwampLineState, TwampScore, TwampSnapshot, engine_state};

/// One published picture. Immutable, so readers share it without a lock; swapped as a whole.
pub(crate) struct Picture {
    /// What the host sees; points into the rows.
    view: TwampSnapshot,
    // Vec, not Box: a Box that moves promises that no pointer into it is left.
    lines: Vec<TwampLineState>,
    scores: Vec<TwampScore>,
}

// SAFETY: `view` points only into `lines` and `scores`, which live and move with it, are on the
// heap, and are never changed after `new`.
unsafe impl Send for Picture {}
// SAFETY: as above; all access is by shared reference.
unsafe impl Sync for Picture {}

/// When a picture was taken, and how long it may be used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// Grows with each picture.
    pub(crate) epoch: u64,
    /// One of [`engine_state`].
    pub(crate) engine_state: u32,
    /// `CLOCK_BOOTTIME`.
    pub(crate) taken_ns: u64,
    /// Unix epoch.
    pub(crate) taken_wall_ns: i64,
    /// `CLOCK_BOOTTIME`.
    pub(crate) valid_until_ns: u64,
}

impl Picture {
    /// A picture of these rows; the scores are ordered as the lines are.
    pub(crate) fn new(taken: Taken, lines: Vec<TwampLineState>, scores: Vec<TwampScore>) -> Self {
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let view = TwampSnapshot {
            struct_size: size_of::<TwampSnapshot>() as u32,
            engine_state: taken.engine_state,
            epoch: taken.epoch,
            taken_ns: taken.taken_ns,
            taken_wall_ns: taken.taken_wall_ns,
            valid_until_ns: taken.valid_until_ns,
            lines: lines.as_ptr(),
            scores: scores.as_ptr(),
            line_count: count(lines.len()),
            line_size: size_of::<TwampLineState>() as u32,
            score_count: count(scores.len()),
            score_size: size_of::<TwampScore>() as u32,
        };
        Self {
            view,
            lines,
            scores,
        }
    }

    /// Nothing is known: the picture of an engine that was never started.
    pub(crate) fn empty() -> Self {
        let taken = Taken {
            engine_state: engine_state::CREATED,
            ..Taken::default()
        };
        Self::new(taken, Vec::new(), Vec::new())
    }

    /// The lines.
    pub(crate) fn lines(&self) -> &[TwampLineState] {
        &self.lines
    }

    /// The scores, ordered as the lines are.
    pub(crate) fn scores(&self) -> &[TwampScore] {
        &self.scores
    }

    /// What the host sees.
    pub(crate) fn view(&self) -> &TwampSnapshot {
        &self.view
    }
}

impl std::ops::Deref for Picture {
    type Target = TwampSnapshot;

    fn deref(&self) -> &TwampSnapshot {
        &self.view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_shows_the_rows_wherever_the_picture_moves() {
        let line = |line| TwampLineState {
            line,
            ..TwampLineState::default()
        };
        let taken = Taken {
            epoch: 9,
            ..Taken::default()
        };
        let score = TwampScore {
            class: 4,
            ..TwampScore::default()
        };
        let moved = std::sync::Arc::new(Picture::new(taken, vec![line(1), line(2)], vec![score]));
        let view = moved.view();
        assert_eq!((view.epoch, view.line_count, view.score_count), (9, 2, 1));
        assert!(std::ptr::eq(view.lines, moved.lines().as_ptr()));
        // SAFETY: two rows, as the view says.
        let lines = unsafe { std::slice::from_raw_parts(view.lines, 2) };
        assert_eq!((lines[0].line, lines[1].line), (1, 2));
        // SAFETY: one row.
        assert_eq!(unsafe { (*view.scores).class }, 4);
    }
}
