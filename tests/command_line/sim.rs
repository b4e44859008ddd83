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

/// The first line of a recording of two lines, and ten probes a second of each, of which A loses
/// all from the sixth second on.
fn recording() -> String {
    let setting = serde_json::json!({
        "format": "twamp-autoflow recording", "version": 1, "boot_ns": 1_000, "wall_ns": 5,
        "probe": { "interval_ms": 100 }, "decision": {},
        "lines": [{ "id": 4, "name": "A", "groups": [1] },
                  { "id": 9, "name": "B", "groups": [1], "cost": 1 }],
        "groups": [{ "id": 1, "name": "hub" }],
        "classes": [{ "id": 1, "name": "voice", "sla": { "loss_percent": 1.0 } }],
    });
    let mut text = format!("{setting}\n");
    for n in 0..200_u64 {
        let sent = n * 100_000_000;
        for line in [4, 9] {
            text += &match line == 4 && n >= 60 {
                true => format!("[\"lost\",{line},{n},{sent},1000000000]\n"),
                false => format!("[\"probe\",{line},{n},{sent},0,9000000,20000,9000000,0,{n}]\n"),
            };
        }
    }
    text += "[\"choice\",1000000000,1,1,null,4,\"first verdict\",\"it is there\"]\n";
    text + "[\"end\",20000000000]\n"
}

/// What a replay of this text says: code, standard output and error.
fn replay(text: &str, words: &str) -> (i32, String, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let answer = host_sim(&format!("sim --replay {} {words}", file.path().display()));
    (answer.code, answer.stdout, answer.stderr)
}

#[test]
fn a_recording_is_played_through_any_policy_and_two_are_told_apart() {
    let words = "--policy autoflow,fortios-sla,static --json";
    let (code, out, error) = replay(&recording(), words);
    assert_eq!((code, error.as_str()), (0, ""));
    let played: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(played["recording"]["probes"], 400);
    assert_eq!(played["recording"]["ended"], true);
    let policies = played["policies"].as_array().unwrap();
    let names: Vec<_> = policies
        .iter()
        .map(|of| of["policy"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 4);
    for name in ["recorded", "autoflow", "fortios-sla", "static"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let of = |name: &str| policies.iter().find(|of| of["policy"] == name).unwrap();
    let moves = |name: &str| -> Vec<(String, f64)> {
        let switches = of(name)["switches"].as_array().unwrap().iter();
        switches
            .map(|switch| {
                (
                    switch["to"].as_str().unwrap().to_owned(),
                    switch["at_s"].as_f64().unwrap(),
                )
            })
            .collect()
    };
    for name in ["autoflow", "fortios-sla"] {
        let moves = moves(name);
        let lines: Vec<_> = moves.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(lines, ["A", "B"], "{name}: {moves:?}");
        assert!(moves[1].1 > 6.0 && moves[1].1 < 12.0, "{name}: {moves:?}");
    }
    assert_eq!(of("autoflow")["probes"], 400);
    let lost = |name: &str| of(name)["classes"][0]["lost_percent"].as_f64().unwrap();
    assert!(
        lost("static") > 50.0 && lost("autoflow") < 10.0,
        "{policies:?}"
    );

    let (_, out, _) = replay(&recording(), "--compare recorded,autoflow --json");
    let compared: Value = serde_json::from_str(&out).unwrap();
    let differences = compared["compare"]["differences"].as_array().unwrap();
    let last = differences.last().expect("they differ");
    assert_eq!(
        (&last["one"], &last["other"]),
        (&"A".into(), &"B".into()),
        "{last}"
    );
    assert!(
        last["other_why"].as_str().unwrap().contains("dead"),
        "{last}"
    );
    let (_, text, _) = replay(&recording(), "--compare recorded,autoflow");
    assert!(text.contains("dead line"), "{text}");
    let (_, text, _) = replay(&recording(), "--compare autoflow,autoflow");
    assert!(text.contains("agree all the time"), "{text}");
}

#[test]
fn a_recording_that_is_wrong_is_refused_with_its_place_and_one_cut_short_is_played() {
    let good = recording();
    let (code, out, error) = replay(&good[..good.len() - 9], "--policy static --json");
    assert_eq!(code, 0);
    assert!(error.contains("its last line is not whole"), "{error}");
    let played: Value = serde_json::from_str(&out).unwrap();
    assert!(
        played["recording"]["cut"]
            .as_str()
            .unwrap()
            .contains("line 403, column"),
        "{played}"
    );
    for (text, words) in [
        (
            good.replacen("\"lost\",4,60,", "\"lost\",4,sixty,", 1),
            "line 122, column 11 ",
        ),
        (
            good.replacen("\"version\":1", "\"version\":2", 1),
            "of version 2, this program reads version 1",
        ),
        (
            good.replacen("\"lost\",4,60,", "\"lost\",5,60,", 1),
            "line 122, column 1 (octet ",
        ),
        (String::new(), "it is empty"),
        ("a,b\n1,2\n".to_owned(), "this is no recording"),
    ] {
        let (code, _, error) = replay(&text, "--policy static");
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(words), "{words}: {error}");
    }
    let (code, _, error) = replay(&good, "--policy oracle");
    assert_eq!(code, 2);
    assert!(
        error.contains("what is true of the lines, which was not recorded"),
        "{error}"
    );
    let (code, _, error) = replay(&good, "--compare autoflow");
    assert_eq!(code, 2, "{error}");
}
