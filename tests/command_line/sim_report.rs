//! The page that `host-sim sim --report` writes, in a real browser: it stands alone, and shows what
//! the JSON says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::host::host_sim;
use crate::oracle::missing;

const LOOK: &str = include_str!("look.js");

/// What the browser sees of a page; `None`: there is no browser.
fn look(page: &Path) -> Option<Value> {
    let source = fs::read_to_string(page).unwrap();
    let watched = page.with_file_name("watched.html");
    // Between scripts, text is JSON but for what would end them.
    let text = serde_json::to_string(&source)
        .unwrap()
        .replace("</", "<\\/");
    let script = format!("<script>const source = {text};\n{LOOK}</script>");
    let (before, after) = source.rsplit_once("</body>").unwrap();
    fs::write(&watched, format!("{before}{script}</body>{after}")).unwrap();
    let browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            page.with_file_name("browser").display()
        ))
        .arg(format!("file://{}", watched.display()))
        .output();
    let Ok(browser) = browser else {
        missing("chromium is not installed; tests/oracles installs it");
        return None;
    };
    let document = String::from_utf8(browser.stdout).unwrap();
    let (_, found) = document
        .rsplit_once("<pre id=\"found\">")
        .expect("the page was looked at");
    let (found, _) = found.split_once('<').unwrap();
    let found = found.replace("&lt;", "<").replace("&gt;", ">");
    Some(serde_json::from_str(&found.replace("&amp;", "&")).unwrap())
}

/// By a path like `time_to_switch_s.p50`.
fn at<'a>(row: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(row, |value, key| &value[key])
}

#[test]
fn the_page_stands_alone_and_shows_what_the_json_says() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let answer = host_sim(&format!(
        "sim --scenario s01-hard-fail --policy fortios-sla,edgeconnect-ff,static,oracle \
         --seeds 2 --sweep --json --report {}",
        page.display()
    ));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    let Some(found) = look(&page) else {
        return;
    };
    assert_eq!(found["mistake"], Value::Null);
    assert_eq!(found["loaded"], Value::Array(Vec::new()));
    assert_eq!(found["elsewhere"], Value::Array(Vec::new()));
    for row in json["rows"].as_array().unwrap() {
        figures(row, &found["cells"][row["policy"].as_str().unwrap()]);
    }
    let [course] = &json["courses"].as_array().unwrap()[..] else {
        panic!("one run is drawn");
    };
    let panels = found["panels"].as_array().unwrap();
    assert_eq!(panels.len(), 3);
    for panel in panels {
        bands(course, panel);
    }
    for curve in json["curves"].as_array().unwrap() {
        let points = curve["points"].as_array().unwrap();
        let points = points.iter().map(|point| {
            let delay = at(point, "time_to_switch_s.p50").clone();
            let idle = point["healthy_switches_per_line_week"].clone();
            Value::Array(vec![delay, idle])
        });
        let shown = &found["curves"][curve["policy"].as_str().unwrap()];
        let shown = shown.as_array().unwrap();
        assert_eq!(shown.len(), points.len(), "{curve}");
        for (point, shown) in points.zip(shown) {
            assert_eq!(point[0].as_f64(), shown[0].as_f64(), "{curve}");
            assert_eq!(point[1].as_f64(), shown[1].as_f64(), "{curve}");
        }
    }
    sorted(&json, &found);
}

/// Each cell of a row is a figure of the JSON.
#[track_caller]
fn figures(row: &Value, cells: &Value) {
    let cells = cells.as_object().unwrap();
    assert!(cells.len() > 10, "{cells:?}");
    for (key, shown) in cells {
        let shown = shown.as_str().unwrap();
        let known = match at(row, key).as_f64() {
            // A share of nothing has no meaning.
            Some(_) if key == "never_switched" && row["time_to_switch_s"].is_null() => None,
            known => known,
        };
        match shown {
            "" | "inf" => assert_eq!(known, None, "{key} of {row}"),
            shown => assert_eq!(known, shown.parse().ok(), "{key} of {row}"),
        }
    }
}

/// Each piece of a band has the colour of the line that was chosen then, and all time is covered.
#[track_caller]
fn bands(course: &Value, panel: &Value) {
    let of = |key: &str| panel[key].as_str().unwrap().parse::<f64>().unwrap();
    let [from, to, left, right] = ["from", "to", "left", "right"].map(of);
    let lines: Vec<_> = course["lines"].as_array().unwrap().iter().collect();
    let class = &course["classes"][0];
    let policies = class["policies"].as_array().unwrap();
    assert_eq!(panel["policies"].as_object().unwrap().len(), policies.len());
    for policy in policies {
        let name = policy["policy"].as_str().unwrap();
        let choices = policy["choices"].as_array().unwrap();
        let band = &panel["policies"][name];
        let mut width = 0.0;
        for rect in band["rects"].as_array().unwrap() {
            let of = |key: &str| rect[key].as_f64().unwrap();
            width += of("width");
            let colour = rect["colour"].as_str().unwrap();
            if colour == "busy" {
                continue;
            }
            let middle = from + (of("x") + of("width") / 2.0 - left) / (right - left) * (to - from);
            let begun = |change: &&Value| change["at_s"].as_f64().unwrap() <= middle;
            let line = choices.iter().rfind(begun).map(|change| &change["line"]);
            let place = lines.iter().position(|of| Some(&of["name"]) == line);
            let expected = place.map_or("none".to_owned(), |place| format!("l{place}"));
            assert_eq!(colour, expected, "{name} at {middle} s");
        }
        assert!((width - (right - left)).abs() < 5.0, "{name}: {width}");
        let is_drawn = |change: &&Value| {
            let at_s = change["at_s"].as_f64().unwrap();
            at_s > from && at_s < to
        };
        let switches = choices.iter().filter(is_drawn).count() as u64;
        let marks = band["switches"].as_u64().unwrap();
        let is_busy = band["rects"]
            .as_array()
            .unwrap()
            .iter()
            .any(|rect| rect["colour"] == "busy");
        assert!(
            marks == switches || is_busy && marks < switches,
            "{name}: {marks} of {switches}"
        );
    }
}

/// A click on a heading puts the least first, another one the most.
fn sorted(json: &Value, found: &Value) {
    let probes = |policy: &Value| {
        let rows = json["rows"].as_array().unwrap().iter();
        let row = rows
            .into_iter()
            .find(|row| row["policy"] == *policy)
            .unwrap();
        row["probes_per_s"].as_f64().unwrap()
    };
    let order = |way: &str| {
        found[way]
            .as_array()
            .unwrap()
            .iter()
            .map(probes)
            .collect::<Vec<_>>()
    };
    let (up, down) = (order("up"), order("down"));
    assert!(up.len() > 2 && up.is_sorted(), "{up:?}");
    assert!(down.iter().rev().is_sorted(), "{down:?}");
}

#[test]
fn a_page_that_can_not_be_written_is_told() {
    let words = "sim --scenario s17-start-up --policy static --seeds 1 --report /nowhere/a.html";
    let answer = host_sim(words);
    assert_eq!(answer.code, 2, "{}", answer.stdout);
    assert!(
        answer.stderr.contains("can't write /nowhere/a.html"),
        "{}",
        answer.stderr
    );
}
