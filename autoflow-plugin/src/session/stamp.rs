//! A session of STAMP is agreed on by configuration: what its keys are to the core.

use std::time::Duration;

use plugin_abi::config::{Ask, Probe, Stamp};
use plugin_abi::manage::{Failure, FailureKind};
use twamp_core::control::Entropy;
use twamp_core::probe::StampFormat;
use twamp_core::stamp::{FiguresConfig, Key, Request, Security};

use super::entropy::SystemEntropy;
use super::keys::Keys;
use super::sender::Dialect;
use crate::net::{clock, tai_offset_s};

/// What a new session speaks.
///
/// # Errors
/// Its key is not there, or not valid now.
pub(super) fn dialect(probe: &Probe, keys: &Keys) -> Result<Dialect, Failure> {
    let security = match &probe.key_id {
        None => Security::Open,
        Some(id) => match keys.stamp(id, clock().wall) {
            Some(key) => Security::Authenticated(key),
            None => {
                return Err(Failure {
                    kind: FailureKind::Local,
                    message: format!(
                        "configuration: the key {id} can't be used: it is not among the keys, or \
                         not valid now, or has no passphrase"
                    ),
                });
            }
        },
    };
    let configured = probe.stamp.as_ref().and_then(|stamp| stamp.ssid);
    Ok(Dialect::Stamp {
        security,
        ssid: configured.unwrap_or_else(drawn),
        request: request(probe),
        stamps: StampFormat {
            ptp: probe.ptp,
            tai_offset_s: tai_offset_s(),
        },
    })
}

/// Octets of the longest probe that `probe` makes, without IP and UDP headers.
pub(crate) fn longest_probe(probe: &Probe) -> usize {
    // Of any key: all make HMACs of one length.
    let key = probe.key_id.as_ref().and_then(|_| Key::new(&[0]).ok());
    let security = key.map_or(Security::Open, Security::Authenticated);
    request(probe).longest_probe(&security)
}

/// An SSID that no session of late has had, most likely: a reflector that still numbers the
/// replies of an earlier session from this address and port begins another one.
fn drawn() -> u16 {
    let mut random = [0; 2];
    SystemEntropy.fill(&mut random);
    u16::from_ne_bytes(random).max(1)
}

fn request(probe: &Probe) -> Request {
    let stamp = match &probe.stamp {
        Some(stamp) => stamp,
        None => &Stamp::default(),
    };
    let asks = |ask| stamp.ask.contains(&ask);
    Request {
        class_of_service: asks(Ask::ClassOfService).then_some(probe.dscp),
        location: asks(Ask::Location),
        timestamp_information: asks(Ask::TimestampInformation),
        follow_up: asks(Ask::FollowUp),
        figures: stamp.figures_ms.map(|ms| FiguresConfig {
            span: Duration::from_millis(ms.into()),
            ..FiguresConfig::default()
        }),
        padding: probe.padding(),
        ..Request::default()
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::{Key as Configured, Protocol, Secret};

    use super::*;
    use crate::log;

    fn probe(stamp: Option<Stamp>, key_id: Option<&str>) -> Probe {
        Probe {
            protocol: Protocol::Stamp,
            key_id: key_id.map(str::to_owned),
            dscp: 46,
            stamp,
            ..Probe::default()
        }
    }

    fn spoken(probe: &Probe) -> Result<Dialect, Failure> {
        let key = Configured::new("hub", Secret::new("hidden"));
        dialect(probe, &Keys::new(&[key], &log::Queue::new()))
    }

    #[test]
    fn by_default_a_probe_asks_how_it_arrives_and_its_ssid_is_drawn() {
        let drawn: Vec<u16> = (0..8)
            .map(|_| match spoken(&probe(None, None)) {
                Ok(Dialect::Stamp {
                    security: Security::Open,
                    ssid,
                    request,
                    stamps,
                }) => {
                    assert!(!stamps.ptp);
                    let expected = Request {
                        class_of_service: Some(46),
                        ..Request::default()
                    };
                    assert_eq!(request, expected);
                    ssid
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(drawn.iter().all(|ssid| *ssid != 0));
        assert!(drawn.iter().any(|ssid| *ssid != drawn[0]), "{drawn:?}");
    }

    #[test]
    fn what_is_configured_is_asked_and_an_ssid_is_kept() {
        let stamp = Stamp {
            ssid: Some(0),
            ask: vec![Ask::Location, Ask::FollowUp],
            figures_ms: Some(250),
            ..Stamp::default()
        };
        let Ok(Dialect::Stamp { ssid, request, .. }) = spoken(&probe(Some(stamp), None)) else {
            panic!("no STAMP");
        };
        assert_eq!(ssid, 0);
        assert!(request.location && request.follow_up && !request.timestamp_information);
        assert_eq!(request.class_of_service, None);
        assert_eq!(request.figures.unwrap().span, Duration::from_millis(250));
    }

    #[test]
    fn a_key_authenticates_and_one_that_is_not_there_is_told() {
        let authenticated = spoken(&probe(None, Some("hub"))).unwrap();
        assert!(matches!(
            authenticated,
            Dialect::Stamp {
                security: Security::Authenticated(_),
                ..
            }
        ));
        let failure = spoken(&probe(None, Some("hob"))).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Local);
        assert!(failure.message.contains("hob"), "{failure:?}");
    }

    #[test]
    fn the_longest_probe_is_known_beforehand() {
        assert_eq!(longest_probe(&probe(None, None)), 44 + 8);
        assert_eq!(longest_probe(&probe(None, Some("any"))), 112 + 8 + 20);
        let padded = Probe {
            padding: Some(100),
            ..probe(None, None)
        };
        assert_eq!(longest_probe(&padded), 44 + 8 + 104);
    }
}
