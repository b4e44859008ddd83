//! How to probe: the options that `ping`, `sessions add` and `sessions change` share.

use clap::{Args, ValueEnum};

use super::positive;
use crate::text::dscp_code;

const PROBES: &str = "Options of the probes";

const STAMP: &str = "Options of mode stamp";

/// How to probe. What is left out is as the command says.
#[derive(Args, Clone, Debug, Default)]
pub struct ProbeOptions {
    /// Protocol of the session
    #[arg(long, value_name = "MODE", help_heading = PROBES)]
    pub mode: Option<ProbeMode>,
    /// Name of the secret that the secure modes need; STAMP is authenticated with one
    #[arg(long, value_name = "ID", help_heading = PROBES)]
    pub key_id: Option<String>,
    /// Milliseconds between two probes; fractions are allowed
    #[arg(long, value_name = "MS", help_heading = PROBES, value_parser = positive)]
    pub interval: Option<f64>,
    /// How probes lie in time
    #[arg(long, value_enum, help_heading = PROBES)]
    pub stream: Option<ProbeStream>,
    /// Octets after the sender packet [default: as many as make probe and reply equal in size]
    #[arg(long, value_name = "N", help_heading = PROBES)]
    pub padding: Option<u16>,
    /// DSCP of the probes: 0 to 63, or a name like EF, AF41 or CS6
    #[arg(long, value_name = "DSCP", help_heading = PROBES, conflicts_with = "tos",
          value_parser = dscp_code)]
    pub dscp: Option<u8>,
    /// Whole TOS octet of the probes, instead of the DSCP
    #[arg(long, value_name = "N", help_heading = PROBES)]
    pub tos: Option<u8>,
    /// TTL or hop limit of the probes
    #[arg(long, value_name = "N", help_heading = PROBES,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// Forbid fragmenting
    #[arg(long, value_name = "YES", help_heading = PROBES, num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub df: Option<bool>,
    /// A probe without reply for so many milliseconds is lost
    #[arg(long, value_name = "MS", help_heading = PROBES,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,
    /// Ask for stamps as PTP writes them
    #[arg(long, value_name = "YES", help_heading = PROBES, num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub ptp: Option<bool>,
    /// Ask for probes as long as replies, and replies that cut no padding away
    #[arg(long, value_name = "YES", help_heading = PROBES, num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub symmetric: Option<bool>,
    /// Ask for replies that repeat so many octets of padding
    #[arg(long, value_name = "N", help_heading = PROBES,
          value_parser = clap::value_parser!(u16).range(1..=8900))]
    pub reflect_octets: Option<u16>,
    /// STAMP's session identifier; 0 for none [default: one drawn for each run]
    #[arg(long, value_name = "N", help_heading = STAMP)]
    pub ssid: Option<u16>,
    /// What each probe asks of the far end [default: class-of-service]
    #[arg(long, value_name = "LIST", help_heading = STAMP, value_delimiter = ',')]
    pub ask: Vec<ProbeAsk>,
    /// The far end copies the probes' numbers: loss has no direction
    #[arg(long, help_heading = STAMP)]
    pub stateless: bool,
}

/// The protocols of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeMode {
    /// TWAMP with a control connection, unauthenticated
    Open,
    /// Control encrypted, probes authenticated
    Auth,
    /// Control and probes encrypted
    Encrypted,
    /// Control encrypted, probes open
    Mixed,
    /// TWAMP Light: no control connection
    Light,
    /// STAMP: no control connection, with or without a secret
    Stamp,
}

/// How the probes of a session lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeStream {
    /// At equal distances
    Periodic,
    /// At those of a Poisson process, with --interval on average
    Poisson,
}

/// What a probe of STAMP may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeAsk {
    /// Nothing; not together with others
    None,
    /// With which DSCP and ECN it arrives
    ClassOfService,
    /// Which addresses and ports are seen there: shows a NAT
    Location,
    /// What the far clock is synchronised to, and who stamps
    TimestampInformation,
    /// When the reply before really left
    FollowUp,
}
