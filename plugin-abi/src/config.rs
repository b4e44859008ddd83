//! The wanted state of an engine, as the host writes it (JSON over the boundary; TOML in
//! `host-sim`). The plugin's own validation is the one judge: what parses here may still be
//! refused, with a list of [`Problem`](crate::manage::Problem)s.

mod address;
mod class;
pub mod dscp;
mod export;
mod feature;
mod flow;
mod io;
mod key;
mod line;
mod mtu_probe;
mod overrides;
mod peer;
mod person;
mod prefix;
mod probe_class;
mod rate;
mod schedule;
mod session;
mod stamp;
mod topology;

use std::net::SocketAddr;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use address::{Address, AddressError, Remote, Zone};
pub use class::{Class, Group, Moves, Sla, Strategy};
pub use dscp::Dscp;
pub use export::{Collector, DOCUMENTATION_ENTERPRISE, Export, Transport};
pub use feature::Feature;
pub use flow::{FlowRule, IpProtocol, IpProtocolError, Ports, PortsError};
pub use io::{Io, Policy};
pub use key::{Key, Secret};
pub use line::{Line, Profile};
pub use mtu_probe::{MTU_PROBE_CLASS, MTU_PROBE_NAME, MtuProbe};
pub use overrides::{By, Hand, Override};
pub use peer::Peer;
pub use person::{Answering, Answers, Toggled};
pub use prefix::{Prefix, PrefixError};
pub use probe_class::{ProbeClass, Probed, SHARED_PROBE_CLASS};
pub use rate::{METERED_MS, RESTING_MS, STANDBY_TIMES};
pub use schedule::{Schedule, When};
pub use session::{Owner, Session};
pub use stamp::{Ask, Stamp};
pub use topology::{BOTH, End, Link, LinkSession, Topology, TopologySite, Uplink};

/// Everything an engine is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whose clock drives the engine.
    pub clock: Clock,
    /// What the engine may do, where group and class say nothing else.
    pub mode: Mode,
    /// The threads that send and answer probes.
    pub io: Io,
    /// How lines are probed, where the line says nothing else.
    pub probe: Probe,
    /// Probes beside these, for classes of traffic that name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probe_classes: Vec<ProbeClass>,
    /// Seldom probes of full size, where the line says nothing else; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu_probe: Option<MtuProbe>,
    /// How this end answers probes.
    pub responder: Responder,
    /// Shared secrets of the secure modes, in both roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// How choices are made.
    pub decision: Decision,
    /// When runs begin, of all sessions that have no schedule of their own; absent: never by
    /// themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Who is told what was measured.
    pub export: Export,
    /// The measured uplinks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Arc<Line>>,
    /// Sessions apart from lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
    /// Sets of lines that reach the same destination.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Classes of traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Roles of lines that persons have toggled while it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub toggled: Vec<Toggled>,
    /// What goes before the decisions for a time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// Which site of the topology this engine is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// All sites and the links between them: beside the lines here, those of this site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
}

/// Whose clock drives an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The system's clocks; real sockets.
    #[default]
    System,
    /// The host's, by `advance` and `observe`: no thread, no socket.
    Manual,
}

/// What an engine may do with its verdicts. Nothing turns into `act` by time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Measure only.
    Measure,
    /// Decide and log, but `choose` has no opinion.
    #[default]
    Advise,
    /// Decide, and let `choose` answer.
    Act,
}

/// How a line is probed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// By which protocol.
    pub protocol: Protocol,
    /// Which of the keys a secure protocol uses. STAMP is authenticated with one, open without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Between two probes, in milliseconds; fractions are allowed. Of a Poisson stream, the mean.
    /// Absent: as lines of its kind are probed ([`Config::probe_of`]), and 100 where there is no
    /// line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<f64>,
    /// How the probes of a session lie in time.
    pub stream: Pattern,
    /// A probe without reply for so long is lost, in milliseconds.
    pub timeout_ms: u32,
    /// Octets after the sender packet; absent: as many as make probe and reply equal in size, with
    /// all that was agreed on. Those of STAMP always are: there, octets of Extra Padding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<u16>,
    /// DSCP of the probes, 0–63; in documents its name will do (`EF`, [`dscp::named`]).
    #[serde(with = "dscp")]
    pub dscp: u8,
    /// TTL or hop limit of the probes, 1–255.
    pub ttl: u8,
    /// Set do-not-fragment.
    pub dont_fragment: bool,
    /// Ask for stamps as PTP writes them, instead of NTP (RFC 8186).
    pub ptp: bool,
    /// Ask for replies that cut no padding away, to probes as long (RFC 6038).
    pub symmetric: bool,
    /// Ask for replies that repeat so many octets of padding (RFC 6038).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reflect_octets: Option<u16>,
    /// What STAMP has of its own; absent: its defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
}

/// How the probes of a session lie in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// At equal distances (RFC 3432).
    #[default]
    Periodic,
    /// At those of a Poisson process (RFC 2330, section 11.1): what repeats on the line can't hide
    /// from it. No two are further apart than ten intervals, or closer than a thousandth of one.
    Poisson,
}

/// The protocol of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TWAMP with control connection, unauthenticated (RFC 5357).
    #[default]
    Open,
    /// Control encrypted; of test packets the numbers are, and nobody can change them.
    Auth,
    /// Control encrypted; test packets are too, stamps included.
    Encrypted,
    /// Control encrypted, test packets open (RFC 5618).
    Mixed,
    /// TWAMP Light: no control connection, stateless reflector (RFC 5357 appendix I).
    Light,
    /// STAMP: no control connection; open, or authenticated with a key (RFC 8762).
    Stamp,
}

/// A security mode of TWAMP-Control (RFC 4656, section 3.1; RFC 5618).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Unauthenticated.
    #[default]
    Open,
    /// Authenticated.
    Auth,
    /// Encrypted.
    Encrypted,
    /// Control encrypted, test packets open.
    Mixed,
}

/// How this end answers probes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Responder {
    /// Addresses that answer TWAMP-Control, besides those of lines that ask for a responder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<SocketAddr>,
    /// Addresses that answer TWAMP Light.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub light: Vec<SocketAddr>,
    /// Addresses that answer STAMP, and TWAMP Light as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stamp: Vec<SocketAddr>,
    /// Learn from STAMP senders what they see of the way back: by a private TLV, so only among
    /// peers that agreed on it.
    pub figures: bool,
    /// Addresses that persons have added while it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Answering>,
    /// Who is answered, besides the far ends of lines. Nobody else is: everybody is `any`. It is
    /// written out even if it is empty: where something listens, that must be said.
    pub peers: Vec<Peer>,
    /// Security modes that TWAMP-Control offers; all but open need a key. STAMP sessions may be
    /// unprotected with open, authenticated with auth.
    pub modes: Vec<Security>,
    /// Control port of the responders that lines ask for.
    pub control_port: u16,
    /// First and last UDP port for test sessions of this end, in both roles. Single runs take any
    /// free port.
    pub test_ports: (u16, u16),
    /// A control connection silent for so long is closed, in seconds (SERVWAIT).
    pub servwait_s: u32,
    /// A session without a probe for so long is ended, in seconds (REFWAIT).
    pub refwait_s: u32,
    /// Control connections served at once, at most.
    pub max_connections: u32,
    /// Of them, of one address, at most: behind one NAT there may be many.
    pub max_connections_per_peer: u32,
    /// Sessions of one control connection, at most.
    pub max_sessions: u32,
    /// Sessions of one address, at most; those of TWAMP Light are counted apart.
    pub max_sessions_per_peer: u32,
    /// Sessions answered at once, at most; those of TWAMP Light are counted apart.
    pub max_sessions_total: u32,
    /// What TWAMP-Control offers beyond the security modes; all unless told otherwise.
    pub features: Vec<Feature>,
}

/// How choices are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decision {
    /// Snapshots and choices are published this often, in milliseconds, 1 to 60,000. With thousands
    /// of lines less often, so that it takes a twentieth of a processor.
    pub publish_ms: u32,
    /// Scores look back so far, in milliseconds.
    pub window_ms: u32,
    /// Without fresh samples for so long there is no opinion, in milliseconds.
    pub stale_after_ms: u32,
    /// A class stays at least so long on a line that lives, in milliseconds.
    pub dwell_ms: u32,
    /// A more preferred line must have been good for so long, in milliseconds.
    pub failback_ms: u32,
    /// Silence for so many resting intervals, beyond what a reply may take, is a dead line; more,
    /// up to three times as many, of a line that has come back from longer gaps.
    pub dead_intervals: u32,
    /// A line that keeps what a class needs may be said to break it once in so many hours, 1 to
    /// 8,760; classes may say otherwise. Thresholds follow from that: the rarer a mistake may be,
    /// the later a change is known.
    pub mistake_every_h: u32,
    /// Of lines only what scores and choices need is kept: no percentiles, clocks and marks for
    /// results and collectors. A line takes a quarter less of memory and processor.
    #[serde(skip_serializing_if = "is_default")]
    pub scores_only: bool,
}

/// The port of TWAMP-Control and of the TWAMP-Test receiver (RFC 8545).
pub const TWAMP_PORT: u16 = 862;

impl Protocol {
    /// What it is called in documents and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Auth => "auth",
            Self::Encrypted => "encrypted",
            Self::Mixed => "mixed",
            Self::Light => "light",
            Self::Stamp => "stamp",
        }
    }

    /// True if sessions are agreed on over a control connection, with features; otherwise by
    /// configuration.
    #[must_use]
    pub fn has_control(self) -> bool {
        !matches!(self, Self::Light | Self::Stamp)
    }

    /// True if it needs a key.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Auth | Self::Encrypted | Self::Mixed)
    }
}

impl Probe {
    /// Octets after the sender packet: what is asked for, or as many as make probe and reply
    /// equal in size (RFC 5357, section 4.2.1). Features that are agreed on may need more.
    #[must_use]
    pub fn padding(&self) -> u16 {
        let equal = match self.protocol {
            Protocol::Open | Protocol::Mixed | Protocol::Light => 27,
            Protocol::Auth | Protocol::Encrypted => 64,
            Protocol::Stamp => 0,
        };
        self.padding.unwrap_or(equal)
    }

    /// True if the far end numbers its replies by itself, so that loss has a direction.
    #[must_use]
    pub fn is_directed(&self) -> bool {
        match self.protocol {
            Protocol::Light => false,
            Protocol::Stamp => self.stamp.as_ref().is_none_or(|stamp| stamp.stateful),
            Protocol::Open | Protocol::Auth | Protocol::Encrypted | Protocol::Mixed => true,
        }
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            protocol: Protocol::Open,
            key_id: None,
            interval_ms: None,
            stream: Pattern::Periodic,
            timeout_ms: 1_000,
            padding: None,
            dscp: 0,
            ttl: 255,
            dont_fragment: false,
            ptp: false,
            symmetric: false,
            reflect_octets: None,
            stamp: None,
        }
    }
}

impl Default for Responder {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            light: Vec::new(),
            peers: Vec::new(),
            stamp: Vec::new(),
            added: Vec::new(),
            figures: false,
            modes: vec![Security::Open],
            control_port: TWAMP_PORT,
            test_ports: (20_000, 20_999),
            servwait_s: 900,
            refwait_s: 900,
            max_connections: 16_384,
            max_connections_per_peer: 2_048,
            max_sessions: 64,
            max_sessions_per_peer: 4_096,
            max_sessions_total: 32_768,
            features: Feature::ALL.to_vec(),
        }
    }
}

impl Default for Decision {
    fn default() -> Self {
        Self {
            publish_ms: 100,
            window_ms: 10_000,
            stale_after_ms: 3_000,
            dwell_ms: 10_000,
            failback_ms: 60_000,
            dead_intervals: 4,
            mistake_every_h: 168,
            scores_only: false,
        }
    }
}

fn yes() -> bool {
    true
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_written_and_read_back_unchanged() {
        let config = Config::default();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
    }

    #[test]
    fn loss_has_a_direction_where_the_far_end_numbers_its_replies() {
        let directed = |json: &str| {
            let probe: Probe = serde_json::from_str(json).unwrap();
            probe.is_directed()
        };
        assert!(directed("{}"));
        assert!(!directed(r#"{"protocol": "light"}"#));
        assert!(directed(r#"{"protocol": "stamp", "stamp": {"ssid": 0}}"#));
        assert!(!directed(
            r#"{"protocol": "stamp", "stamp": {"stateful": false}}"#
        ));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"mod":"act"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `mod`"), "{error}");
    }
}
