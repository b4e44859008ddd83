//! Numbers as network engineers read them.

/// Milliseconds with microsecond resolution: `12.345`; `–` where unknown.
#[must_use]
pub fn milliseconds(us: Option<f64>) -> String {
    us.map_or_else(unknown, |us| format!("{:.3}", us / 1e3))
}

/// A percentage with two decimals; `–` where unknown.
#[must_use]
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(unknown, |value| format!("{value:.2}"))
}

/// `part` of `whole` in percent; `None` of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// `1 line`, `2 lines`, `2 classes`.
#[must_use]
pub fn plural(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ if one.ends_with('s') => format!("{count} {one}es"),
        _ => format!("{count} {one}s"),
    }
}

fn unknown() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microsecond_is_the_last_digit() {
        assert_eq!(milliseconds(Some(12_345.4)), "12.345");
        assert_eq!(milliseconds(Some(-1.0)), "-0.001");
        assert_eq!(milliseconds(None), "–");
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(percent(share(1, 8)), "12.50");
        assert_eq!(percent(share(0, 0)), "–");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(plural(1, "class"), "1 class");
        assert_eq!(plural(2, "class"), "2 classes");
        assert_eq!(plural(0, "line"), "0 lines");
    }
}
