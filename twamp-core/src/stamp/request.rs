//! Which TLVs a sender sends.

use super::integrity;
use super::security::Security;
use crate::wire::tlv::figures::{BackwardFigures, PrivateKind};
use crate::wire::tlv::location::{Location, Part};
use crate::wire::tlv::routing::MicroSession;
use crate::wire::tlv::service::{AccessReport, ClassOfService};
use crate::wire::tlv::telemetry::{DirectMeasurement, FollowUp, TimestampInformation};
use crate::wire::tlv::{Flags, Kind, Value, push};
use std::net::IpAddr;
use std::time::Duration;

/// What a sender asks with each probe. The default is nothing: bare base packets.
///
/// ```
/// use twamp_core::stamp::Request;
///
/// let request = Request {
///     class_of_service: Some(46),
///     location: true,
///     ..Request::default()
/// };
/// assert_eq!(request.padding, 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// How does the probe arrive, and may the reply have this DSCP, 0 to 63?
    pub class_of_service: Option<u8>,
    /// Which addresses and ports do you see?
    pub location: bool,
    /// How are your clock and your stamps?
    pub timestamp_information: bool,
    /// How many packets of our flow did you receive and send? Ours are told with
    /// [`Sender::set_data_sent`](super::Sender::set_data_sent).
    pub direct_measurement: bool,
    /// When did an earlier reply really leave?
    pub follow_up: bool,
    /// Answer only if this is your address (RFC 9503). The session must have an SSID.
    pub destination_node: Option<IpAddr>,
    /// The member link of an aggregate (RFC 9534).
    pub micro_session: Option<MicroSession>,
    /// Tell the reflector what we see of the way back; only among peers that agreed on it.
    pub figures: Option<FiguresConfig>,
    /// Octets of the value of an Extra Padding TLV; 0 for none.
    pub padding: u16,
}

/// How a sender tells what it sees of the way back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FiguresConfig {
    /// The private TLV that the peers agreed on.
    pub kind: PrivateKind,
    /// Time for which figures are gathered before they are told.
    pub span: Duration,
}

impl Default for FiguresConfig {
    /// The private TLV of the documentation, 1 s.
    fn default() -> Self {
        FiguresConfig {
            kind: PrivateKind::default(),
            span: Duration::from_secs(1),
        }
    }
}

/// What changes from probe to probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changing<'a> {
    pub(super) sequence: u32,
    pub(super) data_sent: u32,
    pub(super) access: Option<AccessReport>,
    pub(super) figures: Option<(PrivateKind, BackwardFigures)>,
    pub(super) padding: &'a [u8],
}

impl Request {
    /// Octets of a probe that asks for all this, at most.
    pub fn longest_probe(&self, security: &Security) -> usize {
        let padding = vec![0; self.padding.into()];
        let everything = Changing {
            sequence: 0,
            data_sent: 0,
            access: None,
            figures: (self.figures).map(|figures| (figures.kind, BackwardFigures::default())),
            padding: &padding,
        };
        let mut probe = vec![0; security.layout().base_len()];
        self.push(&everything, security, &mut probe);
        probe.len()
    }

    /// Appends the TLVs to the base packet in `out`, the HMAC TLV after all but the padding.
    pub(super) fn push(&self, changing: &Changing<'_>, security: &Security, out: &mut Vec<u8>) {
        const ASKED: Flags = Flags::UNRECOGNISED;
        let base_len = out.len();
        if let Some(wanted) = self.class_of_service {
            let class = ClassOfService {
                wanted,
                ..ClassOfService::default()
            };
            Value::ClassOfService(class).push(ASKED, out);
        }
        if self.location {
            let mut parts = Vec::with_capacity(52);
            for part in [Part::AskSourceMac, Part::AskDestination, Part::AskSource] {
                part.push(ASKED, &mut parts);
            }
            Value::Location(Location::new(0, 0, &parts)).push(ASKED, out);
        }
        if self.timestamp_information {
            Value::TimestampInformation(TimestampInformation::default()).push(ASKED, out);
        }
        if self.direct_measurement {
            let counters = DirectMeasurement {
                sender_sent: changing.data_sent,
                ..DirectMeasurement::default()
            };
            Value::DirectMeasurement(counters).push(ASKED, out);
        }
        if let Some(report) = changing.access {
            Value::AccessReport(report).push(ASKED, out);
        }
        if self.follow_up {
            Value::FollowUp(FollowUp::default()).push(ASKED, out);
        }
        if let Some(node) = self.destination_node {
            Value::DestinationNode(node).push(ASKED, out);
        }
        if let Some(ids) = self.micro_session {
            Value::MicroSession(ids).push(ASKED, out);
        }
        if let Some((kind, figures)) = changing.figures {
            figures.push(kind, ASKED, out);
        }
        if security.tlv_key().is_some() && out.len() > base_len {
            let at = out.len() - base_len;
            push(out, ASKED, Kind::HMAC, &[0; 16]);
            integrity::sign(&mut out[base_len..], at, changing.sequence, security);
        }
        if !changing.padding.is_empty() {
            push(out, ASKED, Kind::EXTRA_PADDING, changing.padding);
        }
    }
}
