//! `host-sim ping`: one measurement session, run in the foreground by the plugin.

mod over;

use plugin_abi::config::{Config, Key, Protocol};
use plugin_abi::host::Engine;
use plugin_abi::manage::{Answer, Request, RunRequest};

use self::over::Over;
use super::follow::follow;
use super::probe::{probe, sound};
use super::report::{Report, Trouble};
use super::{CommandError, Surroundings};
use crate::address::Family;
use crate::cli::Ping;
use crate::exit::Exit;
use crate::host::listen;
use crate::secret;

pub(super) fn run(arguments: &Ping, around: &Surroundings) -> Result<Exit, CommandError> {
    let interrupt = around.interrupt()?;
    let family = family(arguments)?;
    let over = Over::of(arguments, around)?;
    let Some(mut over) = over else {
        return Ok(Exit::Misused);
    };
    let probe = probe(&arguments.probe, &over.probe())?;
    sound(&arguments.probe, probe.protocol)?;
    let keys = keys(arguments, probe.protocol, &over)?;
    let remote = match &arguments.target {
        None => over.remote()?,
        Some(target) => match target.resolve(family) {
            Ok(remote) => remote,
            Err(error) => {
                let trouble = Trouble::unresolved(&error);
                return Report::failed(trouble).tell(around.output);
            }
        },
    };
    let count = arguments.count;
    let request = Request::Run {
        run: RunRequest {
            remote,
            local: arguments.local,
            count,
            probe,
            tos: arguments.probe.tos,
            line: arguments.line.clone(),
        },
    };
    let ended = match over.host() {
        Some(host) => {
            let run = begun(&host.typed(&request)?)?;
            follow(run, Some(count), &interrupt, |request| host.typed(request))?
        }
        None => {
            let engine = engine(&over.config(keys), around)?;
            let run = begun(&engine.manage(&request)?)?;
            follow(run, Some(count), &interrupt, |request| {
                Ok(engine.manage(request)?)
            })?
        }
    };
    Report::of(ended).tell(around.output)
}

/// An engine of one's own that runs.
fn engine(config: &Config, around: &Surroundings) -> Result<Engine, CommandError> {
    let (listener, _events) = listen(around.log_level());
    let document = config.revealed().map_err(CommandError::Configuration)?;
    let engine = (around.plugin()?).create(&document.to_string(), listener)?;
    engine.start()?;
    Ok(engine)
}

fn begun(answer: &Answer) -> Result<u64, CommandError> {
    match answer {
        Answer::Run(run) => Ok(*run),
        _ => Err(CommandError::Answer("a run")),
    }
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

/// The secret that the protocol needs, where it comes from a file.
fn keys(arguments: &Ping, protocol: Protocol, over: &Over) -> Result<Vec<Key>, CommandError> {
    let usage = |sentence| Err(CommandError::Usage(sentence));
    let name = protocol.name();
    match (&arguments.probe.key_id, &arguments.passphrase_file) {
        (_, Some(_)) if over.is_host() => usage(
            "the running host takes a secret from its own configuration alone; add it there, and \
             leave --passphrase-file out"
                .into(),
        ),
        (_, None) if over.has_keys() => Ok(Vec::new()),
        (Some(id), Some(file)) if protocol.is_secure() || protocol == Protocol::Stamp => {
            Ok(vec![Key::new(id, secret::passphrase(file)?)])
        }
        _ if protocol.is_secure() => usage(format!(
            "--mode {name} needs a secret; add --key-id ID and --passphrase-file FILE"
        )),
        (None, None) => Ok(Vec::new()),
        (Some(_), None) if protocol == Protocol::Stamp => {
            usage("--key-id needs the secret itself; add --passphrase-file FILE".into())
        }
        _ => usage(format!(
            "--mode {name} uses no secret; leave --key-id and --passphrase-file out, or take mode \
             auth, encrypted, mixed or stamp"
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use plugin_abi::config::Probe;

    use super::*;
    use crate::cli::{Cli, Command};

    fn arguments(line: &str) -> Ping {
        let words = format!("host-sim ping {line}");
        let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
        match cli.command {
            Command::Ping(ping) => *ping,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secure_mode_needs_a_secret_and_no_other_mode_takes_one() {
        for (line, says) in [
            ("--mode auth h", "--mode auth needs a secret"),
            ("--mode auth --key-id hub h", "--mode auth needs a secret"),
            (
                "--mode stamp --key-id hub h",
                "--key-id needs the secret itself",
            ),
            (
                "--key-id hub --passphrase-file f h",
                "--mode open uses no secret",
            ),
        ] {
            let ping = arguments(line);
            let protocol = probe(&ping.probe, &Probe::default()).unwrap().protocol;
            let error = keys(&ping, protocol, &Over::Alone).unwrap_err();
            assert_eq!(error.exit(), Exit::Misused);
            assert!(error.to_string().starts_with(says), "{error}");
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
