//! The tables of the document: rows whose first cell is a number.

use std::collections::BTreeMap;

/// An item, and what holds it.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    /// `7`, or `H7` of hostile input.
    pub(crate) number: String,
    /// Paths of tests, the crate first.
    pub(crate) tests: Vec<String>,
    /// It says why no test can hold it.
    pub(crate) argued: bool,
}

/// All rows, in order. The last cell says what holds the item.
pub(crate) fn rows(document: &str) -> Vec<Row> {
    document.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let (number, _) = cells.split_once('|')?;
    let (_, holder) = cells.rsplit_once('|')?;
    let (number, holder) = (number.trim(), holder.trim());
    let digits = number.strip_prefix('H').unwrap_or(number);
    digits.parse::<u32>().ok()?;
    Some(Row {
        number: number.to_owned(),
        tests: paths(holder),
        argued: holder.starts_with("argued: "),
    })
}

/// What stands between backquotes and has `::` in it.
fn paths(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|code| code.contains("::"));
    paths.map(str::to_owned).collect()
}

/// What is wrong with the numbers: right are `prefix` and 1 to `last`, each once.
pub(crate) fn misnumbered(rows: &[Row], prefix: &str, last: u32) -> Vec<String> {
    let mut times: BTreeMap<u32, u32> = (1..=last).map(|number| (number, 0)).collect();
    for row in rows {
        let digits = row.number.strip_prefix(prefix);
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            *times.entry(number).or_default() += 1;
        }
    }
    let complaint = |(number, times)| {
        let what = match times {
            0 => "is missing".to_owned(),
            1 if (1..=last).contains(&number) => return None,
            1 => format!("is not between 1 and {last}"),
            _ => format!("is there {times} times"),
        };
        Some(format!("item {prefix}{number} {what}"))
    };
    times.into_iter().filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
| # | what holds | held by |
|---|---|---|
| 1 | One | `a::b::c`<br>`a::d` |
| 2 | Two `x::y` | argued: `z` does |
| 2 | Three | maybe |
| 4 | Four | `a::e` |
| H1 | Hostile | `a::f` |
";

    #[test]
    fn a_row_is_its_number_and_what_its_last_cell_says() {
        let rows = rows(DOCUMENT);
        let numbers: Vec<_> = rows.iter().map(|row| row.number.as_str()).collect();
        assert_eq!(numbers, ["1", "2", "2", "4", "H1"]);
        assert_eq!(rows[0].tests, ["a::b::c", "a::d"]);
        assert_eq!((rows[1].tests.len(), rows[1].argued), (0, true));
        assert_eq!((rows[2].tests.len(), rows[2].argued), (0, false));
    }

    #[test]
    fn numbers_that_are_missing_doubled_or_too_high_are_named() {
        let rows = rows(DOCUMENT);
        let complaints = [
            "item 2 is there 2 times",
            "item 3 is missing",
            "item 4 is not between 1 and 3",
        ];
        assert_eq!(misnumbered(&rows, "", 3), complaints);
        assert_eq!(misnumbered(&rows, "H", 1), [""; 0]);
        assert_eq!(misnumbered(&rows, "H", 2), ["item H2 is missing"]);
    }
}
