//! What the page says is what the table holds.

use super::*;
use crate::sim::baselines;
use crate::sim::scenario::embedded;
use crate::sim::{Wish, run};

fn page(names: &[&str], policies: &[&str], curves: bool) -> (String, Table) {
    let scenarios: Vec<_> = names.iter().map(|name| embedded(name).unwrap()).collect();
    let of_run: Vec<_> = scenarios.iter().collect();
    let all = baselines::all();
    let makers: Vec<_> = policies
        .iter()
        .map(|name| &**all.iter().find(|maker| maker.name() == *name).unwrap())
        .collect();
    let wish = Wish {
        curves,
        courses: true,
        ..Wish::rows(2)
    };
    let table = run(&of_run, &makers, &wish, &|_| {}).unwrap();
    let report = Report {
        scenarios: &scenarios,
        makers: &makers,
        table: &table,
        command: "host-sim sim --scenario \"<a>\"",
    };
    (report.page(), table)
}

#[test]
fn each_policy_has_its_row_and_its_band_in_each_scenario() {
    let policies = ["fortios-sla", "static", "oracle"];
    let (page, table) = page(&["s01-hard-fail", "s17-start-up"], &policies, false);
    assert_eq!(table.courses.len(), 2);
    for policy in policies {
        // All scenarios together, and each of them.
        let rows = page
            .matches(&format!("<tr data-policy=\"{policy}\""))
            .count();
        assert_eq!(rows, 3, "{policy}");
        // Whole and two close-ups of one, the other is short.
        let bands = page
            .matches(&format!("<g class=\"policy\" data-policy=\"{policy}\">"))
            .count();
        assert_eq!(bands, 4, "{policy}");
    }
    assert!(page.contains("&lt;a&gt;"), "the command is text");
    for elsewhere in ["src=", "@import", "url(h", "<link"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn a_knob_that_was_turned_has_its_curve() {
    let (page, table) = page(&["s17-start-up"], &["fortios-sla"], true);
    let [curve] = &table.curves[..] else {
        panic!("one scenario, one policy");
    };
    // As shipped, and at each position of the knob.
    assert_eq!((curve.points[0].at, curve.points.len()), (None, 6));
    assert_eq!(page.matches("<svg class=\"curves\"").count(), 1);
    assert_eq!(page.matches("data-idle=").count(), 6);
}
