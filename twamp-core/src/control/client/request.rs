use std::net::IpAddr;
use std::time::Duration;

use crate::time::Ntp64;
use crate::wire::control::{RequestTwSession, Sid, TypeP};

/// A request's number, unique on its connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct RequestId(pub u32);

/// The version of a session's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A session to ask for (RFC 5357, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionRequest {
    /// UDP port that probes come from.
    pub sender_port: u16,
    /// UDP port wanted of the reflector; it may give another one.
    pub receiver_port: u16,
    /// Where probes come from; `None`: the control connection's near end.
    pub sender_address: Option<IpAddr>,
    /// Where probes go to; `None`: the control connection's far end.
    pub receiver_address: Option<IpAddr>,
    /// Version of both addresses, also of those not given.
    pub ip_version: IpVersion,
    /// Octets of padding on every probe.
    pub padding: u32,
    /// When probing begins; zero: at once after the start.
    pub start_time: Ntp64,
    /// How long the reflector should answer after the stop.
    pub timeout: Duration,
    /// Marking of probes and replies.
    pub dscp: u8,
}

/// What to have reflected of the padding (RFC 6038), where [`Modes::REFLECT_OCTETS`] is selected;
/// the default is nothing.
///
/// [`Modes::REFLECT_OCTETS`]: crate::wire::control::Modes::REFLECT_OCTETS
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reflection {
    /// Octets that the server returns in its answer: whatever is of use to the client.
    pub octets: u16,
    /// Octets of padding that each reply must repeat.
    pub padding: u16,
}

impl SessionRequest {
    pub(super) fn to_wire(self, reflection: Reflection) -> RequestTwSession {
        RequestTwSession {
            ip_version: match self.ip_version {
                IpVersion::V4 => 4,
                IpVersion::V6 => 6,
            },
            conf_sender: 0,
            conf_receiver: 0,
            schedule_slots: 0,
            packets: 0,
            sender_port: self.sender_port,
            receiver_port: self.receiver_port,
            sender_address: self.sender_address,
            receiver_address: self.receiver_address,
            sid: Sid::default(),
            padding_length: self.padding,
            start_time: self.start_time,
            timeout: Ntp64::from_duration(self.timeout),
            type_p: TypeP::from_dscp(self.dscp),
            octets_to_reflect: reflection.octets,
            padding_to_reflect: reflection.padding,
            hmac: [0; 16],
        }
    }
}
