//! What `cargo test` told of each test.

use std::collections::HashMap;

/// `ok`, `FAILED` or `ignored` of each test, by its path with the crate first.
pub(crate) fn verdicts(record: &str) -> HashMap<String, String> {
    let mut verdicts = HashMap::new();
    let mut binary = "";
    for line in record.lines() {
        if let Some(name) = running(line) {
            binary = name;
        } else if let Some((test, verdict)) = verdict(line) {
            verdicts.insert(format!("{binary}::{test}"), verdict.to_owned());
        }
    }
    verdicts
}

/// `     Running unittests src/lib.rs (target/debug/deps/twamp_core-0123456789abcdef)`
fn running(line: &str) -> Option<&str> {
    let (_, file) = line
        .trim_start()
        .strip_prefix("Running ")?
        .rsplit_once('(')?;
    let (_, name) = file.strip_suffix(')')?.rsplit_once('/')?;
    Some(name.rsplit_once('-')?.0)
}

/// `test time::tests::known_times_have_known_encodings ... ok`
fn verdict(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("test ")?.split_once(" ... ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_belongs_to_the_binary_that_ran_before_it() {
        let record = "
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.1s
     Running unittests src/lib.rs (target/debug/deps/twamp_core-0123456789abcdef)

running 2 tests
test time::tests::one ... ok
test time::tests::two ... ignored, too slow

     Running ping/main.rs (/elsewhere/deps/ping-fedcba9876543210)
test time::tests::one ... FAILED
";
        let verdicts = verdicts(record);
        let told = |test: &str| verdicts.get(test).map(String::as_str);
        assert_eq!(told("twamp_core::time::tests::one"), Some("ok"));
        assert_eq!(
            told("twamp_core::time::tests::two"),
            Some("ignored, too slow")
        );
        assert_eq!(told("ping::time::tests::one"), Some("FAILED"));
        assert_eq!(told("ping::time::tests::two"), None);
    }
}
