//! `host-sim bench`: its figures, not their size.

use serde_json::Value;

use crate::host::host_sim;

/// The rows of a short bench, by name.
fn rows(words: &str) -> Vec<(String, Value)> {
    let answer = host_sim(&format!("bench {words} --rounds 2 --seconds 0.3 --json"));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(report["bench"], words.split(' ').next().unwrap());
    let rows = report["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row.clone()))
        .collect()
}

/// What may be nothing, or less by chance, on a machine that does other things as well.
const DIFFERENCES: [&str; 2] = ["beyond open", "no room"];

/// Both sides did something in each round.
fn is_sound(name: &str, row: &Value) -> bool {
    if DIFFERENCES.iter().any(|what| name.ends_with(what)) {
        return row["rounds"] == 2 && row["ours"].is_number();
    }
    let figure = |key: &str| row[key].as_f64().unwrap();
    figure("ours") > 0.0
        && figure("reference") > 0.0
        && figure("min") <= figure("ratio")
        && figure("ratio") <= figure("max")
        && row["rounds"] == 2
        && row["unit"].is_string()
}

#[test]
fn each_bench_sets_the_plugin_beside_a_bare_reference() {
    for (words, names) in [
        (
            "reflect --sessions 1,3",
            vec![
                "IPv4, 1 sessions",
                "IPv4, 3 sessions",
                "IPv4, 3 sessions against 1",
                "IPv6, 1 sessions",
                "IPv6, 3 sessions",
                "IPv6, 3 sessions against 1",
                "IPv4, 150000/s, offered",
                "IPv4, 150000/s, answered",
                "IPv4, 150000/s, no room",
                "IPv4, 150000/s",
                "IPv4, authenticated against open",
                "IPv4, authenticated beyond open",
                "IPv4, encrypted against open",
                "IPv4, encrypted beyond open",
            ],
        ),
        (
            "send --sessions 20",
            vec![
                "20 sessions × 10/s",
                "20 sessions, thread that sends",
                "20 sessions, answered",
                "20 sessions, lateness p99",
            ],
        ),
        (
            "delay",
            vec![
                "at rest, p50",
                "at rest, p99",
                "all busy, p50",
                "all busy, p99",
                "p99, all busy against at rest",
            ],
        ),
        (
            "snapshot",
            vec![
                "1 reader",
                "1 reader, kept and renewed",
                "2 readers",
                "2 readers, kept and renewed",
            ],
        ),
        ("classify", vec!["10 rules", "100 rules", "1000 rules"]),
    ] {
        let rows = rows(words);
        let found: Vec<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names);
        for (name, row) in &rows {
            assert!(is_sound(name, row), "{words}: {name}: {row}");
        }
    }
}
