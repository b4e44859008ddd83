//! Shared secrets of the secure modes: told once, never shown.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::Config;

/// A secret that two ends share, under the name that the client says on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name, at most 80 octets.
    pub id: String,
    /// The passphrase. Absent: the one that the engine has under this id.
    #[serde(default, skip_serializing)]
    pub passphrase: Option<Secret>,
    /// Not to be used before, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Not to be used after, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
}

/// A text that is read and handed on, but neither shown nor written.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Key {
    /// A key without limits of time.
    #[must_use]
    pub fn new(id: &str, passphrase: Secret) -> Self {
        Self {
            id: id.to_owned(),
            passphrase: Some(passphrase),
            not_before: None,
            not_after: None,
        }
    }
}

impl Secret {
    /// A secret of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Never the text.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl Config {
    /// The document that an engine needs: with the passphrases, which plain serialising leaves
    /// out. Don't keep it.
    ///
    /// # Errors
    /// A configuration that is no JSON value, which can't happen.
    pub fn revealed(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        for (place, key) in self.keys.iter().enumerate() {
            if let Some(secret) = &key.passphrase {
                document["keys"][place]["passphrase"] = secret.reveal().into();
            }
        }
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            keys: vec![Key::new("hub", Secret::new("hidden"))],
            ..Config::default()
        }
    }

    #[test]
    fn a_passphrase_is_neither_shown_nor_written() {
        for shown in [
            format!("{:?}", config()),
            serde_json::to_string(&config()).unwrap(),
            serde_json::to_string(&Secret::new("hidden")).unwrap(),
        ] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
        let shown = format!("{:?}", config().keys[0]);
        assert!(
            shown.contains("hub") && shown.contains("Secret(..)"),
            "{shown}"
        );
    }

    #[test]
    fn what_an_engine_needs_is_read_back_whole() {
        let document = config().revealed().unwrap();
        assert_eq!(document["keys"][0]["passphrase"], "hidden");
        assert_eq!(
            serde_json::from_value::<Config>(document).unwrap(),
            config()
        );
    }
}
