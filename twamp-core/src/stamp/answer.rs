//! Answers the TLVs of a request, each in its place (RFC 8972, section 4).
//!
//! The reply's TLVs begin as a copy of the request's. Walking over them, each one gets its flags
//! and, if it is understood, its answer; its length never changes. So a reply is as long as its
//! request, and what follows a malformed TLV stays as it came.

use super::copies::{Case, CopyControl, Verdict};
use super::integrity::{self, Integrity};
use super::policy::{Context, ReflectorConfig};
use crate::probe::Arrival;
use crate::time::ErrorEstimate;
use crate::wire::tlv::control::ReflectedControl;
use crate::wire::tlv::figures::BackwardFigures;
use crate::wire::tlv::location::{PORTS_LEN, Part};
use crate::wire::tlv::service::{AccessReport, ClassOfService};
use crate::wire::tlv::telemetry::{
    DirectMeasurement, FollowUp, StampMethod, SyncSource, TimestampInformation,
};
use crate::wire::tlv::{Flags, HEADER_LEN, Kind, Malformed, Tlv, Value};
use std::ops::Range;

const UNDERSTOOD: Flags = Flags(0);

/// What is known when a request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) config: &'a ReflectorConfig,
    pub(super) arrival: &'a Arrival,
    pub(super) context: &'a Context,
    /// Of our stamps.
    pub(super) error: ErrorEstimate,
    /// Of an earlier reply; zero if there is none.
    pub(super) follow_up: FollowUp,
    /// Number of the request.
    pub(super) sequence: u32,
    /// Number of the reply.
    pub(super) reply_sequence: u32,
}

/// What a request's TLVs told or asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answered {
    /// The HMAC TLV was wrong, misplaced or missing: no TLV was used.
    pub(super) failed: bool,
    /// A TLV was malformed: none after it was used.
    pub(super) malformed: bool,
    /// The DSCP that the reply shall have.
    pub(super) dscp: Option<u8>,
    /// It was asked when an earlier reply left.
    pub(super) follow_up: bool,
    /// State of an access network.
    pub(super) access: Option<AccessReport>,
    /// What the sender saw of the way back.
    pub(super) figures: Option<BackwardFigures>,
    /// How many replies, and how long.
    pub(super) copies: Option<Verdict>,
}

/// Answers all TLVs in `area`, a copy of the request's.
pub(super) fn answer(area: &mut [u8], known: &Known<'_>, copies: &mut CopyControl) -> Answered {
    let integrity = integrity::check(area, known.sequence, &known.config.security);
    let mut walk = Walk {
        known,
        integrity,
        copies,
        answered: Answered::default(),
    };
    walk.answered.failed = integrity == Integrity::Failed;
    let mut at = 0;
    while at < area.len() {
        match walk.step(area, at) {
            Ok((flags, end)) => {
                area[at] = flags.0;
                at = end;
            }
            Err(malformed) => {
                let flags = walk.unanswered(malformed.kind).and(Flags::MALFORMED);
                area[at] = flags.0;
                walk.answered.malformed = true;
                break;
            }
        }
    }
    walk.answered
}

struct Walk<'a> {
    known: &'a Known<'a>,
    integrity: Integrity,
    copies: &'a mut CopyControl,
    answered: Answered,
}

impl Walk<'_> {
    /// Answers the TLV at `at`; returns its flags and where it ends.
    fn step(&mut self, area: &mut [u8], at: usize) -> Result<(Flags, usize), Malformed> {
        let tlv = Tlv::read(area, at)?;
        let (kind, end) = (tlv.kind, tlv.end());
        if self.integrity == Integrity::Failed || !self.supports(kind) {
            return Ok((self.unanswered(Some(kind)), end));
        }
        let (known, context) = (self.known, self.known.context);
        let place = at + HEADER_LEN..end;
        let flags = match tlv.typed()? {
            Value::ExtraPadding(_) => UNDERSTOOD,
            Value::Location(_) => {
                locate(&mut area[place], context);
                UNDERSTOOD
            }
            Value::TimestampInformation(_) => {
                put(area, place, &timestamp_information(known).to_octets())
            }
            Value::ClassOfService(asked) => match self.serve(asked) {
                Some(class) => put(area, place, &class.to_octets()),
                None => Flags::UNRECOGNISED,
            },
            Value::DirectMeasurement(asked) => match context.data {
                Some(data) => {
                    let counters = DirectMeasurement {
                        reflector_received: data.received,
                        reflector_sent: data.sent,
                        ..asked
                    };
                    put(area, place, &counters.to_octets())
                }
                None => Flags::UNRECOGNISED,
            },
            Value::AccessReport(report) => {
                self.answered.access = Some(report);
                UNDERSTOOD
            }
            Value::FollowUp(_) => {
                self.answered.follow_up = true;
                put(area, place, &known.follow_up.to_octets())
            }
            Value::Hmac(_) => {
                let security = &known.config.security;
                integrity::sign(area, at, known.reply_sequence, security);
                UNDERSTOOD
            }
            Value::DestinationNode(node) if node == context.destination.ip().to_canonical() => {
                UNDERSTOOD
            }
            Value::ReflectedControl(wish) => self.grant(wish, area),
            Value::Private { .. } => match self.figures(&tlv) {
                Some(figures) => {
                    self.answered.figures = Some(figures);
                    UNDERSTOOD
                }
                None => Flags::UNRECOGNISED,
            },
            _ => Flags::UNRECOGNISED,
        };
        Ok((flags, end))
    }

    /// Types 10 and 11 are not: a reply goes to where the request came from, and only there.
    fn supports(&self, kind: Kind) -> bool {
        match kind {
            Kind::REFLECTED_PACKET_CONTROL => self.known.config.copies.is_some(),
            Kind::RETURN_PATH | Kind::MICRO_SESSION_ID | Kind::RESERVED => false,
            kind if kind.is_private() => {
                let agreed = self.known.config.figures;
                agreed.is_some_and(|agreed| agreed.kind() == kind)
            }
            kind => kind <= Kind::DESTINATION_NODE_ADDRESS,
        }
    }

    /// Flags of a TLV that is copied without an answer.
    fn unanswered(&self, kind: Option<Kind>) -> Flags {
        let known = kind.is_some_and(|kind| self.supports(kind));
        let flags = if known {
            UNDERSTOOD
        } else {
            Flags::UNRECOGNISED
        };
        match self.integrity {
            Integrity::Failed => flags.and(Flags::INTEGRITY),
            Integrity::Unprotected | Integrity::Verified { .. } => flags,
        }
    }

    /// `None` if the DSCP of the request is not known.
    fn serve(&mut self, asked: ClassOfService) -> Option<ClassOfService> {
        let tos = self.known.arrival.tos?;
        let seen = tos >> 2;
        let permitted = self.known.config.permitted_dscp.has(asked.wanted);
        let dscp = if permitted { asked.wanted } else { seen };
        self.answered.dscp.get_or_insert(dscp);
        Some(ClassOfService {
            wanted: asked.wanted,
            seen,
            ecn: tos & 3,
            reverse_path: u8::from(!permitted),
        })
    }

    fn grant(&mut self, wish: ReflectedControl, area: &[u8]) -> Flags {
        let case = Case {
            sequence: self.known.sequence,
            protected: matches!(self.integrity, Integrity::Verified { .. }),
            area,
            base_len: self.known.config.security.layout().base_len(),
            now: self.known.arrival.mono,
        };
        let verdict = self.copies.decide(wish, &case);
        self.answered.copies = Some(verdict);
        match verdict {
            Verdict::NotUnderstood => Flags::UNRECOGNISED,
            Verdict::NotConforming => Flags::NOT_CONFORMING,
            Verdict::NoReply | Verdict::Granted { .. } => UNDERSTOOD,
        }
    }

    fn figures(&self, tlv: &Tlv<'_>) -> Option<BackwardFigures> {
        BackwardFigures::parse(self.known.config.figures?, tlv)
    }
}

fn put(area: &mut [u8], place: Range<usize>, answer: &[u8]) -> Flags {
    area[place][..answer.len()].copy_from_slice(answer);
    UNDERSTOOD
}

/// Replaces each question by what is seen, in the same place. A link-layer address that is not
/// known is zero.
fn locate(value: &mut [u8], context: &Context) {
    let (destination, source) = (context.destination, context.source);
    value[..2].copy_from_slice(&destination.port().to_be_bytes());
    value[2..PORTS_LEN].copy_from_slice(&source.port().to_be_bytes());
    let mut at = PORTS_LEN;
    while let Ok(part) = Tlv::read(value, at) {
        let end = part.end();
        let answer = match Part::parse(&part) {
            Ok(Part::AskSourceMac) => {
                let mac = context.source_mac.unwrap_or_default();
                Some(Part::SourceMac48(mac))
            }
            Ok(Part::AskDestination) => Some(Part::Destination(destination.ip().to_canonical())),
            Ok(Part::AskSource) => Some(Part::Source(source.ip().to_canonical())),
            _ => None,
        };
        match answer {
            Some(answer) => {
                let (kind, octets, len) = answer.octets();
                value[at] = UNDERSTOOD.0;
                value[at + 1] = kind.0;
                value[at + HEADER_LEN..end].copy_from_slice(&octets[..len]);
            }
            None => value[at] = Flags::UNRECOGNISED.0,
        }
        at = end;
    }
}

fn timestamp_information(known: &Known<'_>) -> TimestampInformation {
    let source = match known.error.synchronised() {
        true => known.config.clock,
        false => SyncSource::LOCAL,
    };
    TimestampInformation {
        source_in: source,
        method_in: match known.arrival.kernel {
            Some(_) => StampMethod::SOFTWARE,
            None => StampMethod::CONTROL_PLANE,
        },
        source_out: source,
        method_out: StampMethod::CONTROL_PLANE,
    }
}
