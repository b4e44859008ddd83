//! The words of the command line, those of each command in a file of its own.

mod apply;
mod bench;
mod check;
mod completions;
mod demo;
mod events;
mod lines;
mod overrides;
mod ping;
mod probe;
mod respond;
mod responders;
mod results;
mod run;
mod schedules;
mod sessions;
mod sim;
mod socket;
mod switch;
mod why;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use apply::{Apply, Configuration, Confirm};
pub use bench::{Bench, BenchName};
pub use check::Check;
pub use completions::{Completions, Man, ShellName};
pub use demo::Demo;
pub use events::Events;
pub use lines::{Lines, LinesCommand, Role};
pub use overrides::{NamedOverride, OtherSla, Overrides, OverridesCommand, Pin, Term, Withdraw};
pub use ping::Ping;
pub use probe::{ProbeAsk, ProbeMode, ProbeOptions, ProbeStream};
pub use respond::{Respond, RespondFeature, RespondMode};
pub use responders::{ResponderProtocol, Responders, RespondersCommand, Responding};
pub use results::Results;
pub use run::Run;
pub use schedules::{OneSchedule, Schedules, SchedulesCommand};
pub use sessions::{
    AddSession, ChangeSession, NamedSession, RunSession, SessionOptions, Sessions, SessionsCommand,
};
pub use sim::Sim;
pub use socket::Socket;
pub use switch::Switch;
pub use why::Why;

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

const EXIT_CODES: &str = "Exit codes: 0 good, 1 the thing failed, 2 wrong use or bad configuration";

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
    #[command(after_help = ping::AFTER)]
    Ping(Box<Ping>),
    /// Answer probes until interrupted, and report each session served
    Respond(Respond),
    /// Show what the engine costs, beside a bare reference measured in the same run
    Bench(Bench),
    /// Play path policies side by side, in virtual time, on the same lines
    Sim(Sim),
    /// Show, add, change, delete and run sessions of the running host
    Sessions(Sessions),
    /// Show what the sessions of the running host measured
    Results(Results),
    /// Show, pause and resume the schedules of the running host
    Schedules(Schedules),
    /// Show the lines of the running host, turn roles on and off
    Lines(Lines),
    /// Show the responders of the running host, turn them on and off
    Responders(Responders),
    /// Show, add and end what goes before the decisions of the running host for a time
    Overrides(Overrides),
    /// Show which line each class of traffic is on, and why
    Why(Why),
    /// Show what is wrong with the running host, its lines and collectors, and what was
    Events(Events),
    /// Give the running host another configuration
    Apply(Apply),
    /// Keep the configuration that was applied for a time
    Confirm(Confirm),
    /// Show the configuration of the running host, without secrets
    Configuration(Configuration),
    /// Write what a shell needs to complete these words
    Completions(Completions),
    /// Write the manual pages
    Man(Man),
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
        assert_eq!(ping.count, 10);
        let target = ping.target.unwrap();
        assert_eq!((target.host(), target.port()), ("192.0.2.1", 862));
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
            "host-sim ping --mode auth --passphrase-file f h",
            "host-sim ping --mode stamp --ssid 65536 h",
            "host-sim ping --mode stamp --ask money h",
            "host-sim respond --figures",
            "host-sim respond --test-ports 9-8",
            "host-sim respond --peers 192.0.2.1/24",
            "host-sim respond --peers everybody",
            "host-sim demo --seconds 19",
            "host-sim run --config a.toml --seconds 0",
            "host-sim ping --dscp AF44 h",
            "host-sim ping --line fibre --local 192.0.2.9 h",
            "host-sim ping --config a.toml h",
            "host-sim sessions add",
            "host-sim sessions add hub",
            "host-sim sessions add --every 0 192.0.2.1",
            "host-sim sessions add --every 60 --cron * 192.0.2.1",
            "host-sim sessions add --time-zone Europe/Berlin 192.0.2.1",
            "host-sim sessions add --line fibre --mark 1 192.0.2.1",
            "host-sim sessions change",
            "host-sim sessions change a --continuous --count 5",
            "host-sim sessions change a --enabled perhaps",
            "host-sim sessions delete",
            "host-sim results --last 0",
            "host-sim schedules stop",
            "host-sim lines role fibre",
            "host-sim responders on",
            "host-sim responders on 192.0.2.1",
            "host-sim responders on 192.0.2.1:862 --protocol icmp",
            "host-sim sim --seeds 0",
            "host-sim apply",
            "host-sim apply --config a.toml --dry-run --confirm-within 60",
            "host-sim completions tcsh",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_switch_of_the_probes_can_be_turned_off_again() {
        for (line, df) in [
            ("host-sim sessions change a", None),
            ("host-sim sessions change a --df", Some(true)),
            ("host-sim sessions change --df a", Some(true)),
            ("host-sim sessions change a --df=false", Some(false)),
        ] {
            let Command::Sessions(sessions) = parse(line).unwrap().command else {
                panic!("not sessions");
            };
            let Some(SessionsCommand::Change(change)) = sessions.what else {
                panic!("not change");
            };
            assert_eq!(
                (change.session.as_str(), change.options.probe.df),
                ("a", df)
            );
        }
    }

    #[test]
    fn the_socket_may_stand_at_the_end_of_any_command_that_talks_to_a_host() {
        for line in [
            "sessions --socket s",
            "sessions list --socket s",
            "sessions delete a --socket s",
            "schedules pause --socket s",
            "lines role fibre --sender off --socket s",
            "responders --socket s",
        ] {
            assert!(parse(&format!("host-sim {line}")).is_ok(), "{line}");
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
