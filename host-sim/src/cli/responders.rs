//! The words of `host-sim responders`.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};

use super::Socket;
use crate::address::socket;

/// `host-sim responders`.
#[derive(Args, Clone, Debug)]
pub struct Responders {
    /// What to do with them.
    #[command(subcommand)]
    pub what: Option<RespondersCommand>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// What can be done with responders.
#[derive(Clone, Debug, Subcommand)]
pub enum RespondersCommand {
    /// Show where probes are answered, and the sessions served [the default]
    List,
    /// Answer there from now on
    On(Responding),
    /// Answer there no more
    Off(Responding),
}

/// One responder.
#[derive(Args, Clone, Debug)]
pub struct Responding {
    /// Where
    #[arg(value_name = "ADDR:PORT", value_parser = socket)]
    pub at: SocketAddr,
    /// What it answers
    #[arg(long, value_name = "PROTOCOL", default_value = "twamp")]
    pub protocol: ResponderProtocol,
}

/// What a responder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResponderProtocol {
    /// TWAMP-Control, and the sessions it agrees on
    Twamp,
    /// TWAMP Light
    Light,
    /// STAMP, and TWAMP Light as well
    Stamp,
}
