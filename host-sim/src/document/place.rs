//! Paths into a document, and positions in its text.

use serde::Serialize;

/// Line and column, both from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, from 0.
    Index(usize),
}

/// The steps of `lines[2].remote`; a step that can't be read ends the path.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let Some((index, after)) = after.split_once(']') else {
                break;
            };
            let Ok(index) = index.parse() else {
                break;
            };
            steps.push(Step::Index(index));
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let (key, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            if key.is_empty() {
                break;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
    }
    steps
}

/// The position of an octet; beyond the text, of its end.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX).saturating_add(1);
    Position {
        line: count(before.matches('\n').count()),
        column: count(before[line_start..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    #[test]
    fn a_path_has_keys_and_indices() {
        assert_eq!(
            steps("lines[2].probe.ttl"),
            [key("lines"), Step::Index(2), key("probe"), key("ttl")]
        );
        assert_eq!(steps("a[0][1]"), [key("a"), Step::Index(0), Step::Index(1)]);
        assert_eq!(steps(""), []);
        assert_eq!(steps("."), []);
    }

    #[test]
    fn what_is_no_path_leads_as_far_as_it_can_be_read() {
        assert_eq!(steps("lines[x].id"), [key("lines")]);
        assert_eq!(steps("lines[2"), [key("lines")]);
    }

    #[test]
    fn columns_count_characters() {
        let text = "é = 1\nab";
        assert_eq!(position(text, 0), Position { line: 1, column: 1 });
        assert_eq!(position(text, 5), Position { line: 1, column: 5 });
        assert_eq!(position(text, 8), Position { line: 2, column: 2 });
        assert_eq!(position(text, 99), Position { line: 2, column: 3 });
    }

    proptest! {
        #[test]
        fn any_path_and_any_offset_can_be_asked(path in ".*", text in ".*", offset in 0usize..99) {
            steps(&path);
            let position = position(&text, offset);
            prop_assert!(position.line >= 1 && position.column >= 1);
        }
    }
}
