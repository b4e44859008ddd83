//! abi_stable's report, which runs to thousands of lines, in a few words.

/// What differs first: the type, the kind of difference, what was expected and what was found.
pub(super) fn summary(report: &str) -> String {
    first_difference(report).unwrap_or_else(|| in_one_line(report))
}

/// Each difference is told so, after the layouts of the two types:
///
/// ```text
/// Error:unexpected field
/// Expected:
///     field_name:probes
///     type:u32
/// Found:
///     …
/// ```
fn first_difference(report: &str) -> Option<String> {
    let (before, after) = report.split_once("\nError:")?;
    let (kind, after) = after.split_once('\n')?;
    let (expected, found) = after.split_once("Expected:\n")?.1.split_once("Found:\n")?;
    let (_, layout) = before.rsplit_once("Layout of expected type:")?;
    let named = layout.split_once("type:")?.1.lines().next()?;
    let (expected, found) = (words(expected), words(found));
    Some(format!(
        "{}: {}, expected {expected}, found {found}",
        named.trim(),
        kind.trim()
    ))
}

/// A field with its type, or a number, or a version.
fn words(block: &str) -> String {
    let mut lines = block.lines().take_while(|line| line.starts_with(' '));
    let first = lines.next().unwrap_or("?").trim();
    let kind = lines
        .next()
        .and_then(|line| line.trim().strip_prefix("type:"));
    match (first.strip_prefix("field_name:"), kind) {
        (Some(name), Some(kind)) => format!("{name}: {kind}"),
        _ => first.to_owned(),
    }
}

fn in_one_line(report: &str) -> String {
    const LONGEST: usize = 200;
    let words: Vec<_> = report.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "
Compared <this>:
    type:PrefixRef
0 error(s)inside:
Layout of expected type:
    --- Type Layout ---
    type:TwampScore
    data:
            field_name:line
            type:u64
Layout of found type:
    type:TwampScore

Error:unexpected field
Expected:
    field_name:probes
    type:u32
    size:4 align:4
Found:
    field_name:samples
    type:u32
    size:4 align:4

Error:another
";

    #[test]
    fn the_first_difference_is_told_in_one_line() {
        let told = "TwampScore: unexpected field, expected probes: u32, found samples: u32";
        assert_eq!(summary(REPORT), told);
        let report = "Layout of expected type:\n    type:T\n\nError:incompatible type size\n\
                      Expected:\n    40\nFound:\n    48\n0 error(s)\n    field_name:0\n";
        assert_eq!(
            summary(report),
            "T: incompatible type size, expected 40, found 48"
        );
    }

    #[test]
    fn a_report_of_another_form_is_cut_to_one_line() {
        assert_eq!(summary("\n  no header\n\there\n"), "no header here");
        assert_eq!(summary(&"x".repeat(999)).len(), 200);
    }
}
