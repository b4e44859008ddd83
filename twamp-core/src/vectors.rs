//! Worked vectors, made by an independent implementation: `tests/vectors/twamp_vectors.json`.

use std::sync::OnceLock;

use serde_json::Value;

pub(crate) fn vectors() -> &'static Value {
    static VECTORS: OnceLock<Value> = OnceLock::new();
    VECTORS.get_or_init(|| {
        serde_json::from_str(include_str!("../tests/vectors/twamp_vectors.json")).unwrap()
    })
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Octets, written in hexadecimal.
pub(crate) fn variable(value: &Value) -> Vec<u8> {
    let digits = text(value).as_bytes();
    let pairs = digits.as_chunks::<2>().0.iter();
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The same, where the number of octets is known.
pub(crate) fn octets<const N: usize>(value: &Value) -> [u8; N] {
    variable(value).try_into().unwrap()
}
