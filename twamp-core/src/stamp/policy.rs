//! What a reflector is told: how to reflect, and where a request came from.

use super::copies::CopyLimits;
use super::security::Security;
use crate::probe::StampFormat;
use crate::wire::tlv::figures::PrivateKind;
use crate::wire::tlv::telemetry::SyncSource;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a session reflects.
#[derive(Clone, Debug)]
pub struct ReflectorConfig {
    /// How the session is protected.
    pub security: Security,
    /// The session is provisioned with this SSID: requests with another one are discarded. `None`:
    /// any SSID is answered.
    pub ssid: Option<u16>,
    /// Number the replies; otherwise the request's number is copied.
    pub stateful: bool,
    /// The session ends after so long without a request.
    pub refwait: Duration,
    /// Format of T2 and T3.
    pub stamps: StampFormat,
    /// What our clock is synchronised to, while its error estimate says that it is.
    pub clock: SyncSource,
    /// Answer open requests below 44 octets, those of TWAMP Light senders, with 44. No other reply
    /// is longer than its request.
    pub answer_short: bool,
    /// Requests from ports below this one are discarded: they may be from another reflector.
    pub lowest_source_port: u16,
    /// DSCP of replies to requests without a Class of Service TLV.
    pub dscp: ReplyDscp,
    /// What a Class of Service TLV may ask for.
    pub permitted_dscp: DscpSet,
    /// The private TLV by which the sender tells what it saw of the way back; `None`: not agreed.
    pub figures: Option<PrivateKind>,
    /// How many replies to one request a sender may ask for; `None`: it may not.
    pub copies: Option<CopyLimits>,
}

impl Default for ReflectorConfig {
    /// Open, any SSID, stateful, 900 s, NTP, short requests answered, ports from 1024, DSCP copied,
    /// any DSCP permitted, nothing else.
    fn default() -> Self {
        ReflectorConfig {
            security: Security::Open,
            ssid: None,
            stateful: true,
            refwait: Duration::from_secs(900),
            stamps: StampFormat::default(),
            clock: SyncSource::NTP,
            answer_short: true,
            lowest_source_port: 1024,
            dscp: ReplyDscp::Copied,
            permitted_dscp: DscpSet::ALL,
            figures: None,
            copies: None,
        }
    }
}

/// DSCP of replies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReplyDscp {
    /// That of the request.
    #[default]
    Copied,
    /// Always this one, 0 to 63.
    Fixed(u8),
}

/// A set of DSCPs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DscpSet(u64);

impl DscpSet {
    /// All 64.
    pub const ALL: DscpSet = DscpSet(u64::MAX);
    /// None.
    pub const NONE: DscpSet = DscpSet(0);

    /// Of these; what is no DSCP is left out.
    pub fn of(dscps: &[u8]) -> Self {
        let bits = dscps.iter().filter(|&&dscp| dscp < 64);
        DscpSet(bits.fold(0, |set, dscp| set | 1 << dscp))
    }

    /// Whether it is one of them.
    pub fn has(self, dscp: u8) -> bool {
        dscp < 64 && self.0 & 1 << dscp != 0
    }
}

/// What is known of a request besides how it came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    /// Where it came from; the reply goes there.
    pub source: SocketAddr,
    /// Where it was sent to; the reply comes from there.
    pub destination: SocketAddr,
    /// Link-layer address of its source, if known, for Location.
    pub source_mac: Option<[u8; 6]>,
    /// Counters of the flow that the session goes along with, for Direct Measurement.
    pub data: Option<DataCounters>,
}

/// Packets of a flow at our end, wrapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataCounters {
    /// From the sender's side.
    pub received: u32,
    /// To the sender's side.
    pub sent: u32,
}

impl ReflectorConfig {
    pub(super) fn may_reply_to(&self, context: &Context) -> bool {
        let (source, destination) = (context.source, context.destination);
        source.port() >= self.lowest_source_port.max(1)
            && source != destination
            && !is_many(source.ip())
            && !is_many(destination.ip())
    }
}

/// Not the address of one node.
fn is_many(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_multicast() || ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}
