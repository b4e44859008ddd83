//! `host-sim respond`: answers probes until interrupted, and reports each session it served.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use plugin_abi::config::{Config, Feature, Peer, Responder, Security, TWAMP_PORT};
use plugin_abi::host::Engine;
use plugin_abi::manage::{Answer, Request, ServedResult, Statistics};
use serde_json::json;

use super::{CommandError, Surroundings};
use crate::address::PortAt;
use crate::cli::{Respond, RespondFeature, RespondMode};
use crate::exit::Exit;
use crate::host::{Event, listen};
use crate::secret;
use crate::text::{Output, Style, complain, milliseconds, percent, share};

/// How long a look at the events waits before it looks at Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &Respond, around: &Surroundings) -> Result<Exit, CommandError> {
    let output = around.output;
    let interrupt = around.interrupt()?;
    let config = config(arguments)?;
    let (listener, events) = listen(around.log_level());
    let document = config.revealed().map_err(CommandError::Configuration)?;
    let engine = (around.plugin()?).create(&document.to_string(), listener)?;
    engine.start()?;
    announce(&config.responder, output)?;

    while !interrupt.asked() {
        match events.recv_timeout(LOOK) {
            Ok(event) => report(&event, output)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    engine.stop()?;
    let statistics = statistics(&engine)?;
    // The channel closes with the engine: these are the sessions that the stop has ended.
    drop(engine);
    for event in events {
        report(&event, output)?;
    }
    for (count, why) in [
        (
            statistics.not_admitted,
            "no key of ours verifies them, or they are open and --modes is not",
        ),
        (
            statistics.foreign_packets,
            "they are of nobody among --peers",
        ),
        (statistics.sessions_refused, "too many had a session"),
    ] {
        if count > 0 {
            complain(&format!("{count} probes were not answered: {why}"));
        }
    }
    Ok(Exit::Good)
}

fn statistics(engine: &Engine) -> Result<Statistics, CommandError> {
    match engine.manage(&Request::Statistics)? {
        Answer::Statistics(statistics) => Ok(statistics),
        _ => Err(CommandError::Answer("statistics")),
    }
}

fn config(arguments: &Respond) -> Result<Config, CommandError> {
    let keys = match &arguments.keys {
        Some(file) => secret::keys(file)?,
        None if arguments
            .modes
            .iter()
            .all(|mode| *mode == RespondMode::Open) =>
        {
            Vec::new()
        }
        None => {
            return Err(CommandError::Usage(
                "--modes with auth, encrypted or mixed needs secrets; add --keys FILE".into(),
            ));
        }
    };
    Ok(Config {
        responder: Responder {
            features: features(&arguments.features)?,
            ..responder(arguments, ipv6_is_there())
        },
        keys,
        ..Config::default()
    })
}

/// The responder that the options describe. Without IPv6 the default addresses are IPv4 only.
fn responder(arguments: &Respond, ipv6: bool) -> Responder {
    let mut everywhere: Vec<SocketAddr> = vec![(Ipv4Addr::UNSPECIFIED, TWAMP_PORT).into()];
    if ipv6 {
        everywhere.push((Ipv6Addr::UNSPECIFIED, TWAMP_PORT).into());
    }
    let listen: Vec<SocketAddr> = if !arguments.listen.is_empty() {
        arguments.listen.clone()
    } else if arguments.light.is_empty() && arguments.stamp.is_empty() {
        everywhere.clone()
    } else {
        Vec::new()
    };
    let on = match listen.is_empty() {
        true => everywhere,
        false => listen.clone(),
    };
    Responder {
        listen,
        light: sockets(&arguments.light, &on),
        stamp: sockets(&arguments.stamp, &on),
        figures: arguments.figures,
        peers: peers(&arguments.peers),
        modes: modes(&arguments.modes),
        test_ports: arguments.test_ports.bounds(),
        ..Responder::default()
    }
}

/// Each peer once.
fn peers(asked: &[Peer]) -> Vec<Peer> {
    let mut peers = Vec::new();
    for peer in asked {
        if !peers.contains(peer) {
            peers.push(*peer);
        }
    }
    peers
}

/// Each socket once; a bare port is one `on` each of these addresses.
fn sockets(ports: &[PortAt], on: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut sockets = Vec::new();
    for at in ports {
        match at.address {
            Some(address) => sockets.push(address),
            None => sockets.extend(on.iter().map(|&address| at_port(address, at.port))),
        }
    }
    sockets.sort();
    sockets.dedup();
    sockets
}

/// With the link of a link-local address.
fn at_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// Each mode once.
fn modes(asked: &[RespondMode]) -> Vec<Security> {
    let mut modes = Vec::new();
    for mode in asked {
        let mode = match mode {
            RespondMode::Open => Security::Open,
            RespondMode::Auth => Security::Auth,
            RespondMode::Encrypted => Security::Encrypted,
            RespondMode::Mixed => Security::Mixed,
        };
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    modes
}

/// Each feature once; all of them unless some are asked for.
fn features(asked: &[RespondFeature]) -> Result<Vec<Feature>, CommandError> {
    if asked.is_empty() {
        return Ok(Feature::ALL.to_vec());
    }
    let mut features = Vec::new();
    for word in asked {
        let feature = match word {
            RespondFeature::None if asked.len() == 1 => return Ok(Vec::new()),
            RespondFeature::None => {
                return Err(CommandError::Usage(
                    "--features none offers nothing; leave the other features out, or none".into(),
                ));
            }
            RespondFeature::IndividualSessions => Feature::IndividualSessions,
            RespondFeature::ReflectOctets => Feature::ReflectOctets,
            RespondFeature::SymmetricalSize => Feature::SymmetricalSize,
            RespondFeature::DscpEcn => Feature::DscpEcn,
            RespondFeature::PtpTimestamps => Feature::PtpTimestamps,
        };
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    Ok(features)
}

fn ipv6_is_there() -> bool {
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

fn announce(responder: &Responder, output: Output) -> std::io::Result<()> {
    let Responder {
        listen,
        light,
        stamp,
        peers,
        modes,
        test_ports,
        features,
        ..
    } = responder;
    output.object(&json!({
        "listening": {
            "control": listen, "light": light, "stamp": stamp, "modes": modes,
            "features": features, "test_ports": test_ports, "peers": peers
        }
    }))?;
    let mut says = Vec::new();
    if !listen.is_empty() {
        let (first, last) = test_ports;
        says.push(format!(
            "TWAMP-Control on {}, test sessions on UDP ports {first}-{last}",
            joined(listen)
        ));
        if !features.is_empty() {
            let names: Vec<_> = features.iter().map(|feature| feature.name()).collect();
            says.push(format!("features {}", names.join(", ")));
        }
    }
    if !light.is_empty() {
        says.push(format!("TWAMP Light on {}", joined(light)));
    }
    if !stamp.is_empty() {
        says.push(format!("STAMP on {}", joined(stamp)));
    }
    says.push(match peers.contains(&Peer::Any) {
        true => "answers everybody".to_owned(),
        false => format!("answers {}", joined(peers)),
    });
    output.styled(Style::Heading, &format!("listening: {}", says.join("; ")))
}

fn report(event: &Event, output: Output) -> std::io::Result<()> {
    let Event::RunEnded { run: 0, result } = event else {
        return Ok(());
    };
    match serde_json::from_str::<ServedResult>(result) {
        Ok(served) => {
            output.object(&served)?;
            output.text(&sentence(&served))
        }
        Err(error) => {
            complain(&format!(
                "can't read the plugin's report of a session: {error}"
            ));
            Ok(())
        }
    }
}

/// A served session for people.
pub(super) fn sentence(served: &ServedResult) -> String {
    let lost = share(
        served.lost_forward,
        served.received.saturating_add(served.lost_forward),
    );
    let ssid = served
        .ssid
        .map_or_else(String::new, |ssid| format!(" (SSID {ssid})"));
    let mut text = format!(
        "{} → {}{ssid}: {} received, {} lost on the way here ({} %), {} duplicates, {} reordered",
        served.remote,
        served.local,
        served.received,
        served.lost_forward,
        percent(lost),
        served.duplicates,
        served.reordered,
    );
    if served.jitter_us.is_some() || served.variation_mean_us.is_some() {
        text.push_str(&format!(
            "; jitter {} ms, delay above its minimum {} ms, at most {} ms",
            milliseconds(served.jitter_us),
            milliseconds(served.variation_mean_us),
            milliseconds(served.variation_max_us),
        ));
    }
    let limited = &served.responder_limited;
    if limited.packets > 0 {
        text.push_str(&format!(
            "; up to {} of the lost had no room at this host",
            limited.packets.min(served.lost_forward)
        ));
    }
    if limited.held_up_ms > 0.0 {
        text.push_str(&format!(
            "; this host was held up for {:.0} ms",
            limited.held_up_ms
        ));
    }
    if let Some(back) = &served.backward {
        let lost = back
            .lost
            .map_or_else(|| "an unknown part".to_owned(), |lost| lost.to_string());
        text.push_str(&format!(
            "; of {} answered, {lost} lost on the way back, jitter {} ms, delay above its minimum \
             {} ms, at most {} ms",
            back.received.saturating_add(back.lost.unwrap_or(0)),
            milliseconds(back.jitter_us),
            milliseconds(back.variation_mean_us),
            milliseconds(back.variation_max_us),
        ));
    }
    text.push_str(&format!("; ended: {}", served.ended));
    text
}

fn joined(things: &[impl ToString]) -> String {
    let texts: Vec<_> = things.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use plugin_abi::manage::{Backward, ResponderLimited, ServedFigures};

    use super::*;
    use crate::cli::{Cli, Command};

    fn listening(line: &str) -> (Vec<String>, Vec<String>) {
        let words = format!("host-sim respond {line}");
        let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
        let Command::Respond(arguments) = cli.command else {
            panic!("not respond");
        };
        let responder = responder(&arguments, true);
        let text = |addresses: Vec<SocketAddr>| {
            let texts = addresses.iter().map(ToString::to_string);
            texts.collect::<Vec<_>>()
        };
        (text(responder.listen), text(responder.light))
    }

    #[test]
    fn by_default_control_is_answered_everywhere() {
        let (control, light) = listening("");
        assert_eq!(control, ["0.0.0.0:862", "[::]:862"]);
        assert!(light.is_empty());
    }

    #[test]
    fn light_alone_opens_no_control_port() {
        let (control, light) = listening("--light 8621");
        assert!(control.is_empty());
        assert_eq!(light, ["0.0.0.0:8621", "[::]:8621"]);
    }

    #[test]
    fn stamp_is_like_light_beside_control_and_alone() {
        let stamp = |line: &str| {
            let words = format!("host-sim respond {line}");
            let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
            let Command::Respond(arguments) = cli.command else {
                panic!("not respond");
            };
            responder(&arguments, false)
        };
        let alone = stamp("--stamp 8622 --figures");
        assert!(alone.listen.is_empty() && alone.light.is_empty() && alone.figures);
        assert_eq!(alone.stamp, ["0.0.0.0:8622".parse().unwrap()]);
        let beside = stamp("--listen 127.0.0.1:8620 --light 8621 --stamp 8622");
        assert_eq!(beside.listen.len(), 1);
        assert_eq!(beside.light, ["127.0.0.1:8621".parse().unwrap()]);
        assert_eq!(beside.stamp, ["127.0.0.1:8622".parse().unwrap()]);
    }

    #[test]
    fn each_mode_is_offered_once_and_secure_ones_need_secrets() {
        let asked = [RespondMode::Auth, RespondMode::Open, RespondMode::Auth];
        assert_eq!(modes(&asked), [Security::Auth, Security::Open]);
        let words = ["host-sim", "respond", "--modes", "open,mixed"];
        let Command::Respond(arguments) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not respond");
        };
        let error = config(&arguments).unwrap_err();
        assert_eq!(error.exit(), Exit::Misused);
        assert!(error.to_string().contains("--keys FILE"), "{error}");
    }

    #[test]
    fn each_feature_is_offered_once_and_all_unless_told_otherwise() {
        use RespondFeature::{DscpEcn, None, PtpTimestamps};
        assert_eq!(features(&[]).unwrap(), Feature::ALL);
        assert_eq!(features(&[None]).unwrap(), []);
        let asked = [PtpTimestamps, DscpEcn, PtpTimestamps];
        let expected = [Feature::PtpTimestamps, Feature::DscpEcn];
        assert_eq!(features(&asked).unwrap(), expected);
        let error = features(&[None, DscpEcn]).unwrap_err();
        assert_eq!(error.exit(), Exit::Misused);
    }

    #[test]
    fn everybody_is_answered_unless_peers_are_named() {
        let asked = |line: &str| {
            let words = format!("host-sim respond {line}");
            let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
            let Command::Respond(arguments) = cli.command else {
                panic!("not respond");
            };
            joined(&responder(&arguments, true).peers)
        };
        assert_eq!(asked(""), "any");
        assert_eq!(
            asked("--peers 192.0.2.0/24,2001:db8::1 --peers 192.0.2.0/24"),
            "192.0.2.0/24 and 2001:db8::1"
        );
    }

    #[test]
    fn light_keeps_to_the_addresses_of_control() {
        let (control, light) = listening("--listen 127.0.0.1:8620 --light 8621");
        assert_eq!(control, ["127.0.0.1:8620"]);
        assert_eq!(light, ["127.0.0.1:8621"]);
        let (_, elsewhere) = listening("--listen 127.0.0.1:8620 --light [::1]:8621");
        assert_eq!(elsewhere, ["[::1]:8621"]);
    }

    #[test]
    fn a_served_session_is_one_sentence() {
        let mut served = ServedResult {
            session_id: "1".into(),
            remote: "192.0.2.9:20001".parse().unwrap(),
            local: "192.0.2.1:20002".parse().unwrap(),
            received: 90,
            lost_forward: 10,
            duplicates: 1,
            reordered: 2,
            reflected: 91,
            jitter_us: Some(12.0),
            variation_mean_us: Some(20.0),
            variation_max_us: Some(345.6),
            responder_limited: ResponderLimited::default(),
            ssid: None,
            backward: None,
            ended: "stopped by the sender".into(),
            features: vec![],
            figures: ServedFigures::default(),
        };
        assert_eq!(
            sentence(&served),
            "192.0.2.9:20001 → 192.0.2.1:20002: 90 received, 10 lost on the way here (10.00 %), \
             1 duplicates, 2 reordered; jitter 0.012 ms, delay above its minimum 0.020 ms, at \
             most 0.346 ms; ended: stopped by the sender"
        );
        let with_stamp = ServedResult {
            ssid: Some(7),
            backward: Some(Backward {
                spans: 2,
                counted: 100,
                received: 88,
                lost: Some(2),
                jitter_us: Some(5.0),
                variation_mean_us: None,
                variation_max_us: Some(90.0),
            }),
            ..served.clone()
        };
        let text = sentence(&with_stamp);
        assert!(
            text.starts_with("192.0.2.9:20001 → 192.0.2.1:20002 (SSID 7): 90 received")
                && text.contains(
                    "; of 90 answered, 2 lost on the way back, jitter 0.005 ms, delay above its \
                     minimum – ms, at most 0.090 ms; ended"
                ),
            "{text}"
        );
        served.responder_limited = ResponderLimited {
            packets: 12,
            held_up_ms: 250.4,
        };
        let text = sentence(&served);
        let trouble = "; up to 10 of the lost had no room at this host; this host was held up for \
                       250 ms; ended: stopped by the sender";
        assert!(text.ends_with(trouble), "{text}");
    }
}
