//! `host-sim ping`: one measurement session, run in the foreground by the plugin.

mod clocks;
mod far_end;
mod report;

use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::config::{Ask, Config, Key, Pattern, Probe, Protocol, Stamp};
use plugin_abi::host::Engine;
use plugin_abi::manage::{Answer, Progress, Request, RunRequest, RunState};

use self::report::{Report, Trouble};
use super::{CommandError, Surroundings};
use crate::address::Family;
use crate::cli::{Ping, PingAsk, PingMode, PingStream};
use crate::exit::Exit;
use crate::host::{Interrupt, listen};
use crate::secret;
use crate::text::{self, Output, complain, milliseconds};

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn run(arguments: &Ping, around: &Surroundings) -> Result<Exit, CommandError> {
    let interrupt = around.interrupt()?;
    let config = Config {
        keys: keys(arguments)?,
        ..Config::default()
    };
    let stamp = stamp(arguments)?;
    features(arguments)?;
    let remote = match arguments.target.resolve(family(arguments)?) {
        Ok(remote) => remote,
        Err(error) => {
            let trouble = Trouble::unresolved(&error);
            return finish(&Report::failed(trouble), around.output);
        }
    };
    let request = request(arguments, remote, stamp);
    let (listener, _events) = listen(around.log_level());
    let document = config.revealed().map_err(CommandError::Configuration)?;
    let engine = (around.plugin()?).create(&document.to_string(), listener)?;
    engine.start()?;
    let ended = measure(&engine, request, &interrupt)?;
    finish(&Report::of(remote, ended), around.output)
}

fn family(arguments: &Ping) -> Result<Family, CommandError> {
    let asked = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    match arguments.local {
        None => Ok(asked),
        Some(local) if !asked.admits(local) => Err(CommandError::Usage(format!(
            "--local {local} is no {asked} address; leave the -4 or -6 out, or give another"
        ))),
        Some(local) if local.is_ipv4() => Ok(Family::V4),
        Some(_) => Ok(Family::V6),
    }
}

/// The secret that the mode needs.
fn keys(arguments: &Ping) -> Result<Vec<Key>, CommandError> {
    let secure = protocol(arguments.mode).is_secure();
    match (&arguments.key_id, &arguments.passphrase_file) {
        (Some(id), Some(file)) if secure || arguments.mode == PingMode::Stamp => {
            Ok(vec![Key::new(id, secret::passphrase(file)?)])
        }
        _ if secure => Err(CommandError::Usage(format!(
            "--mode {} needs a secret; add --key-id ID and --passphrase-file FILE",
            protocol(arguments.mode).name()
        ))),
        (None, None) => Ok(Vec::new()),
        _ => Err(CommandError::Usage(format!(
            "--mode {} uses no secret; leave --key-id and --passphrase-file out, or take mode auth, \
             encrypted, mixed or stamp",
            protocol(arguments.mode).name()
        ))),
    }
}

/// Without a control connection there is nobody to agree on them with.
fn features(arguments: &Ping) -> Result<(), CommandError> {
    let asked = [
        ("--ptp", arguments.ptp),
        ("--symmetric", arguments.symmetric),
        ("--reflect-octets", arguments.reflect_octets.is_some()),
    ];
    let protocol = protocol(arguments.mode);
    let asked = asked.iter().filter(|(_, asked)| *asked);
    let own = |option: &str| protocol == Protocol::Stamp && option == "--ptp";
    // How STAMP writes its stamps is a matter of each end.
    match asked.map(|(option, _)| *option).find(|option| !own(option)) {
        Some(option) if !protocol.has_control() => Err(CommandError::Usage(format!(
            "--mode {} agrees on no features; leave {option} out, or take mode open, auth, \
             encrypted or mixed",
            protocol.name()
        ))),
        _ => Ok(()),
    }
}

fn protocol(mode: PingMode) -> Protocol {
    match mode {
        PingMode::Open => Protocol::Open,
        PingMode::Auth => Protocol::Auth,
        PingMode::Encrypted => Protocol::Encrypted,
        PingMode::Mixed => Protocol::Mixed,
        PingMode::Light => Protocol::Light,
        PingMode::Stamp => Protocol::Stamp,
    }
}

/// What the options of mode stamp say; `None` without any.
fn stamp(arguments: &Ping) -> Result<Option<Stamp>, CommandError> {
    let Ping {
        mode,
        ssid,
        ask,
        stateless,
        ..
    } = arguments;
    let asked = ssid.is_some() || !ask.is_empty() || *stateless;
    if asked && *mode != PingMode::Stamp {
        return Err(CommandError::Usage(
            "--ssid, --ask and --stateless are options of --mode stamp; take that mode, or leave \
             them out"
                .into(),
        ));
    }
    if ask.len() > 1 && ask.contains(&PingAsk::None) {
        return Err(CommandError::Usage(
            "--ask none asks nothing; leave it out, or the others".into(),
        ));
    }
    let mut stamp = Stamp {
        ssid: *ssid,
        stateful: !stateless,
        ..Stamp::default()
    };
    if !ask.is_empty() {
        stamp.ask.clear();
    }
    for ask in ask.iter().filter_map(|ask| question(*ask)) {
        if !stamp.ask.contains(&ask) {
            stamp.ask.push(ask);
        }
    }
    Ok(asked.then_some(stamp))
}

fn question(ask: PingAsk) -> Option<Ask> {
    match ask {
        PingAsk::None => None,
        PingAsk::ClassOfService => Some(Ask::ClassOfService),
        PingAsk::Location => Some(Ask::Location),
        PingAsk::TimestampInformation => Some(Ask::TimestampInformation),
        PingAsk::FollowUp => Some(Ask::FollowUp),
    }
}

fn request(arguments: &Ping, remote: SocketAddr, stamp: Option<Stamp>) -> RunRequest {
    RunRequest {
        remote,
        local: arguments.local,
        count: arguments.count,
        probe: Probe {
            protocol: protocol(arguments.mode),
            key_id: arguments.key_id.clone(),
            interval_ms: arguments.interval,
            stream: match arguments.stream {
                PingStream::Periodic => Pattern::Periodic,
                PingStream::Poisson => Pattern::Poisson,
            },
            timeout_ms: arguments.timeout,
            padding: arguments.padding,
            // Replies come back with the DSCP that the session asks for.
            dscp: dscp(arguments),
            ttl: arguments.ttl,
            dont_fragment: arguments.df,
            stamp,
            ptp: arguments.ptp,
            symmetric: arguments.symmetric,
            reflect_octets: arguments.reflect_octets,
        },
        tos: arguments.tos,
    }
}

fn dscp(arguments: &Ping) -> u8 {
    let of_tos = arguments.tos.map(|tos| tos >> 2);
    arguments.dscp.or(of_tos).unwrap_or(0)
}

/// Starts the run and looks at it until it has ended; an interrupt ends it early.
fn measure(
    engine: &Engine,
    request: RunRequest,
    interrupt: &Interrupt,
) -> Result<Progress, CommandError> {
    let count = request.count;
    let Answer::Run(run) = engine.manage(&Request::Run { run: request })? else {
        return Err(CommandError::Answer("a run"));
    };
    let mut shown = text::Progress::new();
    let mut cancelled = false;
    loop {
        if interrupt.asked() && !cancelled {
            engine.manage(&Request::Cancel { run })?;
            cancelled = true;
        }
        let Answer::Progress(progress) = engine.manage(&Request::Progress { run })? else {
            return Err(CommandError::Answer("the progress of a run"));
        };
        if matches!(progress.state, RunState::Ended | RunState::Failed) {
            return Ok(*progress);
        }
        shown.show(&progress_text(&progress, count));
        std::thread::sleep(LOOK);
    }
}

fn progress_text(progress: &Progress, count: u32) -> String {
    match &progress.result {
        Some(result) if progress.state == RunState::Running => format!(
            "sent {} of {count}, received {}, round trip {} ms",
            result.sent,
            result.received,
            milliseconds(result.round_trip_us.map(|delay| delay.p50)),
        ),
        _ => "connecting".to_owned(),
    }
}

fn finish(report: &Report, output: Output) -> Result<Exit, CommandError> {
    output.object(report)?;
    // A table without a probe says nothing.
    if let Some(result) = report.result.as_ref().filter(|result| result.sent > 0) {
        output.text(&report::table(result, output.paint()))?;
    }
    if let Some(trouble) = &report.failure {
        complain(&trouble.message);
    }
    Ok(report.exit())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn arguments(line: &str) -> Ping {
        let words = format!("host-sim ping {line}");
        let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
        match cli.command {
            Command::Ping(ping) => ping,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_option_reaches_the_request() {
        let ping = arguments(
            "--mode light --count 3 --interval 0.5 --stream poisson --padding 100 --tos 184 --ttl 9 --df \
             --ptp --symmetric --reflect-octets 5 --local 192.0.2.9 --timeout 250 192.0.2.1:8621",
        );
        let remote = "192.0.2.1:8621".parse().unwrap();
        let request = request(&ping, remote, None);
        assert_eq!(request.remote, remote);
        assert_eq!((request.count, request.tos), (3, Some(184)));
        assert_eq!(
            request.probe,
            Probe {
                protocol: Protocol::Light,
                key_id: None,
                interval_ms: 0.5,
                stream: Pattern::Poisson,
                timeout_ms: 250,
                padding: Some(100),
                dscp: 46,
                ttl: 9,
                dont_fragment: true,
                stamp: None,
                ptp: true,
                symmetric: true,
                reflect_octets: Some(5),
            }
        );
    }

    #[test]
    fn the_options_of_stamp_are_its_table_and_belong_to_no_other_mode() {
        let table = |line: &str| stamp(&arguments(line));
        assert_eq!(table("--mode stamp h").unwrap(), None);
        let line = "--mode stamp --ssid 0 --stateless --ask location,follow-up,location h";
        let expected = Stamp {
            ssid: Some(0),
            stateful: false,
            ask: vec![Ask::Location, Ask::FollowUp],
            figures_ms: None,
        };
        assert_eq!(table(line).unwrap(), Some(expected));
        let nothing = table("--mode stamp --ask none h").unwrap().unwrap();
        assert!(nothing.ask.is_empty() && nothing.stateful);
        for line in ["--ssid 7 h", "--mode stamp --ask none,location h"] {
            assert_eq!(table(line).unwrap_err().exit(), Exit::Misused);
        }
    }

    #[test]
    fn without_options_probes_are_the_defaults_of_the_engine() {
        let request = request(&arguments("h"), "192.0.2.1:862".parse().unwrap(), None);
        assert_eq!(request.probe, Probe::default());
    }

    #[test]
    fn a_secure_mode_needs_a_secret_and_no_other_mode_takes_one() {
        for (line, says) in [
            ("--mode auth h", "--mode auth needs a secret"),
            (
                "--key-id hub --passphrase-file f h",
                "--mode open uses no secret",
            ),
        ] {
            let error = keys(&arguments(line)).unwrap_err();
            assert_eq!(error.exit(), Exit::Misused);
            assert!(error.to_string().starts_with(says), "{error}");
        }
    }

    #[test]
    fn features_need_a_control_connection() {
        for option in ["--ptp", "--symmetric", "--reflect-octets 5"] {
            let error = features(&arguments(&format!("--mode light {option} h"))).unwrap_err();
            assert_eq!(error.exit(), Exit::Misused);
            assert!(
                error.to_string().contains(option.trim_end_matches(" 5")),
                "{error}"
            );
            assert!(features(&arguments(&format!("--mode open {option} h"))).is_ok());
        }
    }

    #[test]
    fn the_local_address_decides_the_family() {
        assert_eq!(family(&arguments("h")).unwrap(), Family::Any);
        assert_eq!(family(&arguments("-6 h")).unwrap(), Family::V6);
        assert_eq!(family(&arguments("--local ::1 h")).unwrap(), Family::V6);
        let error = family(&arguments("-6 --local 127.0.0.1 h")).unwrap_err();
        assert_eq!(error.exit(), Exit::Misused);
    }
}
