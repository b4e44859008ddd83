//! What Prometheus makes of our metrics, rules and dashboard.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use autoflow_tests::{address, artifacts};
use serde_json::Value;

use crate::collectors::{Running, is_there, output};
use crate::engine::PATIENCE;
use crate::scraped::{LOST, Scraped, get};

fn document(name: &str) -> PathBuf {
    artifacts().root.join("docs/prometheus").join(name)
}

/// Waits until the page has all of these.
fn until_told(host: &Scraped, wanted: &[&str]) -> String {
    let begin = Instant::now();
    loop {
        let page = host.page("");
        let missing: Vec<_> = wanted
            .iter()
            .filter(|text| !page.contains(**text))
            .collect();
        if missing.is_empty() {
            return page;
        }
        assert!(begin.elapsed() < PATIENCE, "{missing:?} in {page}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What a host says after a while on a lossy line: everything but the events that stay away.
const ALL_IS_KNOWN: [&str; 9] = [
    "twamp_line_state{line=\"fibre\",state=\"alive\"} 1\n",
    "twamp_line_loss_ratio{line=\"fibre\"} 0.",
    "twamp_line_one_way_loss_ratio{line=\"fibre\",direction=\"forward\"} 0.",
    "twamp_line_score{line=\"cable\",class=\"voice\"} ",
    "twamp_choice{group=\"hub\",class=\"voice\",line=\"cable\"} 1\n",
    "twamp_switches_total{group=\"hub\",class=\"voice\",reason=\"first verdict\"} 1\n",
    "twamp_collector_state{collector=\"nobody\",state=\"refused\"} 1\n",
    "twamp_event{code=\"sla-broken\",severity=\"major\",kind=\"line\",name=\"fibre\",class=\"voice\"} 1\n",
    "twamp_event{code=\"collector-lost\",severity=\"major\",kind=\"collector\",name=\"nobody\",class=\"\"} 1\n",
];

#[test]
fn promtool_finds_nothing_wrong_with_our_metrics() {
    let host = Scraped::start();
    let page = until_told(&host, &ALL_IS_KNOWN);
    if is_there("promtool") {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = promtool.stdin.take().unwrap();
        stdin.write_all(page.as_bytes()).unwrap();
        drop(stdin);
        let said = promtool.wait_with_output().unwrap();
        let words = [said.stdout, said.stderr].concat();
        assert_eq!(String::from_utf8_lossy(&words), "");
        assert!(said.status.success());
    }
    let names = |page: &str| -> BTreeSet<String> {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        let name = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
        samples.map(name).collect()
    };
    let known = names(&page);
    assert_eq!(names(&host.page("application/openmetrics-text")), known);
    for file in ["alerts.yml", "dashboard.json"] {
        let text = read_to_string(document(file)).unwrap();
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| word.starts_with("twamp_")) {
            assert!(known.contains(word), "{file} asks for {word}");
        }
    }
    host.end();
}

#[test]
fn promtool_finds_nothing_wrong_with_our_alerts() {
    if !is_there("promtool") {
        return;
    }
    for (check, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let mut promtool = Command::new("promtool");
        let (said, _) = output(promtool.args([check, "rules"]).arg(document(file)));
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn events_are_told_to_people_and_programs_and_end_when_their_cause_does() {
    let host = Scraped::start();
    until_told(&host, &ALL_IS_KNOWN);
    let answer = host.command("events --standing --json").object();
    let rows = answer["events"]["rows"].as_array().unwrap();
    let broken = rows.iter().find(|row| row["code"] == "sla-broken").unwrap();
    assert_eq!(broken["severity"], "major");
    assert_eq!(
        (&broken["name"], &broken["class"]),
        (&"fibre".into(), &"voice".into())
    );
    let loss = broken["numbers"]["loss_percent"].as_f64().unwrap();
    assert!((10.0..=60.0).contains(&loss), "{broken}");
    assert_eq!(broken["numbers"]["limit_percent"], 1.0);
    assert_eq!(broken["times"], 1);
    let text = host.command("events").stdout;
    assert!(
        text.contains("major  sla-broken  line fibre, class voice  (raised "),
        "{text}"
    );
    assert!(text.contains("major  line-unmeasured  line dark"), "{text}");
    assert!(
        text.contains("collector nobody is lost: nobody listens at"),
        "{text}"
    );
    // A line that isn't to be measured is none that isn't.
    host.command("lines role dark --sender off");
    let gone = |page: &str| !page.contains("code=\"line-unmeasured\",severity");
    let begin = Instant::now();
    while !gone(&host.page("")) {
        assert!(begin.elapsed() < PATIENCE, "{}", host.page(""));
        std::thread::sleep(Duration::from_millis(500));
    }
    let over = host.command("events").stdout;
    assert!(over.contains("line-unmeasured  line dark  (raised") && over.contains(", cleared "));
    host.end();
}

/// Prometheus, which scrapes one host each second.
fn prometheus(directory: &Path, host: SocketAddr, at: SocketAddr) -> Running {
    let config = directory.join("prometheus.yml");
    let alerts = document("alerts.yml");
    std::fs::write(
        &config,
        format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs:\n- job_name: twamp\n  static_configs: [{{targets: [\"{host}\"]}}]\n",
            alerts.display()
        ),
    )
    .unwrap();
    let log = || std::fs::File::create(directory.join("prometheus.log")).unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            directory.join("data").display()
        ))
        .arg(format!("--web.listen-address={at}"))
        .stdout(log())
        .stderr(log());
    Running::start(&mut command)
}

/// The answers to a query, once there are some.
fn asked(prometheus: SocketAddr, query: &str) -> Vec<Value> {
    let encoded: String = query.bytes().map(|octet| format!("%{octet:02X}")).collect();
    let begin = Instant::now();
    loop {
        let answer = get(prometheus, &format!("/api/v1/query?query={encoded}"), "*/*");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let found = answer["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{query}: {answer}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn number(found: &Value) -> f64 {
    found["value"][1].as_str().unwrap().parse().unwrap()
}

#[test]
fn prometheus_scrapes_a_host_answers_a_query_for_the_loss_of_a_line_and_raises_an_alert() {
    if !is_there("prometheus") {
        return;
    }
    let host = Scraped::start();
    until_told(&host, &ALL_IS_KNOWN);
    let directory = tempfile::tempdir().unwrap();
    let at = SocketAddr::new(address::own().into(), 9_090);
    let prometheus = prometheus(directory.path(), host.at, at);

    let loss = asked(at, "twamp_line_loss_ratio{line=\"fibre\"}");
    assert_eq!(loss.len(), 1);
    let lost = number(&loss[0]);
    let share = 1.0 / LOST as f64;
    assert!(
        (share / 2.0..share * 2.0).contains(&lost),
        "{lost} of {share}"
    );
    // Both ways together it is what the counters say.
    let counted = asked(
        at,
        "twamp_session_probes_lost_total{name=\"fibre\"} / ignoring(x) \
         twamp_session_probes_sent_total{name=\"fibre\"}",
    );
    let counted = number(&counted[0]);
    assert!(
        (share / 2.0..share * 2.0).contains(&counted),
        "{counted} of {share}"
    );
    assert_eq!(
        number(&asked(at, "twamp_line_loss_ratio{line=\"cable\"} < 0.1")[0]) as u32,
        0
    );
    asked(
        at,
        "ALERTS{alertname=\"TwampSlaBroken\",name=\"fibre\",alertstate=\"firing\"}",
    );
    // It reads OpenMetrics, and knows by that what each number is.
    let metadata = get(
        at,
        "/api/v1/metadata?metric=twamp_line_round_trip_seconds",
        "*/*",
    );
    assert!(
        metadata.contains("\"type\":\"gauge\",\"help\":\"Round trip"),
        "{metadata}"
    );
    assert!(metadata.contains("\"unit\":\"seconds\""), "{metadata}");
    drop(prometheus);
    host.end();
}
