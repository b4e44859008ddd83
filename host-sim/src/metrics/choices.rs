//! Choices: where each class of each group is, and how often it moved.

use plugin_abi::manage::ChoiceRow;

use super::text::Family;

pub(super) fn families(rows: &[ChoiceRow]) -> Vec<Family> {
    let mut choice = Family::gauge("twamp_choice", "The class of the group is on this line.");
    let mut bad = Family::gauge(
        "twamp_choice_best_of_bad",
        "Whether all lines are bad, and the class is on the best of them.",
    );
    let mut switched = Family::counter("twamp_switches", "Switches of the class to another line.");
    let mut refused = Family::counter(
        "twamp_switches_refused",
        "Switches that were considered and refused.",
    );
    for row in rows {
        let labels = [("group", row.group.as_str()), ("class", row.class.as_str())];
        let with = |label, value| [&labels[..], &[(label, value)]].concat();
        if let Some(line) = &row.line {
            choice.add(&with("line", line), 1.0);
        }
        bad.add(&labels, f64::from(u8::from(row.best_of_bad)));
        for (family, counts) in [(&mut switched, &row.switched), (&mut refused, &row.refused)] {
            for (reason, count) in counts {
                family.add(&with("reason", reason), *count as f64);
            }
        }
    }
    vec![choice, bad, switched, refused]
}
