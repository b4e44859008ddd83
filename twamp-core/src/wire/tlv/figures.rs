//! What a sender saw of the way back, for the reflector, which can't see it by itself. A private
//! TLV: both ends must have agreed on it.
//!
//! ```text
//! Private Enterprise Number (4) | form = 1 (2) | reserved (2) | span number (4) | reserved (4)
//! span, ns (8) | counted (8) | received (8) | lost backward (8)
//! variation: mean, ns (8) | max, ns (8) | jitter, ns (8)
//! ```
//!
//! Of the last four numbers, all ones stand for not known.

use super::{Flags, Kind, Tlv, Value};
use crate::wire::{put, take};
use std::time::Duration;

/// Octets after the Private Enterprise Number.
const LEN: usize = 68;
const FORM: [u8; 2] = [0, 1];
const UNKNOWN: u64 = u64::MAX;

/// Which private TLV two peers have agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct PrivateKind {
    kind: Kind,
    pen: u32,
}

impl PrivateKind {
    /// `None` unless the type is 252 to 254. `pen` is the Private Enterprise Number.
    pub fn new(kind: u8, pen: u32) -> Option<Self> {
        let kind = Kind(kind);
        kind.is_private().then_some(PrivateKind { kind, pen })
    }

    /// 252 to 254.
    pub fn kind(self) -> Kind {
        self.kind
    }
}

impl Default for PrivateKind {
    /// Type 252 with 32473, the number reserved for documentation (RFC 5612).
    fn default() -> Self {
        PrivateKind {
            kind: Kind(252),
            pen: 32_473,
        }
    }
}

/// What a sender saw of the way back during one span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct BackwardFigures {
    /// Which span: counts from 0, wraps.
    pub number: u32,
    /// How long it was, as nanoseconds on the wire.
    pub span: Duration,
    /// Probes whose fate became known.
    pub counted: u64,
    /// Those that were answered in time.
    pub received: u64,
    /// Those whose reply was lost, if the direction is known.
    pub lost_backward: Option<u64>,
    /// How far T4 − T3 lay above its smallest value of the span, on average.
    pub variation_mean_ns: Option<u64>,
    /// The same, at most.
    pub variation_max_ns: Option<u64>,
    /// Smoothed jitter of T4 − T3 (RFC 3550).
    pub jitter_ns: Option<u64>,
}

impl BackwardFigures {
    /// Reads them, if the TLV is of this kind and the figures can be.
    pub fn parse(kind: PrivateKind, tlv: &Tlv<'_>) -> Option<Self> {
        let Ok(Value::Private {
            kind: found,
            pen,
            octets,
        }) = tlv.typed()
        else {
            return None;
        };
        let octets: &[u8; LEN] = octets.try_into().ok()?;
        if (found, pen) != (kind.kind, kind.pen) || octets[..2] != FORM {
            return None;
        }
        let number = |at: usize| u64::from_be_bytes(take(octets, at));
        let known = |at: usize| Some(number(at)).filter(|&ns| ns != UNKNOWN);
        let figures = BackwardFigures {
            number: u32::from_be_bytes(take(octets, 4)),
            span: Duration::from_nanos(number(12)),
            counted: number(20),
            received: number(28),
            lost_backward: known(36),
            variation_mean_ns: known(44),
            variation_max_ns: known(52),
            jitter_ns: known(60),
        };
        let lost_backward = figures.lost_backward.unwrap_or(0);
        let settled = figures.received.checked_add(lost_backward)?;
        (settled <= figures.counted).then_some(figures)
    }

    /// Appends the TLV to `out`.
    pub fn push(&self, kind: PrivateKind, flags: Flags, out: &mut Vec<u8>) {
        let mut octets = [0; LEN];
        put(&mut octets, 0, &FORM);
        put(&mut octets, 4, &self.number.to_be_bytes());
        let span = u64::try_from(self.span.as_nanos()).unwrap_or(u64::MAX);
        let numbers = [
            span,
            self.counted,
            self.received,
            self.lost_backward.unwrap_or(UNKNOWN),
            self.variation_mean_ns.unwrap_or(UNKNOWN),
            self.variation_max_ns.unwrap_or(UNKNOWN),
            self.jitter_ns.unwrap_or(UNKNOWN),
        ];
        for (at, number) in (12..).step_by(8).zip(numbers) {
            put(&mut octets, at, &number.to_be_bytes());
        }
        let value = Value::Private {
            kind: kind.kind,
            pen: kind.pen,
            octets: &octets,
        };
        value.push(flags, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figures() -> BackwardFigures {
        BackwardFigures {
            number: 7,
            span: Duration::from_secs(1),
            counted: 50,
            received: 47,
            lost_backward: Some(2),
            variation_mean_ns: Some(1_000),
            variation_max_ns: None,
            jitter_ns: Some(0),
        }
    }

    fn written(figures: &BackwardFigures) -> Vec<u8> {
        let mut out = Vec::new();
        figures.push(PrivateKind::default(), Flags::UNRECOGNISED, &mut out);
        out
    }

    fn read(kind: PrivateKind, octets: &[u8]) -> Option<BackwardFigures> {
        BackwardFigures::parse(kind, &Tlv::read(octets, 0).ok()?)
    }

    #[test]
    fn only_peers_that_agreed_understand_one_another() {
        let octets = written(&figures());
        assert_eq!(octets[..8], [0x80, 252, 0, 72, 0, 0, 0x7e, 0xd9]);
        assert_eq!(read(PrivateKind::default(), &octets), Some(figures()));
        for other in [PrivateKind::new(253, 32_473), PrivateKind::new(252, 1)] {
            assert_eq!(read(other.unwrap(), &octets), None);
        }
        assert_eq!(PrivateKind::new(251, 1), None);
        assert_eq!(PrivateKind::new(255, 1), None);
    }

    #[test]
    fn figures_that_cannot_be_are_not_believed() {
        let more = BackwardFigures {
            lost_backward: Some(4),
            ..figures()
        };
        assert_eq!(read(PrivateKind::default(), &written(&more)), None);
        let overflowing = BackwardFigures {
            lost_backward: Some(u64::MAX - 1),
            ..figures()
        };
        assert_eq!(read(PrivateKind::default(), &written(&overflowing)), None);
    }

    #[test]
    fn another_form_or_length_is_not_understood() {
        let mut octets = written(&figures());
        octets[9] = 2;
        assert_eq!(read(PrivateKind::default(), &octets), None);
        let mut octets = written(&figures());
        octets.push(0);
        octets[3] += 1;
        assert_eq!(read(PrivateKind::default(), &octets), None);
    }

    proptest! {
        #[test]
        fn figures_survive_the_wire(
            number: u32, span: u64, received: u32, lost: u32, other: u32,
            variation in any::<[Option<u32>; 3]>(),
        ) {
            let [mean, max, jitter] = variation.map(|ns| ns.map(u64::from));
            let figures = BackwardFigures {
                number,
                span: Duration::from_nanos(span),
                counted: u64::from(received) + u64::from(lost) + u64::from(other),
                received: received.into(),
                lost_backward: Some(lost.into()),
                variation_mean_ns: mean,
                variation_max_ns: max,
                jitter_ns: jitter,
            };
            prop_assert_eq!(read(PrivateKind::default(), &written(&figures)), Some(figures));
        }
    }
}
