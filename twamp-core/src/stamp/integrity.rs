//! The HMAC TLV (RFC 8972, section 4.8).
//!
//! It covers the number in the base packet and all TLVs before it; only Extra Padding may follow.
//! Authenticated packets must have one unless their only TLV is Extra Padding.

use super::security::Security;
use crate::wire::tlv::{HEADER_LEN, Kind, Tlvs};

/// Whether TLVs may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Integrity {
    /// There is no HMAC TLV, and none is needed.
    Unprotected,
    /// The HMAC TLV at this place is right.
    Verified { at: usize },
    /// It is wrong, misplaced or missing.
    Failed,
}

/// Looks at the TLVs of a packet with this number.
pub(super) fn check(area: &[u8], sequence: u32, security: &Security) -> Integrity {
    let Ok(protected) = find(area) else {
        return Integrity::Failed;
    };
    match (protected, security.tlv_key()) {
        (Some(at), Some(key)) => {
            let hmac = &area[at + HEADER_LEN..][..16];
            match key.verify([&sequence.to_be_bytes(), &area[..at]], hmac) {
                true => Integrity::Verified { at },
                false => Integrity::Failed,
            }
        }
        (Some(_), None) => Integrity::Failed,
        (None, _) if security.needs_hmac_tlv() && !at_most_padding(area) => Integrity::Failed,
        (None, _) => Integrity::Unprotected,
    }
}

/// Writes the HMAC of the TLVs before `at` into the HMAC TLV there.
pub(super) fn sign(area: &mut [u8], at: usize, sequence: u32, security: &Security) {
    if let Some(key) = security.tlv_key() {
        let hmac = key.sign([&sequence.to_be_bytes(), &area[..at]]);
        area[at + HEADER_LEN..][..hmac.len()].copy_from_slice(&hmac);
    }
}

/// Where a well-formed HMAC TLV stands. An error if it is malformed or not at its place.
pub(super) fn find(area: &[u8]) -> Result<Option<usize>, ()> {
    let mut found = None;
    for tlv in Tlvs::new(area) {
        let kind = match &tlv {
            Ok(tlv) => Some(tlv.kind),
            Err(malformed) => malformed.kind,
        };
        match (kind, tlv) {
            (Some(Kind::EXTRA_PADDING), _) => {}
            _ if found.is_some() => return Err(()),
            (Some(Kind::HMAC), Ok(tlv)) if tlv.value.len() == 16 => found = Some(tlv.at),
            (Some(Kind::HMAC), _) => return Err(()),
            _ => {}
        }
    }
    Ok(found)
}

/// No TLV, or Extra Padding and nothing else.
fn at_most_padding(area: &[u8]) -> bool {
    let mut tlvs = Tlvs::new(area).map(|tlv| match tlv {
        Ok(tlv) => Some(tlv.kind),
        Err(malformed) => malformed.kind,
    });
    let first = tlvs.next();
    first.is_none_or(|kind| kind == Some(Kind::EXTRA_PADDING)) && tlvs.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::security::Key;
    use super::*;
    use crate::wire::tlv::{Flags, push};

    const SEQUENCE: u32 = 7;

    fn authenticated() -> Security {
        Security::Authenticated(Key::new(b"key").unwrap())
    }

    /// TLVs of these types, 4 octets each, the HMAC TLV with the right HMAC.
    fn area(kinds: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for &kind in kinds {
            let at = out.len();
            match Kind(kind) {
                Kind::HMAC => {
                    push(&mut out, Flags::UNRECOGNISED, Kind::HMAC, &[0; 16]);
                    sign(&mut out, at, SEQUENCE, &authenticated());
                }
                kind => push(&mut out, Flags::UNRECOGNISED, kind, &[0; 4]),
            }
        }
        out
    }

    fn checked(kinds: &[u8], security: &Security) -> Integrity {
        check(&area(kinds), SEQUENCE, security)
    }

    #[test]
    fn only_extra_padding_may_follow() {
        let security = authenticated();
        for good in [
            &[4, 8][..],
            &[4, 5, 8, 1],
            &[8],
            &[8, 1, 1],
            &[1, 8],
            &[1, 4, 8],
        ] {
            let found = checked(good, &security);
            assert!(matches!(found, Integrity::Verified { .. }), "{good:?}");
        }
        for bad in [
            &[8, 4][..],
            &[4, 8, 5],
            &[4, 8, 1, 4],
            &[8, 8],
            &[4, 8, 241],
        ] {
            assert_eq!(checked(bad, &security), Integrity::Failed, "{bad:?}");
        }
    }

    #[test]
    fn authenticated_packets_need_it_unless_there_is_one_padding_at_most() {
        let security = authenticated();
        assert_eq!(checked(&[], &security), Integrity::Unprotected);
        assert_eq!(checked(&[1], &security), Integrity::Unprotected);
        for bad in [&[1, 1][..], &[4], &[4, 1], &[241]] {
            assert_eq!(checked(bad, &security), Integrity::Failed, "{bad:?}");
        }
    }

    #[test]
    fn open_packets_may_have_it_but_then_it_must_be_right() {
        assert_eq!(checked(&[4], &Security::Open), Integrity::Unprotected);
        assert_eq!(checked(&[4, 8], &Security::Open), Integrity::Failed);
        let with_key = Security::OpenWithTlvKey(Key::new(b"key").unwrap());
        assert_eq!(checked(&[4], &with_key), Integrity::Unprotected);
        assert_eq!(checked(&[4, 8], &with_key), Integrity::Verified { at: 8 });
    }

    #[test]
    fn every_octet_before_it_and_the_number_are_covered() {
        let good = area(&[4, 5, 8, 1]);
        for place in 0..good.len() {
            let mut area = good.clone();
            area[place] ^= 4;
            // Its own flags are not. After it, type and length must still make one padding.
            let covered = (place < 36 && place != 16) || place == 37 || place == 39;
            let found = check(&area, SEQUENCE, &authenticated());
            assert_eq!(found == Integrity::Failed, covered, "{place}");
        }
        assert_eq!(
            check(&good, SEQUENCE + 1, &authenticated()),
            Integrity::Failed
        );
    }

    #[test]
    fn octets_that_are_no_tlv_must_not_follow() {
        let mut area = area(&[4, 8]);
        area.push(0x80);
        assert_eq!(check(&area, SEQUENCE, &authenticated()), Integrity::Failed);
    }
}
