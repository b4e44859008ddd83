//! What each command does when all is well, in both forms.

use serde_json::{Value, json};

use crate::host::Host;

/// The row with this name.
fn named<'a>(rows: &'a Value, name: &str) -> &'a Value {
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("{name}: {rows:?}"))
}

#[test]
fn lines_and_sessions_are_listed_with_their_figures() {
    let host = Host::start();
    let lines = host.object("lines");
    assert_eq!(lines["lines"][0]["name"], "fibre");
    let text = host.text("lines");
    assert!(text.starts_with("line   sends  answers  state"), "{text}");
    assert!(text.contains("\nfibre  on     off      alive"), "{text}");
    let sessions = host.object("sessions list");
    let line = &sessions["sessions"][0];
    assert_eq!(
        (&line["kind"], &line["line"]),
        (&json!("line"), &json!("fibre"))
    );
    let text = host.text("sessions");
    let id = line["id"].as_str().unwrap();
    assert!(
        text.contains(&format!("{id}  fibre  line  running")),
        "{text}"
    );
    // What this end answers stands below.
    assert!(text.contains("\nserved "), "{text}");
}

#[test]
fn what_decisions_have_been_worth_is_told_of_each_class() {
    let host = Host::start();
    let watched = |answer: &Value| answer["advice"][0]["watched_s"].as_f64() > Some(0.0);
    host.until("why --advice", watched);
    let advice = host.object("why voice --advice");
    let row = &advice["advice"][0];
    assert_eq!(
        (&row["class"], &row["line"]),
        (&json!("voice"), &json!("fibre"))
    );
    assert_eq!(
        (&row["spared_s"], &row["harmed_s"]),
        (&json!(0.0), &json!(0.0))
    );
    let text = host.text("why --advice");
    assert!(text.starts_with("class "), "{text}");
    assert!(text.contains("\nspared: "), "{text}");
}

#[test]
fn no_table_is_wider_than_a_terminal() {
    let host = Host::start();
    host.text(
        "sessions add FAR:8621 --mode light --name a-session-by-name --count 3 --interval 20",
    );
    host.text("sessions run a-session-by-name");
    for words in [
        "lines",
        "sessions",
        "results",
        "schedules",
        "responders",
        "why --advice",
    ] {
        for line in host.text(words).lines() {
            assert!(line.chars().count() <= 120, "{words}: {line}");
        }
    }
}

#[test]
fn a_session_is_added_changed_run_and_deleted() {
    let host = Host::start();
    let added = host.object(
        "sessions add FAR:8621 --mode light --name spare --count 5 --interval 20 --dscp CS1",
    );
    let id = added["session"].as_str().unwrap().to_owned();
    let rows = host.object("sessions");
    let row = named(&rows["sessions"], "spare");
    assert_eq!((&row["id"], &row["owner"]), (&json!(id), &json!("person")));

    let changed = host.object("sessions change spare --count 4 --dscp EF");
    assert_eq!(changed["changed"]["session"], id);
    let text = host.text(&format!("sessions change {id} --ttl 64"));
    assert!(
        text.starts_with(&format!("session {id} is changed, ")),
        "{text}"
    );

    let text = host.text("sessions run spare");
    assert!(text.contains("\nsent                4\n"), "{text}");
    assert!(text.contains("\nround trip  "), "{text}");
    let report = host.object("sessions run spare");
    assert_eq!(
        (&report["sent"], &report["received"]),
        (&json!(4), &json!(4))
    );

    let run = host.object("sessions run spare --background");
    assert!(run["run"].is_u64(), "{run}");
    host.until("results spare", |answer| {
        let results = answer["results"].as_array().unwrap();
        results.len() == 3 && results.iter().all(|run| run["state"] == "ended")
    });

    let text = host.text("sessions delete spare");
    assert_eq!(text, format!("session {id} is deleted\n"));
    assert!(!host.text("sessions").contains("spare"));
}

#[test]
fn results_are_a_row_for_each_run_and_a_page_for_one() {
    let host = Host::start();
    host.text("sessions add FAR:8621 --mode light --name spare --count 3 --interval 20");
    host.text("sessions run spare");
    host.text("sessions run spare");
    let results = host.object("results spare");
    let runs = results["results"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run["cause"] == "person"), "{results}");
    let text = host.text("results spare");
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("spare "))
            .count(),
        2,
        "{text}"
    );
    let last = host.object("results spare --last 1");
    assert_eq!(last["results"].as_array().unwrap().len(), 1);
    assert_eq!(last["results"][0]["run"], runs[1]["run"]);
    let page = host.text("results spare --last 1");
    assert!(page.contains("delay, ms"), "{page}");
    // A line is asked for by its name.
    let line = host.object("results fibre");
    assert_eq!(line["results"][0]["cause"], "continuous");
    assert!(host.text("results").contains("fibre"));
}

#[test]
fn a_schedule_begins_runs_until_it_is_paused() {
    let host = Host::start();
    host.text("sessions add FAR:8621 --mode light --name often --count 2 --interval 20 --every 1");
    host.until("results often", |answer| {
        answer["results"].as_array().unwrap().len() >= 2
    });
    let rows = host.object("schedules");
    let row = named(&rows["schedules"], "often");
    assert_eq!(
        (&row["global"], &row["paused"]),
        (&json!(false), &json!(false))
    );
    assert!(row["begun"].as_u64().unwrap() >= 2, "{row}");
    assert!(host.text("schedules").contains("often"));

    let paused = host.object("schedules pause often");
    assert_eq!(paused["paused"]["paused"], true);
    assert!(host.text("schedules").contains("paused"));
    let text = host.text("schedules resume often");
    assert_eq!(text, "the schedule of often goes on\n");
}

#[test]
fn a_role_of_a_line_is_turned_off_and_on() {
    let host = Host::start();
    let text = host.text("lines role fibre --sender off");
    assert_eq!(text, "line fibre: sender off, responder off\n");
    let roles = host.object("lines role fibre --responder on --sender on");
    let expected = json!({
        "line": "fibre", "sender": true, "responder": true, "overridden": true
    });
    assert_eq!(roles["roles"], expected);
}

#[test]
fn a_responder_is_turned_on_and_off() {
    let host = Host::start();
    let spare = "FAR:8622";
    host.until_pings(spare, 1);
    let text = host.text(&format!("responders on {spare} --protocol light"));
    assert!(text.starts_with("light on "), "{text}");
    let list = host.object("responders");
    let doors = list["responders"].as_array().unwrap();
    assert_eq!(doors.len(), 3, "{list}");
    assert!(host.text("responders").contains(":8622  light     person"));
    host.until_pings(spare, 0);
    let off = host.object(&format!("responders off {spare} --protocol light"));
    assert_eq!(off["responder"]["on"], false);
    host.until_pings(spare, 1);
}

#[test]
fn a_class_is_pinned_and_a_line_drained_for_a_time() {
    let cable = "[[lines]]\nid = 2\nname = \"cable\"\nremote = \"FAR:8620\"\ncost = 5\n\
                 groups = [1]\nprobe = { interval_ms = 20 }\n";
    let host = Host::start_with(cable, "");
    host.until("why", |answer| answer["why"][0]["line"] == "fibre");
    let text = host.text("overrides pin voice cable --for 150min --note tests");
    assert_eq!(text, "pin-1: voice is pinned to cable; it expires in 2 h\n");
    host.until("why", |answer| answer["why"][0]["line"] == "cable");
    let why = host.text("why voice");
    assert!(why.contains("voice is pinned by a person until"), "{why}");
    assert!(host.text("overrides").contains("now"), "it holds");
    assert_eq!(host.object("overrides end pin-1")["ended"], "pin-1");

    let planned =
        host.object("overrides maintain fibre --cron @weekly --each 1s --for 30d --name sunday");
    assert_eq!(planned["override"]["holds"], false);
    assert!(planned["override"]["next_at"].is_u64(), "{planned}");
    host.text("overrides drain fibre --for 1h");
    let lines = host.text("lines");
    assert!(
        lines.contains("fibre: drained by a person until"),
        "{lines}"
    );
    let rows = host.object("overrides");
    assert_eq!(rows["overrides"].as_array().unwrap().len(), 2);
    assert!(host.text("overrides").contains("fibre is in maintenance"));
}

#[test]
fn the_reasons_for_each_choice_are_told() {
    let host = Host::start();
    host.until("why", |answer| answer["why"][0]["line"] == "fibre");
    let text = host.text("why voice");
    assert!(
        text.starts_with("hub/voice  on fibre  (advised, not acted on)\n"),
        "{text}"
    );
    assert!(text.contains(": no line → fibre (first verdict)"), "{text}");
}

#[test]
fn a_configuration_is_tried_applied_and_confirmed() {
    let host = Host::start();
    let other = host.file("other.toml");
    let document = std::fs::read_to_string(&host.config).unwrap();
    std::fs::write(&other, document.replace("\"fibre\"", "\"glass\"")).unwrap();
    let apply = format!("apply --config {}", other.display());

    let text = host.text(&format!("{apply} --dry-run"));
    assert!(text.starts_with("would change\n  lines: "), "{text}");
    assert_eq!(host.object("lines")["lines"][0]["name"], "fibre");

    let applied = host.object(&format!("{apply} --confirm-within 60"));
    assert!(applied["applied"]["confirm_by"].is_u64(), "{applied}");
    host.until("lines", |answer| answer["lines"][0]["name"] == "glass");
    assert!(
        host.text("confirm")
            .starts_with("the configuration stays (generation ")
    );
    let configuration = host.object("configuration");
    assert_eq!(configuration["configuration"]["lines"][0]["name"], "glass");
}

#[test]
fn what_is_not_confirmed_returns_by_itself() {
    let host = Host::start();
    let other = host.file("other.toml");
    let document = std::fs::read_to_string(&host.config).unwrap();
    std::fs::write(&other, document.replace("\"fibre\"", "\"glass\"")).unwrap();
    let text = host.text(&format!(
        "apply --config {} --confirm-within 1",
        other.display()
    ));
    assert!(
        text.contains("unless `host-sim confirm` comes before"),
        "{text}"
    );
    host.until("lines", |answer| answer["lines"][0]["name"] == "fibre");
}

#[test]
fn the_configuration_is_shown_as_a_document_without_secrets() {
    let keys = "[[keys]]\nid = \"branch\"\npassphrase = \"correct horse\"\n";
    let host = Host::start_with(keys, "");
    let text = host.text("configuration");
    let document: toml::Table = text.parse().unwrap();
    assert_eq!(document["lines"][0]["name"].as_str(), Some("fibre"));
    for words in ["configuration", "configuration --json", "lines", "sessions"] {
        assert!(!host.text(words).contains("correct horse"), "{words}");
    }
}
