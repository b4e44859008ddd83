//! The contents of a TLV by its type.

use super::control::ReflectedControl;
use super::location::Location;
use super::routing::{MicroSession, ReturnPath, address, address_octets};
use super::service::{AccessReport, ClassOfService};
use super::telemetry::{DirectMeasurement, FollowUp, TimestampInformation};
use super::{Flags, Kind, Malformed, Tlv, push};
use crate::wire::stamp::HMAC_LEN;
use std::net::IpAddr;

/// The contents of a TLV, borrowed from the packet where they have no fixed size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Octets without a meaning.
    ExtraPadding(&'a [u8]),
    /// Addresses and ports as the reflector sees them.
    Location(Location<'a>),
    /// How the reflector's clock is synchronised and its stamps are taken.
    TimestampInformation(TimestampInformation),
    /// DSCP and ECN.
    ClassOfService(ClassOfService),
    /// Counters of the flow that is measured.
    DirectMeasurement(DirectMeasurement),
    /// State of an access network.
    AccessReport(AccessReport),
    /// When an earlier reply really left.
    FollowUp(FollowUp),
    /// HMAC-SHA-256-128 over the base packet's number and all TLVs before this one.
    Hmac([u8; HMAC_LEN]),
    /// Who is meant to answer.
    DestinationNode(IpAddr),
    /// Which way the reply shall take.
    ReturnPath(ReturnPath<'a>),
    /// Member link of an aggregate.
    MicroSession(MicroSession),
    /// How many replies of which length.
    ReflectedControl(ReflectedControl),
    /// Of a private type.
    Private {
        /// 252 to 254.
        kind: Kind,
        /// The Private Enterprise Number, which the value begins with.
        pen: u32,
        /// What follows it.
        octets: &'a [u8],
    },
    /// Of a type that is not known here.
    Unknown {
        /// Its type.
        kind: Kind,
        /// All of it.
        octets: &'a [u8],
    },
}

impl<'a> Tlv<'a> {
    /// Reads the contents.
    ///
    /// # Errors
    /// If the length is none that the type can have.
    pub fn typed(&self) -> Result<Value<'a>, Malformed> {
        let value = self.value;
        match self.kind {
            Kind::EXTRA_PADDING => Some(Value::ExtraPadding(value)),
            Kind::LOCATION => Location::parse(value).map(Value::Location),
            Kind::TIMESTAMP_INFORMATION => value
                .first_chunk()
                .map(|&v| Value::TimestampInformation(TimestampInformation::from_octets(v))),
            Kind::CLASS_OF_SERVICE => {
                exactly(value).map(|v| Value::ClassOfService(ClassOfService::from_octets(v)))
            }
            Kind::DIRECT_MEASUREMENT => {
                exactly(value).map(|v| Value::DirectMeasurement(DirectMeasurement::from_octets(v)))
            }
            Kind::ACCESS_REPORT => {
                exactly(value).map(|v| Value::AccessReport(AccessReport::from_octets(v)))
            }
            Kind::FOLLOW_UP_TELEMETRY => {
                exactly(value).map(|v| Value::FollowUp(FollowUp::from_octets(v)))
            }
            Kind::HMAC => exactly(value).map(Value::Hmac),
            Kind::DESTINATION_NODE_ADDRESS => address(value).map(Value::DestinationNode),
            Kind::RETURN_PATH => ReturnPath::parse(value).map(Value::ReturnPath),
            Kind::MICRO_SESSION_ID => {
                exactly(value).map(|v| Value::MicroSession(MicroSession::from_octets(v)))
            }
            Kind::REFLECTED_PACKET_CONTROL => value
                .first_chunk()
                .map(|&v| Value::ReflectedControl(ReflectedControl::from_octets(v))),
            kind if kind.is_private() => {
                value
                    .split_first_chunk()
                    .map(|(&pen, octets)| Value::Private {
                        kind,
                        pen: u32::from_be_bytes(pen),
                        octets,
                    })
            }
            kind => Some(Value::Unknown {
                kind,
                octets: value,
            }),
        }
        .ok_or(Malformed {
            at: self.at,
            kind: Some(self.kind),
        })
    }
}

impl Value<'_> {
    /// Appends the TLV to `out`.
    pub fn push(&self, flags: Flags, out: &mut Vec<u8>) {
        match self {
            Value::ExtraPadding(octets) => push(out, flags, Kind::EXTRA_PADDING, octets),
            Value::Location(location) => location.push(flags, out),
            Value::TimestampInformation(information) => {
                push(
                    out,
                    flags,
                    Kind::TIMESTAMP_INFORMATION,
                    &information.to_octets(),
                );
            }
            Value::ClassOfService(class) => {
                push(out, flags, Kind::CLASS_OF_SERVICE, &class.to_octets());
            }
            Value::DirectMeasurement(counters) => {
                push(out, flags, Kind::DIRECT_MEASUREMENT, &counters.to_octets());
            }
            Value::AccessReport(report) => {
                push(out, flags, Kind::ACCESS_REPORT, &report.to_octets());
            }
            Value::FollowUp(follow_up) => {
                push(
                    out,
                    flags,
                    Kind::FOLLOW_UP_TELEMETRY,
                    &follow_up.to_octets(),
                );
            }
            Value::Hmac(hmac) => push(out, flags, Kind::HMAC, hmac),
            Value::DestinationNode(node) => {
                let (octets, len) = address_octets(*node);
                push(out, flags, Kind::DESTINATION_NODE_ADDRESS, &octets[..len]);
            }
            Value::ReturnPath(path) => push(out, flags, Kind::RETURN_PATH, path.octets()),
            Value::MicroSession(ids) => push(out, flags, Kind::MICRO_SESSION_ID, &ids.to_octets()),
            Value::ReflectedControl(control) => {
                push(
                    out,
                    flags,
                    Kind::REFLECTED_PACKET_CONTROL,
                    &control.to_octets(),
                );
            }
            Value::Private { kind, pen, octets } => {
                let value = [&pen.to_be_bytes(), *octets].concat();
                push(out, flags, *kind, &value);
            }
            Value::Unknown { kind, octets } => push(out, flags, *kind, octets),
        }
    }
}

fn exactly<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Tlvs;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_type_refuses_lengths_that_it_cannot_have() {
        type Good = fn(usize) -> bool;
        let lengths: [(Kind, Good); 12] = [
            (Kind::EXTRA_PADDING, |_| true),
            (Kind::LOCATION, |n| n == 4 || n >= 8),
            (Kind::TIMESTAMP_INFORMATION, |n| n >= 4),
            (Kind::CLASS_OF_SERVICE, |n| n == 4),
            (Kind::DIRECT_MEASUREMENT, |n| n == 12),
            (Kind::ACCESS_REPORT, |n| n == 4),
            (Kind::FOLLOW_UP_TELEMETRY, |n| n == 16),
            (Kind::HMAC, |n| n == 16),
            (Kind::DESTINATION_NODE_ADDRESS, |n| n == 4 || n == 16),
            (Kind::MICRO_SESSION_ID, |n| n == 4),
            (Kind::REFLECTED_PACKET_CONTROL, |n| n >= 12),
            (Kind(253), |n| n >= 4),
        ];
        for (kind, good) in lengths {
            for len in 0..40 {
                let mut out = Vec::new();
                push(&mut out, Flags::UNRECOGNISED, kind, &vec![0; len]);
                // All zeros: sub-TLVs of 4 octets each, so that 4 + 4n octets are a Location.
                let good = good(len) && (kind != Kind::LOCATION || len % 4 == 0);
                let tlv = Tlv::read(&out, 0).unwrap();
                assert_eq!(tlv.typed().is_ok(), good, "{kind:?} of {len}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_value_survives_the_wire(
            flags: u8, kind: u8, octets in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut first = Vec::new();
            push(&mut first, Flags(flags), Kind(kind), &octets);
            if let Ok(value) = Tlv::read(&first, 0).unwrap().typed() {
                // Reserved bits are dropped once; from then on nothing changes any more.
                let mut second = Vec::new();
                value.push(Flags(flags), &mut second);
                let mut all = Tlvs::new(&second);
                let tlv = all.next().unwrap()?;
                prop_assert_eq!(all.next(), None);
                prop_assert_eq!((tlv.flags, tlv.kind), (Flags(flags), Kind(kind)));
                prop_assert_eq!(tlv.typed()?, value);
            }
        }
    }
}
