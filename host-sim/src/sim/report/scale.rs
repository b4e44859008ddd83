//! Times on an axis.

/// A length of time, in its largest unit that is whole or nearly.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        short if short < 120.0 => format!("{} s", tidy(short)),
        minutes if minutes < 7_200.0 => format!("{} min", tidy(minutes / 60.0)),
        hours if hours < 172_800.0 => format!("{} h", tidy(hours / 3_600.0)),
        days if days < 365.0 * 86_400.0 => format!("{} days", tidy(days / 86_400.0)),
        years => format!("{} years", tidy(years / (365.0 * 86_400.0))),
    }
}

/// At most one digit behind the point.
fn tidy(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// Where to put marks from a time to another: about ten.
pub(super) fn marks(from: f64, to: f64) -> Vec<f64> {
    const STEPS: &[f64] = &[
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
        3_600.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
    ];
    let length = to - from;
    let fits = |step: &&f64| length / **step <= 12.0;
    let step = STEPS.iter().find(fits).copied().unwrap_or(length / 10.0);
    let first = (from / step).ceil() as u64;
    let last = (to / step).floor() as u64;
    (first..=last).map(|n| n as f64 * step).collect()
}

/// A moment of a run, as an axis has it.
pub(super) fn moment(at: f64, length: f64) -> String {
    match length {
        long if long >= 172_800.0 => format!("{} d", tidy(at / 86_400.0)),
        long if long >= 7_200.0 => format!("{} h", tidy(at / 3_600.0)),
        _ => format!("{} s", tidy(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_round() {
        let tens: Vec<_> = (59..=67).map(|n| f64::from(n) * 10.0).collect();
        assert_eq!(marks(585.0, 675.0), tens);
        assert_eq!(marks(0.0, 1_500.0).len(), 6);
        assert_eq!(marks(0.0, 604_800.0).len(), 8);
    }

    #[test]
    fn spans_are_told_in_their_own_unit() {
        let told = [90.0, 1_500.0, 3_600.0, 21_600.0, 604_800.0].map(span);
        assert_eq!(told, ["90 s", "25 min", "60 min", "6 h", "7 days"]);
    }
}
