//! Configuration files of the host: whatever is in them, mistakes have a place in the text and can
//! be shown.

#![no_main]

use host_sim::document::{Document, Mistake, Source};
use host_sim::text::Paint;
use libfuzzer_sys::fuzz_target;
use plugin_abi::manage::Problem;
use serde_json::Value;
use toml::de::DeTable;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let is_toml = DeTable::parse(text).is_ok();
    match Source::new("file", text).parse() {
        Ok(document) => {
            assert!(is_toml, "the strict parser refuses this");
            everywhere(&document, text);
        }
        Err((source, mistakes)) => {
            assert!(!is_toml, "the strict parser takes this");
            assert!(!mistakes.is_empty());
            shown(&source, &mistakes, text);
        }
    }
});

/// A mistake in every place of the document, and in places that are not there.
fn everywhere(document: &Document, text: &str) {
    let mut paths = vec![
        "document".into(),
        String::new(),
        "[7].a".into(),
        "a..[x".into(),
    ];
    collect(document.value(), "", &mut paths);
    let problems: Vec<_> = paths
        .iter()
        .map(|path| problem(path, "something"))
        .collect();
    let of_keys = paths.iter().map(|path| {
        let key = path.rsplit('.').next().unwrap_or_default();
        problem(path, &format!("{key:?}"))
    });
    shown(document.source(), &document.mistakes(&problems), text);
    shown(
        document.source(),
        &document.mistakes(&of_keys.collect::<Vec<_>>()),
        text,
    );
}

/// The paths of all values, as the plugin writes them, and of a missing key beside each.
fn collect(value: &Value, path: &str, paths: &mut Vec<String>) {
    let dot = if path.is_empty() { "" } else { "." };
    paths.push(path.to_owned());
    paths.push(format!("{path}{dot}missing"));
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                collect(value, &format!("{path}{dot}{key}"), paths);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &format!("{path}[{index}]"), paths);
            }
        }
        _ => {}
    }
}

fn problem(path: &str, found: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        expected: "another".to_owned(),
        found: found.to_owned(),
        fix: "write another".to_owned(),
    }
}

/// Every mistake is inside the text, in the text's order, and can be shown.
fn shown(source: &Source, mistakes: &[Mistake], text: &str) {
    let lines: Vec<_> = text.split('\n').collect();
    for mistake in mistakes {
        let line = lines
            .get(mistake.position.line as usize - 1)
            .expect("a line of the text");
        assert!(mistake.position.column as usize <= line.chars().count() + 1);
    }
    assert!(mistakes.is_sorted_by_key(|mistake| mistake.position));
    let shown = source.show(mistakes, Paint::PLAIN);
    assert!(shown.lines().count() > 5 * mistakes.len());
}
