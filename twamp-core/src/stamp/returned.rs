//! What came back in the TLVs of a reply.

use super::integrity::{self, Integrity};
use super::sender::SenderConfig;
use crate::probe::StampFormat;
use crate::time::{Ntp64, Wall};
use crate::wire::stamp::ReflectorPacket;
use crate::wire::tlv::location::{Location, Part};
use crate::wire::tlv::routing::MicroSession;
use crate::wire::tlv::service::{AccessReport, ClassOfService};
use crate::wire::tlv::telemetry::{DirectMeasurement, FollowUp, StampMethod, TimestampInformation};
use crate::wire::tlv::{Flags, Kind, Malformed, Tlvs, Value};
use std::net::IpAddr;

/// What came back in the TLVs of a reply. `None`: not asked, or not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Returned {
    /// DSCP and ECN of the probe as it arrived, and whether the reply has the DSCP wanted.
    pub class_of_service: Option<ClassOfService>,
    /// Addresses and ports as the reflector sees them.
    pub location: Option<Located>,
    /// The reflector's clock and stamps.
    pub timestamp_information: Option<TimestampInformation>,
    /// Counters of the flow.
    pub direct_measurement: Option<DirectMeasurement>,
    /// The reflector has this report.
    pub access: Option<AccessReport>,
    /// When an earlier reply really left.
    pub follow_up: Option<Departed>,
    /// The reflector is the node that was meant.
    pub destination_node: Option<IpAddr>,
    /// Member links of an aggregate.
    pub micro_session: Option<MicroSession>,
    /// The reflector understood the figures of the way back.
    pub figures_taken: bool,
    /// TLVs that the reflector did not understand.
    pub unrecognised: u8,
    /// Why TLVs were left unread.
    pub stopped: Option<Stopped>,
}

/// Why the TLVs of a reply were not read, or not to their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Stopped {
    /// The reflector, or we, found one malformed. Those before it were read.
    Malformed,
    /// The reflector, or we, could not verify the HMAC TLV. None was read.
    Integrity,
    /// The reply has no TLVs though we sent some, or other octets in their place, or its SSID is 0
    /// while ours is not. The peer lacks RFC 8972.
    NoExtensions,
}

/// Addresses and ports of a probe as the reflector sees them. Addresses it doesn't tell are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Located {
    /// Where the probe came from.
    pub source: Option<IpAddr>,
    /// The port it came from.
    pub source_port: u16,
    /// Where it was sent to.
    pub destination: Option<IpAddr>,
    /// The port it was sent to.
    pub destination_port: u16,
    /// Link-layer address it came from, if of the common kind.
    pub source_mac: Option<[u8; 6]>,
}

/// When an earlier reply really left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departed {
    /// The reflector's number of that reply.
    pub sequence: u32,
    /// When it left, by the same clock as T3 of the sample.
    pub at: Wall,
    /// How that stamp was taken.
    pub method: StampMethod,
}

impl Returned {
    /// Reads the TLVs of a reply that came in at about `near`, in `area`.
    pub(super) fn read(
        area: &[u8],
        reply: &ReflectorPacket,
        near: Wall,
        config: &SenderConfig,
    ) -> Returned {
        let mut returned = Returned::default();
        let first = Tlvs::new(area).next();
        if first.is_some_and(|tlv| tlv.is_ok_and(|tlv| tlv.kind == Kind::RESERVED)) {
            returned.stopped = Some(Stopped::NoExtensions);
            return returned;
        }
        let refused = Tlvs::new(area)
            .map_while(Result::ok)
            .any(|tlv| tlv.flags.has(Flags::INTEGRITY));
        if refused || integrity::check(area, reply.sequence, &config.security) == Integrity::Failed
        {
            returned.stopped = Some(Stopped::Integrity);
            return returned;
        }
        let departed = |follow_up: &FollowUp| departed(follow_up, reply, near, config.stamps);
        if let Err(Malformed { .. }) = returned.read_all(area, &departed) {
            returned.stopped = Some(Stopped::Malformed);
        }
        returned
    }

    fn read_all(
        &mut self,
        area: &[u8],
        departed: &dyn Fn(&FollowUp) -> Option<Departed>,
    ) -> Result<(), Malformed> {
        for tlv in Tlvs::new(area) {
            let tlv = tlv?;
            let (at, kind) = (tlv.at, Some(tlv.kind));
            if tlv.flags.has(Flags::MALFORMED) {
                return Err(Malformed { at, kind });
            }
            if tlv.flags.has(Flags::UNRECOGNISED) {
                self.unrecognised = self.unrecognised.saturating_add(1);
                continue;
            }
            match tlv.typed()? {
                Value::ClassOfService(class) => self.class_of_service = Some(class),
                Value::Location(location) => self.location = Some(Located::read(&location)),
                Value::TimestampInformation(i) => self.timestamp_information = Some(i),
                Value::DirectMeasurement(counters) => self.direct_measurement = Some(counters),
                Value::AccessReport(report) => self.access = Some(report),
                Value::FollowUp(follow_up) => self.follow_up = departed(&follow_up),
                Value::DestinationNode(node) => self.destination_node = Some(node),
                Value::MicroSession(ids) => self.micro_session = Some(ids),
                Value::Private { .. } => self.figures_taken = true,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Located {
    fn read(location: &Location<'_>) -> Self {
        let mut located = Located {
            source_port: location.source_port,
            destination_port: location.destination_port,
            ..Located::default()
        };
        for (flags, part) in location.parts().map_while(Result::ok) {
            if flags.has(Flags::UNRECOGNISED) {
                continue;
            }
            match part {
                Part::Source(ip) => located.source = told(ip),
                Part::Destination(ip) => located.destination = told(ip),
                Part::SourceMac48(mac) => located.source_mac = Some(mac).filter(|m| *m != [0; 6]),
                _ => {}
            }
        }
        located
    }
}

/// All zeros stand for an address that is not told.
fn told(ip: IpAddr) -> Option<IpAddr> {
    (!ip.is_unspecified()).then_some(ip)
}

/// Decoded together with T2, as T3 of the sample is: by the same clock. A stateless reflector tells
/// zeros, and so does any with its first reply; some tell a method all the same.
fn departed(
    follow_up: &FollowUp,
    reply: &ReflectorPacket,
    near: Wall,
    ours: StampFormat,
) -> Option<Departed> {
    if follow_up.method == StampMethod::default() || follow_up.timestamp == Ntp64(0) {
        return None;
    }
    let stamps = [reply.receive, follow_up.timestamp];
    let [_, at] = ours.decode(stamps, reply.error, near)?;
    Some(Departed {
        sequence: follow_up.sequence,
        at,
        method: follow_up.method,
    })
}
