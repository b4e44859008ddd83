//! The places of a document: a tree of the same shape as its value.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::place::Step;

/// Where a value stands, and what is in it. Places are octets from the start of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// The key before it; of array elements and the root, the value itself.
    key: Range<usize>,
    value: Range<usize>,
    inside: Inside,
}

#[derive(Clone, Debug, Default)]
enum Inside {
    #[default]
    Nothing,
    Keys(BTreeMap<String, Tree>),
    Items(Vec<Tree>),
}

/// A document's JSON value and the places in it.
pub(super) fn grow(root: &DeTable<'_>) -> (Value, Tree) {
    let (value, inside) = table(root);
    let tree = Tree {
        inside,
        ..Tree::default()
    };
    (value, tree)
}

impl Tree {
    /// The place that `steps` lead to, its key if `of_key`; if they lead nowhere, the place of
    /// the last step that leads somewhere.
    pub(super) fn find(&self, steps: &[Step], of_key: bool) -> Range<usize> {
        match steps.split_first() {
            None if of_key => self.key.clone(),
            None => self.value.clone(),
            Some((step, rest)) => match self.step(step) {
                Some(inner) => inner.find(rest, of_key),
                None => self.value.clone(),
            },
        }
    }

    fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.inside, step) {
            (Inside::Keys(keys), Step::Key(key)) => keys.get(key),
            (Inside::Items(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

fn branch(item: &Spanned<DeValue<'_>>, key: Option<Range<usize>>) -> (Value, Tree) {
    let (value, inside) = match item.get_ref() {
        DeValue::String(text) => (Value::from(text.as_ref()), Inside::Nothing),
        DeValue::Integer(number) => (integer(number), Inside::Nothing),
        DeValue::Float(number) => (float(number), Inside::Nothing),
        DeValue::Boolean(truth) => (Value::from(*truth), Inside::Nothing),
        DeValue::Datetime(time) => (Value::from(time.to_string()), Inside::Nothing),
        DeValue::Array(items) => {
            let (values, trees) = items.iter().map(|item| branch(item, None)).unzip();
            (Value::Array(values), Inside::Items(trees))
        }
        DeValue::Table(keys) => table(keys),
    };
    let tree = Tree {
        key: key.unwrap_or_else(|| item.span()),
        value: item.span(),
        inside,
    };
    (value, tree)
}

fn table(keys: &DeTable<'_>) -> (Value, Inside) {
    let mut values = serde_json::Map::new();
    let mut trees = BTreeMap::new();
    for (key, item) in keys {
        let (value, tree) = branch(item, Some(key.span()));
        values.insert(key.get_ref().to_string(), value);
        trees.insert(key.get_ref().to_string(), tree);
    }
    (Value::Object(values), Inside::Keys(trees))
}

/// Ids are unsigned; a number beyond JSON's stays text, and the judge refuses it by its sight.
fn integer(number: &DeInteger<'_>) -> Value {
    let (digits, radix) = (number.as_str(), number.radix());
    if let Ok(number) = u64::from_str_radix(digits, radix) {
        number.into()
    } else if let Ok(number) = i64::from_str_radix(digits, radix) {
        number.into()
    } else {
        digits.into()
    }
}

/// JSON has no infinity and no NaN: they stay text too.
fn float(number: &DeFloat<'_>) -> Value {
    let number = number.as_str();
    match number.parse::<f64>() {
        Ok(finite) if finite.is_finite() => finite.into(),
        _ => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        grow(DeTable::parse(text).unwrap().get_ref()).0
    }

    #[test]
    fn toml_becomes_the_json_that_says_the_same() {
        assert_eq!(
            value("a = 0x10\nb = -1\nc = 1_000.5\nd = [true, 'x']\n[e.f]\ng = {}\n[[h]]\n[[h]]"),
            json!({"a": 16, "b": -1, "c": 1000.5, "d": [true, "x"], "e": {"f": {"g": {}}},
                   "h": [{}, {}]})
        );
    }

    #[test]
    fn the_largest_id_survives() {
        assert_eq!(
            value("id = 18446744073709551614"),
            json!({"id": u64::MAX - 1})
        );
    }

    #[test]
    fn what_json_can_not_say_stays_text() {
        assert_eq!(
            value("a = nan\nb = inf\nc = 2026-01-01\nd = 99999999999999999999"),
            json!({"a": "nan", "b": "inf", "c": "2026-01-01", "d": "99999999999999999999"})
        );
    }
}
