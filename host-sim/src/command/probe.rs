//! How to probe, from the words of the command line to what the plugin reads.

use plugin_abi::config::{Ask, Pattern, Probe, Protocol};
use serde_json::{Map, Value, json};

use super::CommandError;
use crate::cli::{ProbeAsk, ProbeMode, ProbeOptions, ProbeStream};

/// `base`, with what the options say otherwise.
pub(super) fn probe(options: &ProbeOptions, base: &Probe) -> Result<Probe, CommandError> {
    let read = |base: &Probe| {
        let mut probe = serde_json::to_value(base)?;
        merge(&mut probe, Value::Object(given(options)));
        serde_json::from_value(probe)
    };
    let mut probe: Probe = read(base).map_err(CommandError::Configuration)?;
    if let Some(tos) = options.tos {
        // Replies come back with the DSCP that the session asks for.
        probe.dscp = tos >> 2;
    }
    Ok(probe)
}

/// The keys of a probe that are given, and no others: those left out stay what they are.
pub(super) fn given(options: &ProbeOptions) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut key = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(name.to_owned(), value);
        }
    };
    key("protocol", options.mode.map(|mode| json!(protocol(mode))));
    key("key_id", options.key_id.as_ref().map(|id| json!(id)));
    key("interval_ms", options.interval.map(|ms| json!(ms)));
    key(
        "stream",
        options.stream.map(|stream| json!(pattern(stream))),
    );
    key("timeout_ms", options.timeout.map(|ms| json!(ms)));
    key("padding", options.padding.map(|octets| json!(octets)));
    key("dscp", options.dscp.map(|dscp| json!(dscp)));
    key("ttl", options.ttl.map(|ttl| json!(ttl)));
    key("dont_fragment", options.df.map(|df| json!(df)));
    key("ptp", options.ptp.map(|ptp| json!(ptp)));
    key("symmetric", options.symmetric.map(|on| json!(on)));
    key("reflect_octets", options.reflect_octets.map(|n| json!(n)));
    let stamp = stamp(options);
    key("stamp", (!stamp.is_empty()).then_some(Value::Object(stamp)));
    keys
}

/// Do the options go together, if probes are of this protocol?
pub(super) fn sound(options: &ProbeOptions, protocol: Protocol) -> Result<(), CommandError> {
    let usage = |sentence: &str| Err(CommandError::Usage(sentence.into()));
    if !stamp(options).is_empty() && protocol != Protocol::Stamp {
        return usage(
            "--ssid, --ask and --stateless are options of --mode stamp; take that mode, or leave \
             them out",
        );
    }
    if options.ask.len() > 1 && options.ask.contains(&ProbeAsk::None) {
        return usage("--ask none asks nothing; leave it out, or the others");
    }
    features(options, protocol)
}

/// Without a control connection there is nobody to agree on them with.
fn features(options: &ProbeOptions, protocol: Protocol) -> Result<(), CommandError> {
    let asked = [
        ("--ptp", options.ptp == Some(true)),
        ("--symmetric", options.symmetric == Some(true)),
        ("--reflect-octets", options.reflect_octets.is_some()),
    ];
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

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

fn stamp(options: &ProbeOptions) -> Map<String, Value> {
    let mut keys = Map::new();
    if let Some(ssid) = options.ssid {
        keys.insert("ssid".into(), json!(ssid));
    }
    if !options.ask.is_empty() {
        let mut asked: Vec<Ask> = Vec::new();
        for ask in options.ask.iter().filter_map(|ask| question(*ask)) {
            if !asked.contains(&ask) {
                asked.push(ask);
            }
        }
        keys.insert("ask".into(), json!(asked));
    }
    if options.stateless {
        keys.insert("stateful".into(), json!(false));
    }
    keys
}

fn protocol(mode: ProbeMode) -> Protocol {
    match mode {
        ProbeMode::Open => Protocol::Open,
        ProbeMode::Auth => Protocol::Auth,
        ProbeMode::Encrypted => Protocol::Encrypted,
        ProbeMode::Mixed => Protocol::Mixed,
        ProbeMode::Light => Protocol::Light,
        ProbeMode::Stamp => Protocol::Stamp,
    }
}

fn pattern(stream: ProbeStream) -> Pattern {
    match stream {
        ProbeStream::Periodic => Pattern::Periodic,
        ProbeStream::Poisson => Pattern::Poisson,
    }
}

fn question(ask: ProbeAsk) -> Option<Ask> {
    match ask {
        ProbeAsk::None => None,
        ProbeAsk::ClassOfService => Some(Ask::ClassOfService),
        ProbeAsk::Location => Some(Ask::Location),
        ProbeAsk::TimestampInformation => Some(Ask::TimestampInformation),
        ProbeAsk::FollowUp => Some(Ask::FollowUp),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use plugin_abi::config::Stamp;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::exit::Exit;

    fn options(line: &str) -> ProbeOptions {
        let words = format!("host-sim ping {line} h");
        let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
        match cli.command {
            Command::Ping(ping) => ping.probe,
            other => panic!("{other:?}"),
        }
    }

    fn probed(line: &str) -> Probe {
        probe(&options(line), &Probe::default()).unwrap()
    }

    #[test]
    fn each_option_reaches_the_probes() {
        let line = "--mode light --interval 0.5 --stream poisson --padding 100 --tos 184 --ttl 9 \
                    --df --ptp --symmetric --reflect-octets 5 --timeout 250";
        let expected = Probe {
            protocol: Protocol::Light,
            key_id: None,
            interval_ms: Some(0.5),
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
        };
        assert_eq!(probed(line), expected);
        assert_eq!(probed("--dscp ef").dscp, 46);
    }

    #[test]
    fn what_is_left_out_stays_what_it_is() {
        assert_eq!(probed(""), Probe::default());
        assert!(given(&options("")).is_empty());
        let base = Probe {
            dont_fragment: true,
            dscp: 10,
            ..Probe::default()
        };
        let expected = Probe {
            ttl: 9,
            dont_fragment: false,
            ..base.clone()
        };
        let options = options("--ttl 9 --df=false");
        assert_eq!(probe(&options, &base).unwrap(), expected);
    }

    #[test]
    fn the_options_of_stamp_are_its_table_and_belong_to_no_other_mode() {
        assert_eq!(probed("--mode stamp").stamp, None);
        let line = "--mode stamp --ssid 0 --stateless --ask location,follow-up,location";
        let expected = Stamp {
            ssid: Some(0),
            stateful: false,
            ask: vec![Ask::Location, Ask::FollowUp],
            figures_ms: None,
        };
        assert_eq!(probed(line).stamp, Some(expected));
        let nothing = probed("--mode stamp --ask none").stamp.unwrap();
        assert!(nothing.ask.is_empty() && nothing.stateful);
        for (line, protocol) in [
            ("--ssid 7", Protocol::Open),
            ("--ask none,location", Protocol::Stamp),
        ] {
            let error = sound(&options(line), protocol).unwrap_err();
            assert_eq!(error.exit(), Exit::Misused);
        }
    }

    #[test]
    fn features_need_a_control_connection() {
        for option in ["--ptp", "--symmetric", "--reflect-octets 5"] {
            let error = sound(&options(option), Protocol::Light).unwrap_err();
            assert_eq!(error.exit(), Exit::Misused);
            let name = option.trim_end_matches(" 5");
            assert!(error.to_string().contains(name), "{error}");
            assert!(sound(&options(option), Protocol::Open).is_ok());
        }
    }
}
