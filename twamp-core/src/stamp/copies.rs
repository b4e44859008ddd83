//! Reflected Test Packet Control (RFC 10052): several replies to one request, or shorter ones.
//!
//! A request that makes a reflector send more is a weapon in the wrong hands. So this is off by
//! default, needs an HMAC that is right, never makes a reply longer than its request, and has
//! limits: what is asked beyond them is answered once, with the C flag.

use crate::time::Mono;
use crate::wire::tlv::control::ReflectedControl;
use crate::wire::tlv::routing::Way;
use crate::wire::tlv::{HEADER_LEN, Kind, Tlvs, Value};
use std::time::Duration;

/// The most that a sender may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyLimits {
    /// Replies to one request.
    pub count: u16,
    /// Extra replies of the session in any second of our clock.
    pub per_second: u32,
    /// Least time from one to the next.
    pub interval: Duration,
}

impl Default for CopyLimits {
    /// 8 replies, 100 extra ones per second, 1 ms.
    fn default() -> Self {
        CopyLimits {
            count: 8,
            per_second: 100,
            interval: Duration::from_millis(1),
        }
    }
}

/// Further replies that the sender asked for and may have. Make each with
/// [`Reflector::copy`](super::Reflector::copy).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copies {
    /// How many after the first.
    pub further: u16,
    /// Time from one to the next.
    pub interval: Duration,
}

/// What becomes of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// One reply, U flag.
    NotUnderstood,
    /// One reply, C flag.
    NotConforming,
    /// No reply.
    NoReply,
    /// As asked.
    Granted { copies: Option<Copies>, cut: Cut },
}

/// How to shorten a reply: nothing but the last Extra Padding is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Cut {
    /// Octets to take from its end.
    octets: usize,
    /// The padding that is shortened, not removed: its place and new length.
    padding: Option<(usize, u16)>,
}

/// What the decision depends on besides the wish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The number of the request.
    pub(super) sequence: u32,
    /// Its HMAC TLV was verified.
    pub(super) protected: bool,
    /// Its TLVs.
    pub(super) area: &'a [u8],
    /// Octets before them.
    pub(super) base_len: usize,
    /// When it came in.
    pub(super) now: Mono,
}

/// Decides on the wishes of one session.
#[derive(Clone, Debug)]
pub(super) struct CopyControl {
    /// `None`: switched off.
    limits: Option<CopyLimits>,
    /// The highest number with a wish: nothing is granted twice.
    newest: Option<u32>,
    second: Mono,
    spent: u32,
}

impl CopyControl {
    pub(super) fn new(limits: Option<CopyLimits>) -> Self {
        CopyControl {
            limits,
            newest: None,
            second: Mono(0),
            spent: 0,
        }
    }

    pub(super) fn decide(&mut self, wish: ReflectedControl, case: &Case<'_>) -> Verdict {
        let Some(limits) = self.limits.filter(|_| case.protected) else {
            return Verdict::NotUnderstood;
        };
        if !self.is_newer(case.sequence) || asks_for_silence(case.area) {
            return Verdict::NotUnderstood;
        }
        self.newest = Some(case.sequence);
        let Some(further) = wish.count.checked_sub(1) else {
            return Verdict::NoReply;
        };
        let too_many = wish.count > limits.count;
        let too_fast = further > 0 && wish.interval() < limits.interval;
        match Cut::to(wish.length.into(), case) {
            Some(cut) if !too_many && !too_fast && self.spend(further, limits, case.now) => {
                let copies = (further > 0).then_some(Copies {
                    further,
                    interval: wish.interval(),
                });
                Verdict::Granted { copies, cut }
            }
            _ => Verdict::NotConforming,
        }
    }

    fn is_newer(&self, sequence: u32) -> bool {
        self.newest
            .is_none_or(|newest| (sequence.wrapping_sub(newest) as i32) > 0)
    }

    fn spend(&mut self, further: u16, limits: CopyLimits, now: Mono) -> bool {
        if now.since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.spent = 0;
        }
        let spent = self.spent.saturating_add(further.into());
        let allowed = spent <= limits.per_second;
        if allowed {
            self.spent = spent;
        }
        allowed
    }
}

impl Cut {
    /// `None` if the reply can't have that length.
    fn to(length: usize, case: &Case<'_>) -> Option<Cut> {
        let wanted = length.checked_sub(case.base_len)?;
        let octets = case.area.len().checked_sub(wanted)?;
        if octets == 0 {
            return Some(Cut::default());
        }
        let last = Tlvs::new(case.area).last()?.ok()?;
        if last.kind != Kind::EXTRA_PADDING {
            return None;
        }
        if wanted == last.at {
            let padding = None;
            return Some(Cut { octets, padding });
        }
        let value = u16::try_from(wanted.checked_sub(last.at + HEADER_LEN)?).ok()?;
        let padding = Some((last.at, value));
        Some(Cut { octets, padding })
    }

    /// Shortens the reply, which begins with `base_len` octets before the TLVs.
    pub(super) fn apply(self, reply: &mut Vec<u8>, base_len: usize) {
        if let Some((at, value)) = self.padding {
            reply[base_len + at + 2..][..2].copy_from_slice(&value.to_be_bytes());
        }
        reply.truncate(reply.len() - self.octets);
    }
}

/// A Return Path that says "no reply" contradicts any wish for replies.
fn asks_for_silence(area: &[u8]) -> bool {
    Tlvs::new(area)
        .map_while(Result::ok)
        .any(|tlv| match tlv.typed() {
            Ok(Value::ReturnPath(path)) => path
                .ways()
                .any(|way| way.is_ok_and(|(_, way)| way == Way::NO_REPLY)),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tlv::{Flags, push};

    const BASE: usize = 112;

    fn wish(length: usize, count: u16) -> ReflectedControl {
        ReflectedControl {
            length: length as u16,
            count,
            interval_ns: 1_000_000,
        }
    }

    fn padded(padding: usize) -> Vec<u8> {
        let mut area = Vec::new();
        push(&mut area, Flags(0), Kind::HMAC, &[0; 16]);
        push(&mut area, Flags(0), Kind::EXTRA_PADDING, &vec![0; padding]);
        area
    }

    fn case(area: &[u8], sequence: u32) -> Case<'_> {
        Case {
            sequence,
            protected: true,
            area,
            base_len: BASE,
            now: Mono(0),
        }
    }

    fn on() -> CopyControl {
        CopyControl::new(Some(CopyLimits::default()))
    }

    #[test]
    fn it_is_off_by_default_and_without_protection() {
        let area = padded(4);
        let len = BASE + area.len();
        let verdict = CopyControl::new(None).decide(wish(len, 3), &case(&area, 1));
        assert_eq!(verdict, Verdict::NotUnderstood);
        let open = Case {
            protected: false,
            ..case(&area, 1)
        };
        assert_eq!(on().decide(wish(len, 3), &open), Verdict::NotUnderstood);
    }

    #[test]
    fn a_wish_within_the_limits_is_granted_and_one_beyond_is_not() {
        let area = padded(4);
        let len = BASE + area.len();
        for (count, further) in [(1, None), (2, Some(1)), (8, Some(7))] {
            let copies = further.map(|further| Copies {
                further,
                interval: Duration::from_millis(1),
            });
            let cut = Cut::default();
            let verdict = on().decide(wish(len, count), &case(&area, 1));
            assert_eq!(verdict, Verdict::Granted { copies, cut });
        }
        assert_eq!(on().decide(wish(len, 0), &case(&area, 1)), Verdict::NoReply);
        let too_fast = ReflectedControl {
            interval_ns: 999_999,
            ..wish(len, 2)
        };
        for beyond in [wish(len, 9), too_fast, wish(len + 1, 1), wish(BASE - 1, 1)] {
            let verdict = on().decide(beyond, &case(&area, 1));
            assert_eq!(verdict, Verdict::NotConforming, "{beyond:?}");
        }
    }

    #[test]
    fn extra_replies_are_rationed_by_the_second() {
        let area = padded(4);
        let mut control = on();
        let mut granted = 0;
        for n in 0..20 {
            let verdict = control.decide(wish(BASE + area.len(), 8), &case(&area, n));
            granted += usize::from(matches!(verdict, Verdict::Granted { .. }));
        }
        assert_eq!(granted, 14);
        let later = Case {
            now: Mono(1_000_000_000),
            ..case(&area, 99)
        };
        let verdict = control.decide(wish(BASE + area.len(), 8), &later);
        assert!(matches!(verdict, Verdict::Granted { .. }));
    }

    #[test]
    fn a_number_that_does_not_increase_is_granted_nothing() {
        let area = padded(4);
        let mut control = on();
        let len = BASE + area.len();
        for (sequence, granted) in [
            (u32::MAX, true),
            (u32::MAX, false),
            (5, true),
            (4, false),
            (6, true),
        ] {
            let verdict = control.decide(wish(len, 2), &case(&area, sequence));
            assert_eq!(verdict != Verdict::NotUnderstood, granted, "{sequence}");
        }
    }

    #[test]
    fn a_contradiction_is_not_understood() {
        let (mut ways, mut area) = (Vec::new(), Vec::new());
        Way::NO_REPLY.push(Flags(0x80), &mut ways);
        push(&mut area, Flags(0x80), Kind::RETURN_PATH, &ways);
        let verdict = on().decide(wish(BASE + area.len(), 1), &case(&area, 1));
        assert_eq!(verdict, Verdict::NotUnderstood);
    }

    #[test]
    fn a_reply_is_shortened_by_its_last_padding_only() {
        let area = padded(10);
        let whole = BASE + area.len();
        for (length, possible) in [
            (whole, true),
            (whole - 10, true),
            (whole - 11, false),
            (whole - 13, false),
            (whole - 14, true),
            (whole - 15, false),
        ] {
            let mut reply = vec![0; BASE];
            reply.extend_from_slice(&area);
            let cut = Cut::to(length, &case(&area, 1));
            assert_eq!(cut.is_some(), possible, "{length}");
            if let Some(cut) = cut {
                cut.apply(&mut reply, BASE);
                assert_eq!(reply.len(), length);
                assert!(Tlvs::new(&reply[BASE..]).all(|tlv| tlv.is_ok()));
            }
        }
    }
}
