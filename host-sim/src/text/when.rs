//! Moments as people speak of them: how long ago, in how long.

/// `in 42 s`, `3 min ago`, for two moments in seconds since the Unix epoch.
#[must_use]
pub fn relative(at: f64, now: f64) -> String {
    let away = at - now;
    match span(away.abs()) {
        None => "now".to_owned(),
        Some(span) if away > 0.0 => format!("in {span}"),
        Some(span) => format!("{span} ago"),
    }
}

/// A whole number of the largest unit of which there are two, or of seconds; `None`: less than half
/// a second.
fn span(seconds: f64) -> Option<String> {
    let whole = seconds.round() as u64;
    match whole {
        0 => None,
        1..120 => Some(format!("{whole} s")),
        120..7_200 => Some(format!("{} min", whole / 60)),
        7_200..172_800 => Some(format!("{} h", whole / 3_600)),
        _ => Some(format!("{} days", whole / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_largest_unit_that_fits_twice() {
        for (away, text) in [
            (0.0, "now"),
            (0.4, "now"),
            (42.0, "in 42 s"),
            (-1.0, "1 s ago"),
            (-119.0, "119 s ago"),
            (-185.0, "3 min ago"),
            (7_200.0, "in 2 h"),
            (-172_799.0, "47 h ago"),
            (1e6, "in 11 days"),
        ] {
            assert_eq!(relative(1e9 + away, 1e9), text);
        }
    }
}
