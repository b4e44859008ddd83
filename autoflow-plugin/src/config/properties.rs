//! What holds of any document, right or wrong.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::tests::good;
use super::{judge, read};

/// Keys that a document may have somewhere, and a few that it may not.
const KEYS: [&str; 29] = [
    "mode",
    "probe",
    "responder",
    "keys",
    "decision",
    "lines",
    "sessions",
    "line",
    "local_port",
    "count",
    "groups",
    "classes",
    "id",
    "name",
    "remote",
    "local",
    "listen",
    "light",
    "test_ports",
    "interval_ms",
    "timeout_ms",
    "key_id",
    "passphrase",
    "sla",
    "schedule",
    "every_s",
    "cron",
    "",
    "é.b[0]",
];

/// Texts that are right in one place and wrong in another.
const TEXTS: [&str; 14] = [
    "",
    "act",
    "light",
    "encrypted",
    "manual",
    "hub",
    "fibre",
    "127.0.0.1",
    "127.0.0.1:862",
    "[fe80::1%2]:9",
    "[::]:0",
    "255.255.255.255:1",
    "::ffff:127.0.0.1",
    "é\n\0",
];

const NUMBERS: [f64; 12] = [
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.0,
    2.0,
    64.0,
    862.0,
    65_536.0,
    4_294_967_296.0,
    1e-300,
    1e300,
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0u64..70_000).prop_map(Value::from),
        select(&NUMBERS[..]).prop_map(Value::from),
        select(&TEXTS[..]).prop_map(Value::from),
        ".{0,100}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        let pair = (select(&KEYS[..]), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Value::from),
            proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// A change of a document at one of its places.
#[derive(Clone, Debug)]
enum Change {
    /// Something else stands there.
    Put(Value),
    /// What stands at another place stands there as well.
    Copy(Index),
    /// An object has one more key.
    Add(&'static str, Value),
    /// An object or a list has the last one less.
    Drop,
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let what = prop_oneof![
        3 => value().prop_map(Change::Put),
        1 => any::<Index>().prop_map(Change::Copy),
        2 => (select(&KEYS[..]), value()).prop_map(|(key, value)| Change::Add(key, value)),
        2 => Just(Change::Drop),
    ];
    (any::<Index>(), what)
}

/// A good document with a few changes: it is still nearly one.
fn changed() -> impl Strategy<Value = Value> {
    proptest::collection::vec(change(), 0..4).prop_map(|changes| {
        let mut document = good();
        for (place, change) in changes {
            apply(&mut document, place, change);
        }
        document
    })
}

fn apply(document: &mut Value, place: Index, change: Change) {
    let places = places(document);
    let other = match &change {
        Change::Copy(from) => document.pointer(&places[from.index(places.len())]).cloned(),
        _ => None,
    };
    let Some(here) = document.pointer_mut(&places[place.index(places.len())]) else {
        return;
    };
    match (here, change) {
        (here, Change::Put(value)) => *here = value,
        (here, Change::Copy(_)) => *here = other.unwrap_or_default(),
        (Value::Object(object), Change::Add(key, value)) => {
            object.insert(key.to_owned(), value);
        }
        (Value::Object(object), Change::Drop) => {
            let last = object.keys().next_back().cloned();
            last.and_then(|key| object.remove(&key));
        }
        (Value::Array(items), Change::Drop) => drop(items.pop()),
        (_, Change::Add(..) | Change::Drop) => {}
    }
}

/// Pointers (RFC 6901) to all values of a document.
fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    let below = |step: &dyn std::fmt::Display, value: &Value| {
        let step = step.to_string().replace('~', "~0").replace('/', "~1");
        let all = self::places(value).into_iter();
        all.map(|rest| format!("/{step}{rest}")).collect::<Vec<_>>()
    };
    match document {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places.extend(below(&index, item));
            }
        }
        Value::Object(object) => {
            for (key, value) in object {
                places.extend(below(key, value));
            }
        }
        _ => {}
    }
    places
}

/// Refused with at least one mistake, each told whole; or taken, and the same once written.
fn told_or_goes_round(document: &Value) -> Result<bool, TestCaseError> {
    match judge(document) {
        Ok(config) => {
            let written = config.revealed().unwrap();
            prop_assert_eq!(judge(&written), Ok(config), "{}", written);
            Ok(true)
        }
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                let parts = [
                    &problem.path,
                    &problem.expected,
                    &problem.found,
                    &problem.fix,
                ];
                prop_assert!(parts.iter().all(|part| !part.is_empty()), "{:?}", problem);
            }
            Ok(false)
        }
    }
}

proptest! {
    #[test]
    fn a_changed_document_is_refused_with_its_mistakes_or_goes_round(document in changed()) {
        told_or_goes_round(&document)?;
    }

    #[test]
    fn a_number_is_written_and_read_back_to_its_last_bit(
        interval in 1.0f64..3_000.0, mbps in 0.001f64..1e6, percent in 1e-9f64..100.0,
    ) {
        let mut document = good();
        document["lines"][1]["probe"]["interval_ms"] = interval.into();
        document["lines"][1]["capacity_up_mbps"] = mbps.into();
        document["classes"][0]["sla"]["loss_percent"] = percent.into();
        let config = judge(&document).unwrap();
        let written = config.revealed().unwrap().to_string();
        prop_assert_eq!(read(written.as_bytes()), Ok(config));
    }

    #[test]
    fn any_document_is_refused_with_its_mistakes_or_goes_round(document in value()) {
        told_or_goes_round(&document)?;
    }

    #[test]
    fn any_octets_are_read_as_the_document_that_they_are_or_refused(
        octets: Vec<u8>, document in changed(), cut: Index,
    ) {
        let _ = read(&octets);
        let text = document.to_string();
        prop_assert_eq!(read(text.as_bytes()).is_ok(), judge(&document).is_ok());
        let half = &text.as_bytes()[..cut.index(text.len())];
        prop_assert!(read(half).is_err());
    }
}

#[test]
fn changed_documents_are_of_both_kinds() {
    let mut runner = TestRunner::deterministic();
    let taken = (0..300).filter(|_| {
        let document = changed().new_tree(&mut runner).unwrap().current();
        judge(&document).is_ok()
    });
    let taken = taken.count();
    assert!((30..270).contains(&taken), "{taken} of 300 were taken");
}
