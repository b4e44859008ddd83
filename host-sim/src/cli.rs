//! The words of the command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use plugin_abi::config::Peer;

use crate::address::{PortAt, PortRange, Target, socket};
use crate::demo::MIN_SECONDS;

/// A host for the autoflow plugin: measures lines by TWAMP and chooses among them.
#[derive(Debug, Parser)]
#[command(name = "host-sim", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub shared: Shared,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EVERYWHERE: &str = "Options of every command";

const STAMP: &str = "Options of mode stamp";

const EXIT_CODES: &str = "Exit codes: 0 good, 1 the thing failed, 2 wrong use or bad configuration";

const PING_EXIT_CODES: &str = "\
Exit codes:
  0  at least one probe was answered
  1  the measurement failed: the name is unknown, the far end is unreachable, refuses the
     connection, doesn't answer, rejects the session or breaks the protocol, or no probe came back
  2  wrong use, also an address, port or permission that this machine refuses
With --json, failure.kind tells them apart: unresolved, unreachable, refused, no-answer, rejected,
protocol, local.";

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Shared {
    /// Answer in JSON, and nothing but JSON, on standard output
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// The plugin [default: libautoflow_plugin.so beside this program]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    /// By which door to enter the plugin
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DOOR", default_value = "checked")]
    pub door: DoorName,
    /// What the plugin may log to standard error, at most
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "LEVEL", default_value = "warn")]
    pub log: LogLevel,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the plugin at work on three emulated lines that fail and heal
    Demo(Demo),
    /// Run the plugin by a configuration until interrupted
    Run(Run),
    /// Judge a configuration and show each mistake with its place
    Check(Check),
    /// Measure the way to a responder: one session, in the foreground
    #[command(after_help = PING_EXIT_CODES)]
    Ping(Ping),
    /// Answer probes until interrupted, and report each session served
    Respond(Respond),
    /// Show what the engine costs, beside a bare reference measured in the same run
    Bench(Bench),
}

/// `host-sim demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// How many seconds to show, at least 20
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(MIN_SECONDS..=3600))]
    pub seconds: u64,
    /// What the emulated lines draw their accidents from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// `host-sim run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// End by itself after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,
    /// Show the table of lines and choices every so many seconds [default: 5; with --json: 1]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub every: Option<u64>,
}

/// `host-sim check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `host-sim ping`.
#[derive(Args, Clone, Debug)]
pub struct Ping {
    /// Protocol of the session
    #[arg(long, value_name = "MODE", default_value = "open")]
    pub mode: PingMode,
    /// Name of the secret that the secure modes need; STAMP is authenticated with one
    #[arg(long, value_name = "ID", requires = "passphrase_file")]
    pub key_id: Option<String>,
    /// File whose first line is the passphrase of that secret
    #[arg(long, value_name = "FILE", requires = "key_id")]
    pub passphrase_file: Option<PathBuf>,
    /// Probes to send
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Milliseconds between two probes; fractions are allowed
    #[arg(long, value_name = "MS", default_value_t = 100.0, value_parser = positive)]
    pub interval: f64,
    /// How probes lie in time
    #[arg(long, value_enum, default_value = "periodic")]
    pub stream: PingStream,
    /// Octets after the sender packet [default: as many as make probe and reply equal in size]
    #[arg(long, value_name = "N")]
    pub padding: Option<u16>,
    /// DSCP of the probes, 0 to 63
    #[arg(long, value_name = "N", conflicts_with = "tos",
          value_parser = clap::value_parser!(u8).range(0..=63))]
    pub dscp: Option<u8>,
    /// Whole TOS octet of the probes, instead of the DSCP
    #[arg(long, value_name = "N")]
    pub tos: Option<u8>,
    /// TTL or hop limit of the probes
    #[arg(long, value_name = "N", default_value_t = 255,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: u8,
    /// Forbid fragmenting
    #[arg(long)]
    pub df: bool,
    /// Ask for stamps as PTP writes them
    #[arg(long)]
    pub ptp: bool,
    /// Ask for probes as long as replies, and replies that cut no padding away
    #[arg(long)]
    pub symmetric: bool,
    /// Ask for replies that repeat so many octets of padding
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=8900))]
    pub reflect_octets: Option<u16>,
    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,
    /// STAMP's session identifier; 0 for none [default: one drawn for this run]
    #[arg(long, value_name = "N", help_heading = STAMP)]
    pub ssid: Option<u16>,
    /// What each probe asks of the far end [default: class-of-service]
    #[arg(long, value_name = "LIST", help_heading = STAMP, value_delimiter = ',')]
    pub ask: Vec<PingAsk>,
    /// The far end copies the probes' numbers: loss has no direction
    #[arg(long, help_heading = STAMP)]
    pub stateless: bool,
    /// Address to measure from
    #[arg(long, value_name = "ADDR")]
    pub local: Option<IpAddr>,
    /// A probe without reply for so many milliseconds is lost
    #[arg(long, value_name = "MS", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
    /// Far end: name or address, IPv6 bare or in brackets; the port is 862 unless given
    #[arg(value_name = "HOST[:PORT]")]
    pub target: Target,
}

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

/// `host-sim bench`.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// What to measure
    #[arg(value_name = "WHAT")]
    pub what: BenchName,
    /// Rounds; in each, the plugin and the bare reference take a turn
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// How many seconds a turn takes; fractions are allowed
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = positive)]
    pub seconds: f64,
    /// With how many sessions [default: 1,64,10000; to send 100,1000,10000]
    #[arg(long, value_name = "LIST", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: Vec<u32>,
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchName {
    /// Answering probes as fast as they come
    Reflect,
    /// Sending probes at ten a second each
    Send,
    /// How true the round trip is, at rest and with every processor busy
    Delay,
    /// Reading the published snapshot
    Snapshot,
}

/// The door's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoorName {
    /// The root module, with its layout check
    Checked,
    /// The C symbol, as a host in C enters
    C,
}

/// The log level's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Something is broken
    Error,
    /// Something will need a person
    Warn,
    /// What an operator wants to read
    Info,
    /// For those who look for a fault
    Debug,
    /// Everything
    Trace,
}

/// How the probes of `ping` lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PingStream {
    /// At equal distances
    Periodic,
    /// At those of a Poisson process, with --interval on average
    Poisson,
}

/// The protocols that `ping` speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PingMode {
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

/// What a probe of STAMP may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PingAsk {
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

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("expected a number above 0".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn shared_options_may_stand_before_and_after_the_command() {
        for line in [
            "host-sim --json --door c check --config a.toml",
            "host-sim check --config a.toml --door c --json",
        ] {
            let cli = parse(line).unwrap();
            assert!(cli.shared.json);
            assert_eq!(cli.shared.door, DoorName::C);
        }
    }

    #[test]
    fn ping_has_the_defaults_of_the_manual() {
        let cli = parse("host-sim ping 192.0.2.1").unwrap();
        let Command::Ping(ping) = cli.command else {
            panic!("{:?}", cli.command);
        };
        assert_eq!((ping.count, ping.interval), (10, 100.0));
        assert_eq!(ping.mode, PingMode::Open);
        assert_eq!((ping.target.host(), ping.target.port()), ("192.0.2.1", 862));
    }

    #[test]
    fn wrong_use_is_refused_with_exit_code_2() {
        for line in [
            "host-sim",
            "host-sim dance",
            "host-sim check",
            "host-sim ping",
            "host-sim ping --count 0 h",
            "host-sim ping --interval 0 h",
            "host-sim ping --interval nan h",
            "host-sim ping --dscp 64 h",
            "host-sim ping --dscp 1 --tos 4 h",
            "host-sim ping --ttl 0 h",
            "host-sim ping --mode secret h",
            "host-sim ping --reflect-octets 0 h",
            "host-sim ping -4 -6 h",
            "host-sim ping h:0",
            "host-sim ping h:65536",
            "host-sim respond --listen 862",
            "host-sim respond --modes secret",
            "host-sim respond --features dscp",
            "host-sim ping --mode auth --key-id hub h",
            "host-sim ping --mode auth --passphrase-file f h",
            "host-sim ping --mode stamp --ssid 65536 h",
            "host-sim ping --mode stamp --ask money h",
            "host-sim respond --figures",
            "host-sim respond --test-ports 9-8",
            "host-sim respond --peers 192.0.2.1/24",
            "host-sim respond --peers everybody",
            "host-sim demo --seconds 19",
            "host-sim run --config a.toml --seconds 0",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn respond_takes_several_addresses() {
        let line = "host-sim respond --listen 127.0.0.1:8620,[::1]:8620 --listen 192.0.2.1:862";
        let Command::Respond(respond) = parse(line).unwrap().command else {
            panic!("not respond");
        };
        assert_eq!(respond.listen.len(), 3);
        assert_eq!(respond.test_ports.bounds(), (20_000, 20_999));
    }
}
