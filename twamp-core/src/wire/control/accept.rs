use std::fmt;

/// The answer in an Accept field (RFC 4656, section 3.3).
///
/// The octet is kept as it came; reserved values count as [`Accept::FAILURE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Accept(pub u8);

impl Accept {
    /// Granted.
    pub const OK: Accept = Accept(0);
    /// Failure for an unspecified reason.
    pub const FAILURE: Accept = Accept(1);
    /// The answering side broke.
    pub const INTERNAL_ERROR: Accept = Accept(2);
    /// Some aspect of the request is not supported.
    pub const NOT_SUPPORTED: Accept = Accept(3);
    /// More than the answering side will ever give.
    pub const PERMANENT_LIMIT: Accept = Accept(4);
    /// More than the answering side can give now.
    pub const TEMPORARY_LIMIT: Accept = Accept(5);
    /// No such IKEv2 security association (RFC 7717, in Server-Start only).
    pub const NO_SUCH_SA: Accept = Accept(6);

    /// True for [`Accept::OK`] alone.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// The value to act upon: itself if it is defined, else [`Accept::FAILURE`].
    pub fn effective(self) -> Accept {
        if self > Self::NO_SUCH_SA {
            Self::FAILURE
        } else {
            self
        }
    }

    /// What it says, for people.
    pub fn meaning(self) -> &'static str {
        match self.effective() {
            Self::OK => "accepted",
            Self::INTERNAL_ERROR => "internal error",
            Self::NOT_SUPPORTED => "some aspect of the request is not supported",
            Self::PERMANENT_LIMIT => "permanent resource limitation",
            Self::TEMPORARY_LIMIT => "temporary resource limitation",
            Self::NO_SUCH_SA => "no such IKEv2 security association",
            _ => "failure, reason unspecified",
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Accept {})", self.meaning(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_value_counts_as_plain_failure_but_shows_its_number() {
        for reserved in 7..=255 {
            let accept = Accept(reserved);
            assert!(!accept.is_ok());
            assert_eq!(accept.effective(), Accept::FAILURE);
            assert_eq!(accept.meaning(), Accept::FAILURE.meaning());
            assert!(accept.to_string().contains(&reserved.to_string()));
        }
    }

    #[test]
    fn every_defined_value_has_a_meaning_of_its_own() {
        let meanings: Vec<_> = (0..=6).map(|n| Accept(n).meaning()).collect();
        for (n, meaning) in meanings.iter().enumerate() {
            assert_eq!(Accept(n as u8).effective(), Accept(n as u8));
            assert_eq!(meanings.iter().filter(|m| *m == meaning).count(), 1);
        }
    }
}
