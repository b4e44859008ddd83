//! A scenario from a file, or every mistake in it with its place.
//!
//! ```text
//!   text ─► TOML ─► Scenario ─► numbers, names and times ─► truth against the impairments
//! ```

use super::{Scenario, hold, judge};
use crate::document::{Mistake, Source};

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The file back, with its mistakes: those of syntax; or the first value that is of another
    /// shape; or all values that can't be meant; or all that is said to be true and isn't.
    pub fn read(source: Source) -> Result<Self, (Source, Vec<Mistake>)> {
        let document = source.parse()?;
        let mut scenario: Self = match document.read() {
            Ok(scenario) => scenario,
            Err(mistake) => return Err((document.into_source(), vec![mistake])),
        };
        let mut problems = judge::problems(&scenario);
        // What is true follows from sound impairments only.
        if problems.is_empty() {
            scenario.play_traces();
            problems = hold::contradictions(&scenario);
        }
        if problems.is_empty() {
            return Ok(scenario);
        }
        let mistakes = document.mistakes(&problems);
        Err((document.into_source(), mistakes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Paint;

    const GOOD: &str = include_str!("../scenarios/s01-hard-fail.toml");

    /// The mistakes of the good one with `from` replaced, as people see them.
    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let source = Source::new("a.toml", &GOOD.replacen(from, to, 1));
        let (source, mistakes) = Scenario::read(source).expect_err(to);
        source.show(&mistakes, Paint::PLAIN)
    }

    #[test]
    fn what_can_not_be_meant_is_refused_at_its_place() {
        for (from, to, place, sentence) in [
            ("seconds = 1500", "seconds =", "a.toml:3:", "expected"),
            ("seconds = 1500", "", "a.toml:", "missing field `seconds`"),
            (
                "seconds = 1500",
                "seconds = \"x\"",
                "a.toml:3:11",
                "string \"x\"",
            ),
            (
                "seconds = 1500",
                "seconds = nan",
                "a.toml:3:11",
                "seconds from 1 to",
            ),
            (
                "seconds = 1500",
                "second = 1500",
                "a.toml:3:1",
                "unknown field `second`",
            ),
            (
                "seconds = 1500",
                "seconds = 1500\nmost_seeds = 0",
                "a.toml:4:14",
                "at least 1",
            ),
            (
                "seconds = 1500",
                "seconds = 1500\ngroups = 0",
                "a.toml:4:10",
                "groups",
            ),
            (
                "name = \"B\"",
                "name = \"A\"",
                "a.toml:13:8",
                "a name of its own",
            ),
            (
                "loss_percent = 1 }",
                "loss_percent = 101 }",
                "a.toml:",
                "percent from 0 to 100",
            ),
            (
                "base.loss_percent = 0.05",
                "base.loss_percent = -1",
                "a.toml:10:21",
                "from 0 to 100",
            ),
            ("line = \"A\"", "line = \"Z\"", "a.toml:", "A, B, C"),
            ("at_s = 600", "at_s = 1501", "a.toml:", "from 0 to 1500"),
            (
                "at_s = 600",
                "at_s = 600\nevery_s = 0",
                "a.toml:",
                "at least 0.1",
            ),
            (
                "at_s = 600",
                "at_s = 600\ngroup = 1",
                "a.toml:",
                "there is 1",
            ),
            (
                "blackout = true",
                "black_out = true",
                "a.toml:",
                "unknown field `black_out`",
            ),
            (
                "right = [\"B\", \"C\"]",
                "right = []",
                "a.toml:",
                "the lines that are right",
            ),
            ("to_s = 600", "to_s = 1501", "a.toml:", "after `from_s`"),
        ] {
            let shown = refused(from, to);
            assert!(
                shown.contains(place) && shown.contains(sentence),
                "{to}:\n{shown}"
            );
        }
    }

    #[test]
    fn a_trace_is_rows_of_a_line_in_the_run() {
        let with = |trace: &str| {
            let traces = format!("seconds = 1500\ntraces = [{trace}]");
            refused("seconds = 1500", &traces)
        };
        let shown = with("{ line = \"Z\", every_s = 10, rows = [] }");
        assert!(
            shown.contains("A, B, C") && shown.contains("a.toml:4:"),
            "{shown}"
        );
        assert!(with("{ line = \"A\", every_s = 0, rows = [] }").contains("from 1 to"));
        let shown = with("{ line = \"A\", every_s = 10, rows = [[9, 1, 0], [9, 1, 101]] }");
        assert!(shown.contains("traces[0].rows[1]"), "{shown}");
        let shown =
            with("{ line = \"A\", every_s = 1000, rows = [[9, 1, 0], [9, 1, 0], [9, 1, 0]] }");
        assert!(shown.contains("within 1500 s"), "{shown}");
        // What it does is held against what is said to be right.
        let shown = with("{ line = \"B\", every_s = 10, rows = [[9, 1, 0], [9, 1, 5]] }");
        assert!(
            shown.contains("truth[0].right") && shown.contains("A, C for voice at 10 s"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_said_to_be_true_and_is_not_is_refused() {
        let shown = refused("right = [\"B\", \"C\"]", "right = [\"A\", \"B\"]");
        assert!(shown.contains("truth[1].right"), "{shown}");
        assert!(shown.contains("B, C for voice at 600 s"), "{shown}");
        let shown = refused("to_s = 600", "to_s = 700");
        assert!(shown.contains("truth[0].right"), "{shown}");
    }

    #[test]
    fn an_end_event_is_one_thing_in_the_run() {
        let with = |ends: &str| {
            refused(
                "seconds = 1500",
                &format!("seconds = 1500\nends = [{ends}]"),
            )
        };
        assert!(with("{ at_s = 1 }").contains("one of"));
        assert!(with("{ at_s = 1, pause_s = 1, clock_step_ms = 1 }").contains("one of"));
        assert!(with("{ at_s = 1499, pause_s = 2 }").contains("before the run ends"));
        assert!(with("{ at_s = 1, restart = \"hup\" }").contains("hub"));
        assert!(with("{ at_s = 1, clock_step_ms = inf }").contains("milliseconds"));
    }

    #[test]
    fn mistakes_come_all_at_once() {
        let text = GOOD
            .replace("line = \"A\"", "line = \"Z\"")
            .replace("cost = 1", "cost = 1\nclock_fast_ppm = inf");
        let (_, mistakes) = Scenario::read(Source::new("a.toml", &text)).unwrap_err();
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    }

    proptest! {
        #[test]
        fn a_file_cut_short_is_read_or_refused(length in 0..GOOD.len()) {
            let _ = Scenario::read(Source::new("a.toml", &GOOD[..GOOD.floor_char_boundary(length)]));
        }

        #[test]
        fn a_file_with_any_octets_in_it_is_read_or_refused(at in 0..GOOD.len(), what in ".{0,8}") {
            let at = GOOD.floor_char_boundary(at);
            let text = format!("{}{what}{}", &GOOD[..at], &GOOD[at..]);
            if let Err((source, mistakes)) = Scenario::read(Source::new("a.toml", &text)) {
                prop_assert!(!mistakes.is_empty());
                let _ = source.show(&mistakes, Paint::PLAIN);
            }
        }
    }
}
