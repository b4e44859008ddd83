//! Which times of a run are worth a picture: all of it, and the nearness of what happens.

use crate::sim::course::Course;

/// So much is shown before something happens, in seconds…
const BEFORE: f64 = 15.0;
/// … and after it.
const AFTER: f64 = 75.0;
/// A run not much longer is shown once.
const SHORT: f64 = 180.0;
/// Close-ups of one run.
const MOST: usize = 3;

/// From a second of the run to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Is it all of the run?
    pub(super) is_whole: bool,
}

/// The whole, then close-ups in order of time.
pub(super) fn of(course: &Course) -> Vec<Window> {
    let mut windows = vec![Window {
        from: 0.0,
        to: course.seconds,
        is_whole: true,
    }];
    if course.seconds <= SHORT {
        return windows;
    }
    for at in moments(course) {
        let is_shown = windows[1..].iter().any(|window| at < window.to);
        if is_shown || windows.len() > MOST {
            continue;
        }
        windows.push(Window {
            from: (at - BEFORE).max(0.0),
            to: (at + AFTER).min(course.seconds),
            is_whole: false,
        });
    }
    windows
}

/// When another line is right; if that never changes, when a line does something else.
fn moments(course: &Course) -> Vec<f64> {
    let rights = course.classes.iter().flat_map(|class| &class.right);
    let mut moments: Vec<_> = rights.map(|change| change.at_s).collect();
    moments.retain(|at| *at > 0.0);
    if moments.is_empty() {
        let changes = course.lines.iter().flat_map(|line| &line.changes);
        moments.extend(changes.map(|change| change.at_s).filter(|at| *at > 0.0));
    }
    moments.sort_by(f64::total_cmp);
    moments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::run::Stage;
    use crate::sim::scenario::embedded;

    #[test]
    fn a_long_run_is_shown_whole_and_near_its_events() {
        let of = |name: &str| {
            let scenario = embedded(name).unwrap();
            let windows = of(&Course::of(&Stage::new(&scenario), 1));
            let bounds = windows.iter().map(|window| (window.from, window.to));
            bounds.collect::<Vec<_>>()
        };
        assert_eq!(
            of("s01-hard-fail"),
            [(0.0, 1_500.0), (585.0, 675.0), (885.0, 975.0)]
        );
        assert_eq!(of("s17-start-up"), [(0.0, 120.0)]);
        assert_eq!(of("s09-oscillator").len(), 4);
        assert_eq!(of("s18-healthy-week"), [(0.0, 604_800.0)]);
    }
}
