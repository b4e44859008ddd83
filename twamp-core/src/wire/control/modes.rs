use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of modes: security modes and features (IANA registry "TWAMP-Modes").
///
/// In a greeting all that the server is willing to do; in a Set-Up-Response exactly one security
/// mode and any of the offered features.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Modes(pub u32);

impl Modes {
    /// The empty set: "I will not continue".
    pub const NONE: Modes = Modes(0);
    /// Unauthenticated control and test.
    pub const OPEN: Modes = Modes(1);
    /// Authenticated test, encrypted control.
    pub const AUTHENTICATED: Modes = Modes(1 << 1);
    /// Encrypted control and test.
    pub const ENCRYPTED: Modes = Modes(1 << 2);
    /// Encrypted control, unauthenticated test (RFC 5618).
    pub const MIXED: Modes = Modes(1 << 3);
    /// Individual session control (RFC 5938).
    pub const INDIVIDUAL_SESSIONS: Modes = Modes(1 << 4);
    /// Reflect octets (RFC 6038).
    pub const REFLECT_OCTETS: Modes = Modes(1 << 5);
    /// Symmetrical packet size (RFC 6038).
    pub const SYMMETRICAL_SIZE: Modes = Modes(1 << 6);
    /// Shared secret from IKEv2 (RFC 7717).
    pub const IKEV2_KEYS: Modes = Modes(1 << 7);
    /// DSCP and ECN monitoring (RFC 7750).
    pub const DSCP_ECN: Modes = Modes(1 << 8);
    /// PTPv2 timestamps (RFC 8186).
    pub const PTP_TIMESTAMPS: Modes = Modes(1 << 9);

    /// The security modes, of which a client selects one.
    pub const SECURITY: Modes = Modes(0xf);
    /// The features, of which a client selects any.
    pub const FEATURES: Modes = Modes(0x3f0);

    const NAMES: [&str; 10] = [
        "open",
        "authenticated",
        "encrypted",
        "mixed",
        "individual-sessions",
        "reflect-octets",
        "symmetrical-size",
        "ikev2-keys",
        "dscp-ecn",
        "ptp-timestamps",
    ];

    /// What its members are called, in the order of their bits; bits without a meaning have no name.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let bits = Self::NAMES.into_iter().enumerate();
        bits.filter_map(move |(bit, name)| self.contains(Modes(1 << bit)).then_some(name))
    }

    /// True if all of `others` are in this set.
    pub fn contains(self, others: Modes) -> bool {
        self & others == others
    }

    /// This set, and none of `others`.
    pub fn without(self, others: Modes) -> Modes {
        Modes(self.0 & !others.0)
    }

    /// True if nothing is in this set.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The security modes of this set (bits 0 to 3).
    pub fn security(self) -> Modes {
        self & Self::SECURITY
    }

    /// The features of this set (bits 4 to 9).
    pub fn features(self) -> Modes {
        self & Self::FEATURES
    }

    /// True if the control connection is encrypted: all security modes but open.
    pub fn is_secure(self) -> bool {
        !(self & (Self::AUTHENTICATED | Self::ENCRYPTED | Self::MIXED)).is_empty()
    }

    /// True if test packets are protected: modes authenticated and encrypted.
    pub fn protects_test(self) -> bool {
        !(self & (Self::AUTHENTICATED | Self::ENCRYPTED)).is_empty()
    }

    /// True if a client may answer `offered` with this set: one security mode, nothing unoffered,
    /// and no key without a use for it (RFC 7717).
    pub fn is_selection_from(self, offered: Modes) -> bool {
        self.security().0.is_power_of_two()
            && offered.contains(self)
            && (self.is_secure() || !self.contains(Self::IKEV2_KEYS))
    }
}

impl BitOr for Modes {
    type Output = Modes;

    fn bitor(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }
}

impl BitAnd for Modes {
    type Output = Modes;

    fn bitand(self, other: Modes) -> Modes {
        Modes(self.0 & other.0)
    }
}

/// Names joined by `+`, bits without a name as one hexadecimal number; `none` if empty.
impl fmt::Display for Modes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut glue = "";
        for name in self.names() {
            write!(f, "{glue}{name}")?;
            glue = "+";
        }
        match self.0 >> Self::NAMES.len() << Self::NAMES.len() {
            0 => Ok(()),
            nameless => write!(f, "{glue}{nameless:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_has_one_security_mode_and_nothing_unoffered() {
        let offered = Modes::OPEN | Modes::ENCRYPTED | Modes::DSCP_ECN;
        assert!(Modes::OPEN.is_selection_from(offered));
        assert!((Modes::OPEN | Modes::DSCP_ECN).is_selection_from(offered));
        assert!(!Modes::NONE.is_selection_from(offered));
        assert!(!Modes::DSCP_ECN.is_selection_from(offered));
        assert!(!(Modes::OPEN | Modes::ENCRYPTED).is_selection_from(offered));
        assert!(!Modes::MIXED.is_selection_from(offered));
        assert!(!(Modes::OPEN | Modes::REFLECT_OCTETS).is_selection_from(offered));
        assert!(!Modes(1 | 1 << 31).is_selection_from(offered));
        let all = Modes(u32::MAX);
        assert!((Modes::MIXED | Modes::IKEV2_KEYS).is_selection_from(all));
        assert!(!(Modes::OPEN | Modes::IKEV2_KEYS).is_selection_from(all));
    }

    #[test]
    fn a_set_without_others_keeps_the_rest() {
        let both = Modes::OPEN | Modes::DSCP_ECN;
        assert_eq!(both.without(Modes::DSCP_ECN | Modes::MIXED), Modes::OPEN);
        assert_eq!(both.without(Modes::NONE), both);
    }

    #[test]
    fn only_what_has_a_meaning_has_a_name() {
        let names = |modes: Modes| modes.names().collect::<Vec<_>>();
        assert_eq!(names(Modes(0x8000_0101)), ["open", "dscp-ecn"]);
        assert_eq!(names(Modes(u32::MAX)).len(), 10);
    }

    #[test]
    fn modes_are_shown_by_name() {
        assert_eq!(Modes::NONE.to_string(), "none");
        assert_eq!((Modes::OPEN | Modes::MIXED).to_string(), "open+mixed");
        assert_eq!(Modes(0x8000_0200).to_string(), "ptp-timestamps+0x80000000");
    }
}
