//! Documents that stay JSON when they are changed, so that a fuzzer gets past the parser.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Changes the document in the first `size` octets of `data` and returns its new size: a change
/// of one place in it, or, of what is no JSON and now and then, of some octets. Keys to put in are
/// taken from `keys`.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, keys: &[&str]) -> usize {
    let mut dice = Dice(seed.into());
    let document = serde_json::from_slice::<Value>(&data[..size]);
    if let (Ok(mut document), 1..) = (document, dice.below(8)) {
        for _ in 0..=dice.below(3) {
            change(&mut document, &mut dice, keys);
        }
        let text = document.to_string();
        if text.len() <= max_size {
            data[..text.len()].copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
}

fn change(document: &mut Value, dice: &mut Dice, keys: &[&str]) {
    let other = {
        let mut number = dice.below(places(document));
        place(document, &mut number).cloned().unwrap_or_default()
    };
    let mut number = dice.below(places(document));
    let Some(here) = place(document, &mut number) else {
        return;
    };
    match (here, dice.below(8)) {
        (here, 0) => *here = other,
        (Value::Object(object), 1 | 2) => {
            object.insert(dice.one(keys).to_owned(), value(dice));
        }
        (Value::Object(object), 3) => {
            if let Some(key) = key(object, dice) {
                object.remove(&key);
            }
        }
        (Value::Object(object), 4) => {
            if let Some(moved) = key(object, dice).and_then(|key| object.remove(&key)) {
                object.insert(dice.one(keys).to_owned(), moved);
            }
        }
        (Value::Array(items), 1 | 2) if !items.is_empty() => {
            let copy = items[dice.below(items.len())].clone();
            items.push(copy);
        }
        (Value::Array(items), 3) if !items.is_empty() => {
            items.remove(dice.below(items.len()));
        }
        (Value::Array(items), 4) => items.push(value(dice)),
        (here @ Value::Number(_), 1..4) => {
            let by = dice.one(&[-1.0, 1.0, 0.5, 10.0]);
            *here = json!(here.as_f64().unwrap_or(0.0) + by);
        }
        (here @ Value::Number(_), 4) => *here = json!(dice.below(10)),
        (here, _) => *here = value(dice),
    }
}

/// A value with an edge.
fn value(dice: &mut Dice) -> Value {
    let texts = [
        "",
        " ",
        "A",
        "é\u{0}",
        "act",
        "measure",
        "advise",
        "manual",
        "system",
        "open",
        "light",
        "stamp",
        "class-of-service",
        "follow-up",
        "127.0.0.1",
        "127.0.0.1:862",
        "127.0.0.1:0",
        "0.0.0.0",
        "::1",
        "[::1]:862",
        "[::]:1",
        "fe80::1",
        "[fe80::1%2]:9",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "1.2.3",
    ];
    match dice.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!({}),
        4 => json!([]),
        5 => json!(dice.one(&texts).repeat(dice.below(200))),
        6 => json!([dice.below(70_000), dice.below(70_000)]),
        7 => json!(dice.one(&[0.0, -0.0, 0.5, -1.0, 1e-300, 1e300, 100.0, 3.6e6, 1.5])),
        8 => json!(dice.one(&[
            0,
            1,
            2,
            63,
            64,
            255,
            9_000,
            65_535,
            65_536,
            86_400,
            u64::from(u32::MAX),
            u64::from(u32::MAX) + 1,
            u64::MAX - 1,
            u64::MAX
        ])),
        9 => json!(dice.one(&[-1, i64::MIN])),
        _ => json!(dice.one(&texts)),
    }
}

/// How many values there are in `value`, itself included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(object) => object.values().map(places).sum(),
        _ => 0,
    }
}

/// The value of that number, counted down while looking.
fn place<'doc>(value: &'doc mut Value, number: &mut usize) -> Option<&'doc mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| place(item, number)),
        Value::Object(object) => object.values_mut().find_map(|item| place(item, number)),
        _ => None,
    }
}

fn key(object: &Map<String, Value>, dice: &mut Dice) -> Option<String> {
    let index = dice.below(object.len().max(1));
    object.keys().nth(index).cloned()
}

/// SplitMix64: the fuzzer's own seed decides, so that a change can be repeated.
struct Dice(u64);

impl Dice {
    /// A number from 0 to just below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}
