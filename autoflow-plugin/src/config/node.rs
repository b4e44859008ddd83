//! A place in a document: its path and, if something is there, its value.

use std::net::IpAddr;
use std::str::FromStr;

use plugin_abi::config::{Address, Prefix, Remote, dscp};
use plugin_abi::manage::Problem;
use serde_json::Value;

/// Letters of a value that a message shows, at most.
const SHOWN: usize = 48;

/// A place in a document.
#[derive(Clone)]
pub(super) struct Node<'doc> {
    path: String,
    value: Option<&'doc Value>,
}

impl<'doc> Node<'doc> {
    /// The whole document.
    pub(super) fn root(value: &'doc Value) -> Self {
        Self::named("", value)
    }

    /// The value that messages call `path`.
    pub(super) fn named(path: &str, value: &'doc Value) -> Self {
        Self {
            path: path.to_owned(),
            value: Some(value),
        }
    }

    /// The same where perhaps nothing is.
    pub(super) fn perhaps(path: &str, value: Option<&'doc Value>) -> Self {
        let path = path.to_owned();
        Self { path, value }
    }

    /// `lines[2].remote`; the whole is the document.
    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() {
            "document"
        } else {
            &self.path
        }
    }

    /// What stands there.
    pub(super) fn value(&self) -> Option<&'doc Value> {
        self.value
    }

    /// Is anything there, right or wrong?
    pub(super) fn is_there(&self) -> bool {
        self.value.is_some()
    }

    /// The place of a key.
    pub(super) fn key(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{key}", self.path),
            value: self.value.and_then(|value| value.get(key)),
        }
    }

    /// The places of a list; none where there is no list.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> + use<'doc> {
        let items = self
            .value
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let path = self.path.clone();
        items.iter().enumerate().map(move |(index, value)| Self {
            path: format!("{path}[{index}]"),
            value: Some(value),
        })
    }

    /// The text there.
    pub(super) fn text(&self) -> Option<&'doc str> {
        self.value.and_then(Value::as_str)
    }

    /// The address there, with its link, with or without a port.
    pub(super) fn address(&self) -> Option<Address> {
        let remote: Remote = self.text()?.parse().ok()?;
        Some(remote.address)
    }

    /// The same without the link.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.address().map(|address| address.ip)
    }

    /// The whole number there.
    pub(super) fn whole(&self) -> Option<u64> {
        self.value.and_then(Value::as_u64)
    }

    /// The mark there, by number or by name.
    pub(super) fn dscp(&self) -> Option<u8> {
        match self.text() {
            Some(name) => dscp::named(name),
            None => u8::try_from(self.whole()?)
                .ok()
                .filter(|mark| *mark <= dscp::LARGEST),
        }
    }

    /// What may be written as a number or as a text.
    pub(super) fn parsed<T: FromStr>(&self) -> Option<T> {
        match self.value? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The network there.
    pub(super) fn prefix(&self) -> Option<Prefix> {
        self.text()?.parse().ok()
    }

    /// The number there, or `default` where nothing is; `None` where it is no number.
    pub(super) fn number_or(&self, default: f64) -> Option<f64> {
        self.value.map_or(Some(default), Value::as_f64)
    }

    /// The flag there, or `default` where nothing is; `None` where it is no flag.
    pub(super) fn flag_or(&self, default: bool) -> Option<bool> {
        self.value.map_or(Some(default), Value::as_bool)
    }

    /// What stands there, for a message.
    pub(super) fn found(&self) -> String {
        match self.value {
            None => "nothing".into(),
            Some(_) if self.may_be_secret() => "something that is not shown".into(),
            Some(Value::Object(_)) => "an object".into(),
            Some(Value::Array(items)) if items.is_empty() => "an empty list".into(),
            Some(value) => {
                let text = value.to_string();
                match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{}…", &text[..end]),
                    None => text,
                }
            }
        }
    }

    /// Below `keys` a passphrase may stand where it should, and by mistake anywhere else.
    fn may_be_secret(&self) -> bool {
        let public = [".id", ".not_before", ".not_after"];
        self.path.starts_with("keys") && !public.iter().any(|key| self.path.ends_with(key))
    }

    /// A mistake here, with what stands here as what was found.
    pub(super) fn problem(&self, expected: impl Into<String>, fix: impl Into<String>) -> Problem {
        self.problem_found(expected, self.found(), fix)
    }

    /// A mistake here.
    pub(super) fn problem_found(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Problem {
        Problem {
            path: self.path().to_owned(),
            expected: expected.into(),
            found: found.into(),
            fix: fix.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_says_where_a_value_stands_and_where_one_is_missing() {
        let document = json!({"lines": [{}, {"remote": "x"}]});
        let line = Node::root(&document).key("lines").items().nth(1).unwrap();
        assert_eq!(line.key("remote").path(), "lines[1].remote");
        assert_eq!(line.key("remote").text(), Some("x"));
        assert_eq!(line.key("local").path(), "lines[1].local");
        assert!(!line.key("local").is_there());
        assert_eq!(Node::root(&document).path(), "document");
    }

    #[test]
    fn a_long_value_is_shown_in_part() {
        let long = json!("é".repeat(100));
        let shown = Node::root(&long).found();
        assert_eq!(shown.chars().count(), SHOWN + 1);
        assert!(shown.ends_with("é…"));
    }
}
