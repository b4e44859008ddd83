//! From the plugin's answer to a line.

use plugin_abi::host::Choice;

/// A flow was sent on another line than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Its class.
    pub class: u64,
    /// The line of the packet before.
    pub from: Option<u64>,
    /// The line of this packet.
    pub to: u64,
    /// When it was sent, `CLOCK_BOOTTIME`.
    pub at_ns: u64,
}

/// The place in `lines` of the line to send on: the chosen one, else the current one, else the
/// first.
pub(super) fn route(choice: Choice, current: Option<usize>, lines: &[u64]) -> usize {
    let chosen = match choice {
        Choice::Line(line) | Choice::BestOfBad(line) => lines.iter().position(|&id| id == line),
        Choice::Keep | Choice::NoOpinion => None,
    };
    chosen.or(current).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_leads_to_a_line() {
        let lines = [11, 12, 13];
        assert_eq!(route(Choice::Line(12), Some(0), &lines), 1);
        assert_eq!(route(Choice::BestOfBad(13), Some(0), &lines), 2);
        assert_eq!(route(Choice::Keep, Some(2), &lines), 2);
        assert_eq!(route(Choice::NoOpinion, Some(2), &lines), 2);
        assert_eq!(route(Choice::NoOpinion, None, &lines), 0, "own default");
        assert_eq!(route(Choice::Keep, None, &lines), 0);
    }

    #[test]
    fn a_line_that_the_host_doesnt_have_moves_nothing() {
        assert_eq!(route(Choice::Line(99), Some(1), &[11, 12]), 1);
    }
}
