//! Information elements: what one is, and how a value of it is written (RFC 7012).

use std::net::{IpAddr, Ipv4Addr};

/// An information element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Below 0x8000; never given to another one.
    pub(super) id: u16,
    /// Ours, not IANA's.
    pub(super) own: bool,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) semantics: Semantics,
    pub(super) unit: Unit,
    /// Of our own ones.
    pub(super) description: &'static str,
}

/// Abstract data types (RFC 7012, section 3.1), with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned8 = 1,
    Unsigned16 = 2,
    Unsigned32 = 3,
    Unsigned64 = 4,
    Signed64 = 8,
    Boolean = 11,
    Text = 13,
    Milliseconds = 15,
    Ipv4 = 18,
    Ipv6 = 19,
}

/// Semantics of numbers (RFC 7012, section 3.2), with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Semantics {
    Default = 0,
    Quantity = 1,
    TotalCounter = 2,
    DeltaCounter = 3,
    Identifier = 4,
    Flags = 5,
}

/// Units, with their numbers (RFC 5610, section 3.1; IANA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None = 0,
    Packets = 3,
    Microseconds = 7,
    Nanoseconds = 8,
    Entries = 12,
}

/// A value on its way into a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Flag(bool),
    Text(&'a str),
    Address(IpAddr),
}

/// The length of what states its own length (RFC 7011, section 7).
pub(super) const VARIABLE: u16 = 65_535;

/// One of IANA's.
pub(super) const fn iana(id: u16, name: &'static str, kind: Kind) -> Element {
    Element {
        id,
        own: false,
        name,
        kind,
        semantics: Semantics::Default,
        unit: Unit::None,
        description: "",
    }
}

/// One of ours.
pub(super) const fn own(
    id: u16,
    name: &'static str,
    kind: Kind,
    semantics: Semantics,
    unit: Unit,
    description: &'static str,
) -> Element {
    Element {
        id,
        own: true,
        name,
        kind,
        semantics,
        unit,
        description,
    }
}

impl Kind {
    /// Octets of a value.
    pub(super) fn length(self) -> u16 {
        match self {
            Self::Unsigned8 | Self::Boolean => 1,
            Self::Unsigned16 => 2,
            Self::Unsigned32 | Self::Ipv4 => 4,
            Self::Unsigned64 | Self::Signed64 | Self::Milliseconds => 8,
            Self::Ipv6 => 16,
            Self::Text => VARIABLE,
        }
    }
}

impl Value<'_> {
    /// Appends the value as one of `kind`. Of a text no more than `room` octets; a number that is
    /// too large is the largest that there is.
    pub(super) fn write(self, kind: Kind, room: usize, out: &mut Vec<u8>) {
        match self {
            Self::Unsigned(value) => match kind.length() {
                1 => out.push(u8::try_from(value).unwrap_or(u8::MAX)),
                2 => out.extend(u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes()),
                4 => out.extend(u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes()),
                _ => out.extend(value.to_be_bytes()),
            },
            Self::Signed(value) => out.extend(value.to_be_bytes()),
            Self::Flag(value) => out.push(if value { 1 } else { 2 }),
            // One end of a session is never of another family than the other; if it is not known
            // yet, it may look like that.
            Self::Address(address) => match (address, kind) {
                (IpAddr::V4(address), Kind::Ipv6) => {
                    out.extend(address.to_ipv6_mapped().octets());
                }
                (IpAddr::V4(address), _) => out.extend(address.octets()),
                (IpAddr::V6(address), Kind::Ipv6) => out.extend(address.octets()),
                (IpAddr::V6(_), _) => out.extend(Ipv4Addr::UNSPECIFIED.octets()),
            },
            Self::Text(text) => {
                let text = cut(text, room.min(usize::from(VARIABLE - 1)));
                match u8::try_from(text.len()) {
                    Ok(length) if length < u8::MAX => out.push(length),
                    _ => {
                        out.push(u8::MAX);
                        // It was cut to fit.
                        out.extend((text.len() as u16).to_be_bytes());
                    }
                }
                out.extend(text.as_bytes());
            }
        }
    }
}

/// As many whole letters as have room.
fn cut(text: &str, room: usize) -> &str {
    match text.len() <= room {
        true => text,
        false => &text[..text.floor_char_boundary(room)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>, kind: Kind, room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(kind, room, &mut out);
        out
    }

    #[test]
    fn numbers_are_as_long_as_their_kind_and_signs_are_kept() {
        assert_eq!(written(Value::Unsigned(300), Kind::Unsigned8, 0), [255]);
        assert_eq!(written(Value::Unsigned(258), Kind::Unsigned16, 0), [1, 2]);
        assert_eq!(
            written(Value::Unsigned(7), Kind::Milliseconds, 0),
            [0, 0, 0, 0, 0, 0, 0, 7]
        );
        assert_eq!(written(Value::Signed(-1), Kind::Signed64, 0), [255; 8]);
        let flags = [true, false].map(|flag| written(Value::Flag(flag), Kind::Boolean, 0)[0]);
        assert_eq!(flags, [1, 2], "RFC 7011, section 6.1.5");
    }

    #[test]
    fn a_text_states_its_length_and_is_cut_between_letters() {
        assert_eq!(
            written(Value::Text("né"), Kind::Text, 99),
            [3, b'n', 0xc3, 0xa9]
        );
        assert_eq!(written(Value::Text("né"), Kind::Text, 2), [1, b'n']);
        let long = "x".repeat(255);
        let octets = written(Value::Text(&long), Kind::Text, 300);
        assert_eq!((&octets[..3], octets.len()), (&[255, 0, 255][..], 258));
        assert_eq!(written(Value::Text(&long), Kind::Text, 254).len(), 255);
    }
}
