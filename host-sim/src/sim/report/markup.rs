//! Text in markup.

/// As it has to be written between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Nothing that a page may not hold.
            control if control.is_control() && !"\n\t".contains(control) => {
                escaped.push('\u{fffd}')
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Three digits that count; 0 is nothing at all.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        tiny if tiny < 0.01 => format!("{value:.4}"),
        small if small < 1.0 => format!("{value:.2}"),
        small if small < 100.0 => format!("{value:.1}"),
        _ => thousands(&format!("{value:.0}")),
    }
}

/// A thin space between each three digits.
fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(
            escape("a<b>&\"c\"\u{1}"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}"
        );
    }

    #[test]
    fn figures_keep_the_digits_that_count() {
        let shown = [0.0, 0.00123, 0.123, 12.34, 1_234.5, f64::INFINITY].map(figure);
        assert_eq!(shown, ["0", "0.0012", "0.12", "12.3", "1\u{2009}234", "∞"]);
    }
}
