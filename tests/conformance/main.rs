//! `docs/conformance.md` against the tests that it names.
//!
//! Always: each number stands there once, each item names a test or argues, and each test named
//! is in the source. With a record of a whole run of `cargo test`, which `tests/run` keeps and
//! names in `TWAMP_TEST_RECORD`, also: each of them ran and passed.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod document;
mod record;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use document::Row;

/// The lists are complete: numbers from 1 on, plain ones and those of hostile input.
const ITEMS: u32 = 112;
const HOSTILE: u32 = 17;

fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn rows() -> Vec<Row> {
    document::rows(&read(&workspace().join("docs/conformance.md")))
}

/// All tests that the document names, each once.
fn named() -> BTreeSet<String> {
    rows().into_iter().flat_map(|row| row.tests).collect()
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    let count = complaints.len();
    assert!(
        complaints.is_empty(),
        "docs/conformance.md: {count} complaints\n{}",
        complaints.join("\n")
    );
}

#[test]
fn every_item_stands_in_its_table_once() {
    let mut complaints = document::misnumbered(&rows(), "", ITEMS);
    complaints.extend(document::misnumbered(&rows(), "H", HOSTILE));
    assert_none(&complaints);
}

#[test]
fn every_item_names_a_test_or_argues() {
    let rows = rows();
    let bare = rows
        .iter()
        .filter(|row| row.tests.is_empty() && !row.argued);
    let complaints: Vec<_> = bare
        .map(|row| format!("item {} names no test and argues nothing", row.number))
        .collect();
    assert_none(&complaints);
}

#[test]
fn every_test_named_is_in_the_source() {
    let root = workspace();
    let complaints = named()
        .into_iter()
        .filter_map(|test| source::find(&root, &test).err());
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn every_test_named_ran_and_passed() {
    let Some(file) = std::env::var_os("TWAMP_TEST_RECORD") else {
        println!("skipped: no record of a whole run; tests/run keeps one");
        return;
    };
    let verdicts = record::verdicts(&read(Path::new(&file)));
    let complaints =
        named()
            .into_iter()
            .filter_map(|test| match verdicts.get(&test).map(String::as_str) {
                Some("ok") => None,
                Some(verdict) => Some(format!("{test} did not pass: {verdict}")),
                None => Some(format!("{test} did not run")),
            });
    assert_none(&complaints.collect::<Vec<_>>());
}
