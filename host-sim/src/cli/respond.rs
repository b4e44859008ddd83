//! The words of `host-sim respond`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use plugin_abi::config::Peer;

use crate::address::{PortAt, PortRange, socket};

/// `host-sim respond`.
#[derive(Args, Clone, Debug)]
pub struct Respond {
    /// Where to answer TWAMP-Control [default: port 862 of every address]; may be repeated
    #[arg(long, value_name = "ADDR:PORT", action = ArgAction::Append, value_delimiter = ',',
          value_parser = socket)]
    pub listen: Vec<SocketAddr>,
    /// Security modes to offer; all but open need --keys. STAMP can be open and auth
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "open"
    )]
    pub modes: Vec<RespondMode>,
    /// Secrets of the secure modes: a TOML file with lines key-id = "passphrase"
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Answer TWAMP Light, where --listen says or everywhere; alone, no control port is opened
    #[arg(long, value_name = "[ADDR:]PORT", action = ArgAction::Append)]
    pub light: Vec<PortAt>,
    /// What to offer beyond the modes [default: all of it]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub features: Vec<RespondFeature>,
    /// Answer STAMP, and TWAMP Light as well; where and what else, as with --light
    #[arg(long, value_name = "[ADDR:]PORT", action = ArgAction::Append)]
    pub stamp: Vec<PortAt>,
    /// Learn from STAMP senders what they see of the way back, if they agree to tell it
    #[arg(long, requires = "stamp")]
    pub figures: bool,
    /// First and last UDP port for test sessions
    #[arg(long, value_name = "A-B", default_value = "20000-20999")]
    pub test_ports: PortRange,
    /// Whom to answer: networks like 192.0.2.0/24, addresses, or any for everybody
    #[arg(
        long,
        value_name = "PREFIX",
        value_delimiter = ',',
        default_value = "any"
    )]
    pub peers: Vec<Peer>,
}

/// The security modes that `respond` offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RespondMode {
    /// Unauthenticated
    Open,
    /// Control encrypted, probes authenticated
    Auth,
    /// Control and probes encrypted
    Encrypted,
    /// Control encrypted, probes open
    Mixed,
}

/// What `respond` may offer beyond the modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RespondFeature {
    /// Nothing
    None,
    /// Sessions started and stopped one by one (RFC 5938)
    IndividualSessions,
    /// Replies that repeat octets of padding (RFC 6038)
    ReflectOctets,
    /// Probes as long as replies (RFC 6038)
    SymmetricalSize,
    /// Replies that tell DSCP and ECN of the probe (RFC 7750)
    DscpEcn,
    /// Stamps as PTP writes them (RFC 8186)
    PtpTimestamps,
}
