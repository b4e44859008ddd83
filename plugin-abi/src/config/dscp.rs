//! The mark of packets by number or by name (RFC 2474, 2597, 3246, 5865, 8622). Documents may have
//! either; what is written is the number.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A mark, in documents by number or by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dscp(#[serde(with = "self")] pub u8);

/// Names that mean one DSCP each; 0 has two. Class selectors are `CS0` to `CS7`, assured
/// forwarding is `AF11` to `AF43`.
const NAMES: [(&str, u8); 24] = [
    ("DF", 0),
    ("LE", 1),
    ("CS0", 0),
    ("CS1", 8),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("CS2", 16),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("CS3", 24),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("CS4", 32),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("CS5", 40),
    ("VA", 44),
    ("EF", 46),
    ("CS6", 48),
    ("CS7", 56),
];

/// The largest there is: six bits.
pub const LARGEST: u8 = 63;

/// The DSCP of this name, in capitals or not.
#[must_use]
pub fn named(name: &str) -> Option<u8> {
    let found = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, dscp)| *dscp)
}

/// What this DSCP is called, if it has a name.
#[must_use]
pub fn name(dscp: u8) -> Option<&'static str> {
    let found = NAMES.iter().find(|(_, known)| *known == dscp);
    found.map(|(name, _)| *name)
}

/// What people call it; its number where it has no name.
#[must_use]
pub fn label(dscp: u8) -> String {
    match (dscp, name(dscp)) {
        // Its other name, DF, is as well that of a bit: don't fragment.
        (0, _) => "CS0".to_owned(),
        (_, Some(name)) => name.to_owned(),
        (_, None) => format!("DSCP {dscp}"),
    }
}

/// Writes the number.
///
/// # Errors
/// Those of the serializer.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
pub(super) fn serialize<S: Serializer>(dscp: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*dscp)
}

/// Reads a number or a name.
///
/// # Errors
/// It is neither.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    struct Reading;

    impl Visitor<'_> for Reading {
        type Value = u8;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a DSCP from 0 to {LARGEST}, or its name")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u8, E> {
            // Its range is the judge's business, as that of other numbers.
            u8::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<u8, E> {
            u8::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u8, E> {
            named(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_any(Reading)
}

#[cfg(test)]
mod tests {
    use crate::config::Probe;

    use super::*;

    #[test]
    fn a_dscp_is_called_by_its_name_or_its_number() {
        let called = [0, 1, 10, 46, 5, 63].map(label);
        let expected = ["CS0", "LE", "AF11", "EF", "DSCP 5", "DSCP 63"];
        assert_eq!(called, expected);
    }

    fn read(json: &str) -> Result<u8, String> {
        let probe = serde_json::from_str::<Probe>(&format!(r#"{{"dscp": {json}}}"#));
        probe
            .map(|probe| probe.dscp)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_mark_is_read_by_number_or_name_and_written_as_a_number() {
        for (json, dscp) in [
            ("46", 46),
            (r#""EF""#, 46),
            (r#""af11""#, 10),
            (r#""AF43""#, 38),
            (r#""CS0""#, 0),
            (r#""cs7""#, 56),
            (r#""VA""#, 44),
            (r#""LE""#, 1),
            (r#""DF""#, 0),
        ] {
            assert_eq!(read(json), Ok(dscp), "{json}");
        }
        let probe = Probe {
            dscp: 46,
            ..Probe::default()
        };
        assert_eq!(serde_json::to_value(probe).unwrap()["dscp"], 46);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in ["-1", "256", "4.5", r#""AF44""#, r#""""#, r#""46""#, "null"] {
            let error = read(json).unwrap_err();
            assert!(error.contains("or its name"), "{json}: {error}");
        }
    }

    #[test]
    fn every_name_finds_back_from_its_number_but_for_the_second_of_0() {
        for (known, dscp) in NAMES {
            assert_eq!(named(known), Some(dscp));
            assert!(name(dscp) == Some(known) || known == "CS0");
        }
        assert_eq!((name(63), named("")), (None, None));
    }
}
