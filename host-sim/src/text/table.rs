//! Small aligned tables: the first column to the left, the others to the right.

use super::{Paint, Style};

/// A table under construction.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
    left: Vec<usize>,
}

/// One cell: its text, and what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Table {
    /// A table with these headings; a table without is made by `default`.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(
            headings
                .iter()
                .map(|heading| Cell::new(Style::Heading, *heading)),
        );
        table
    }

    /// Aligns one more column to the left, counted from 0.
    #[must_use]
    pub fn left(mut self, column: usize) -> Self {
        self.left.push(column);
        self
    }

    /// Adds a row; it may be shorter than others.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The text, each row on a line of its own, without spaces at its end.
    #[must_use]
    pub fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            // Spaces are kept back until something follows them.
            let mut pending = 0;
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let room = width - cell.width();
                let to_left = column == 0 || self.left.contains(&column);
                pending += if to_left { 0 } else { room };
                if !cell.text.is_empty() {
                    line.extend(std::iter::repeat_n(' ', pending));
                    line.push_str(&paint.text(cell.style, &cell.text));
                    pending = 0;
                }
                pending += if to_left { room + 2 } else { 2 };
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl Cell {
    /// A cell with a meaning.
    #[must_use]
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<Text: Into<String>> From<Text> for Cell {
    fn from(text: Text) -> Self {
        Self::new(Style::Plain, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_names_left() {
        let mut table = Table::new(&["line", "ms"]);
        table.row(["fibre", "1.5"]);
        table.row(["lte", "120.5"]);
        assert_eq!(
            table.render(Paint::PLAIN),
            "line      ms\nfibre    1.5\nlte    120.5\n"
        );
    }

    #[test]
    fn a_wide_character_counts_as_one() {
        let mut table = Table::new(&["", "ms"]);
        table.row(["a", "–"]);
        assert_eq!(table.render(Paint::PLAIN), "   ms\na   –\n");
    }

    #[test]
    fn no_line_ends_in_spaces() {
        let mut table = Table::new(&["line", "state", "why"]).left(1).left(2);
        table.row(["a", "dead", "no reply"]);
        table.row(["b", "alive", ""]);
        table.row(["c"]);
        let text = table.render(Paint::PLAIN);
        assert_eq!(
            text,
            "line  state  why\na     dead   no reply\nb     alive\nc\n"
        );
    }
}
