//! The lines, each as every probe class in use sees it.
//!
//! ```text
//!              voice   bulk
//!   line A      ▪       ▪     one candidate each
//!   line B      ▪       ▪
//! ```

use super::Candidate;

/// All lines of an engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    /// Line by line.
    candidates: &'a [Candidate<'a>],
    /// How many of each line.
    each: usize,
}

impl<'a> Lines<'a> {
    /// Seen by so many probe classes, at least one.
    pub(super) fn new(candidates: &'a [Candidate<'a>], each: usize) -> Self {
        Self { candidates, each }
    }

    /// Each line once: for what is the same whoever sees it.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &'a Candidate<'a>> + Clone {
        self.candidates.iter().step_by(self.each)
    }

    /// Each line with all that see it.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a [Candidate<'a>]> {
        self.candidates.chunks(self.each)
    }

    /// One line with all that see it.
    pub(super) fn of(&self, line: u64) -> Option<&'a [Candidate<'a>]> {
        self.all().find(|seen| seen[0].line == line)
    }

    /// A line as the probe class at this place sees it.
    pub(super) fn seen(&self, line: usize, place: usize) -> &'a Candidate<'a> {
        &self.candidates[line * self.each + place]
    }
}
