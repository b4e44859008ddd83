//! `host-sim sim`: its shape, and what can't be otherwise.

use serde_json::Value;

use crate::host::host_sim;

fn rows(words: &str) -> Vec<Value> {
    let answer = host_sim(&format!("sim {words} --json"));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let table: Value = serde_json::from_str(&answer.stdout).unwrap();
    table["rows"].as_array().unwrap().clone()
}

#[test]
fn the_oracle_switches_at_once_a_static_choice_never_and_the_plugin_between_them() {
    let rows = rows("--scenario s01-hard-fail --policy autoflow,static,oracle --seeds 2");
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["policy"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["autoflow", "static", "oracle"]);
    for row in &rows {
        assert_eq!(row["scenario"], "s01-hard-fail");
        assert_eq!(row["seeds"], 2);
        for figure in [
            "pointless_switches_per_line_week",
            "wrong_switches_per_hour",
            "violation_s_per_h",
            "regret",
            "probes_per_s",
        ] {
            assert!(row[figure].is_number(), "{figure}: {row}");
        }
        assert!(row.get("bound_ratio").is_some(), "{row}");
    }
    let [ours, fixed, oracle] = &rows[..] else {
        panic!("{rows:?}");
    };
    let p95 = |row: &Value| row["time_to_switch_s"]["p95"].as_f64();
    assert_eq!(p95(oracle), Some(0.0));
    // It never comes.
    assert_eq!(p95(fixed), None);
    assert!(
        p95(ours).is_some_and(|seconds| seconds > 0.0 && seconds < 10.0),
        "{ours}"
    );
    let bad = |row: &Value| row["violation_s_per_h"].as_f64().unwrap();
    assert_eq!(bad(oracle), 0.0);
    // Five minutes of 25.
    assert!((bad(fixed) - 720.0).abs() < 1.0, "{fixed}");
    assert!(bad(ours) > 0.0 && bad(ours) < bad(fixed) / 20.0, "{ours}");
    let probes = |row: &Value| row["probes_per_s"].as_f64().unwrap();
    assert!(probes(ours) > 1.0);
    assert_eq!((probes(fixed), probes(oracle)), (0.0, 0.0));
}

#[test]
fn the_same_seeds_give_the_same_octets() {
    let words = "sim --scenario s05-bursty --policy autoflow,ewma --seeds 2 --json";
    let [one, other] = [host_sim(words), host_sim(words)];
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert_eq!(one.stdout, other.stdout);
}

#[test]
fn all_that_can_be_named_is_listed_and_the_plugin_is_not_needed_for_it() {
    let answer = host_sim("sim --list --json --plugin /nowhere");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let list: Value = serde_json::from_str(&answer.stdout).unwrap();
    for (what, known) in [("policies", "autoflow"), ("scenarios", "s02-brown-out-5")] {
        let entries = list[what].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["name"] == known), "{what}");
        assert!(
            entries
                .iter()
                .all(|entry| entry["says"].as_str().is_some_and(|says| !says.is_empty()))
        );
    }
}

#[test]
fn a_table_for_people_fits_their_screens() {
    let answer = host_sim("sim --scenario s17-start-up --policy static,oracle --seeds 1");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert!(answer.stdout.contains("\noracle "), "{}", answer.stdout);
    assert!(
        answer
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 120),
        "{}",
        answer.stdout
    );
}

#[test]
fn unknown_names_and_wrong_files_are_wrong_use() {
    for (words, sentence) in [
        ("--scenario s01-hard-fall", "did you mean s01-hard-fail?"),
        ("--policy autoflo", "did you mean autoflow?"),
        ("--scenario /nowhere/a.toml", "can't read /nowhere/a.toml"),
    ] {
        let answer = host_sim(&format!("sim {words}"));
        assert_eq!(answer.code, 2, "{}", answer.stdout);
        assert!(answer.stderr.contains(sentence), "{}", answer.stderr);
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    std::fs::write(
        &file,
        "name = \"a\"\nsays = \"b\"\nseconds = 10\nlines = []\nclasses = []\n",
    )
    .unwrap();
    let answer = host_sim(&format!(
        "sim --policy static --scenario {}",
        file.display()
    ));
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    assert!(answer.stdout.contains("a.toml:4:9"), "{}", answer.stdout);
    let shipped = "../host-sim/src/sim/scenarios/s17-start-up.toml";
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(shipped);
    let both = format!("s17-start-up,{}", shipped.display());
    let twice = host_sim(&format!("sim --policy static --scenario {both}"));
    assert_eq!(twice.code, 2, "{}", twice.stdout);
    assert!(twice.stderr.contains("two scenarios"), "{}", twice.stderr);
}
