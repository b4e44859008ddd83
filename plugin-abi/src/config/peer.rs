//! Who may be answered: a network, or everybody, which must be said in a word.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::prefix::{Prefix, PrefixError};

/// Whom a responder answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// Everybody: `any`.
    Any,
    /// The hosts of a network.
    Within(Prefix),
}

impl Peer {
    /// Is `address` one of them?
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Within(network) => network.contains(address),
        }
    }

    /// Everybody, or everybody of an address family.
    #[must_use]
    pub fn is_everybody(self) -> bool {
        match self {
            Self::Any => true,
            Self::Within(network) => network.is_all(),
        }
    }
}

impl FromStr for Peer {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        match text {
            "any" => Ok(Self::Any),
            network => network.parse().map(Self::Within),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Within(network) => network.fmt(f),
        }
    }
}

impl Serialize for Peer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Peer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_text_in_a_document() {
        let peers: Vec<Peer> =
            serde_json::from_str(r#"["any", "192.0.2.0/24", "2001:db8::1"]"#).unwrap();
        let written = serde_json::to_string(&peers).unwrap();
        assert_eq!(written, r#"["any","192.0.2.0/24","2001:db8::1"]"#);
        assert!(serde_json::from_str::<Peer>(r#""everybody""#).is_err());
    }

    #[test]
    fn any_is_both_address_families_and_a_network_is_one() {
        let [v4, v6] = ["192.0.2.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap());
        for (peer, admitted) in [
            ("any", (true, true)),
            ("0.0.0.0/0", (true, false)),
            ("::/0", (false, true)),
        ] {
            let peer: Peer = peer.parse().unwrap();
            assert_eq!((peer.admits(v4), peer.admits(v6)), admitted, "{peer}");
            assert!(peer.is_everybody());
        }
        assert!(!"192.0.2.0/24".parse::<Peer>().unwrap().is_everybody());
    }
}
