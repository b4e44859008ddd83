use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ServerConfig;
use crate::time::Ntp64;
use crate::wire::control::{Accept, Modes, RequestTwSession};
use crate::wire::test::header_difference;

/// What a client asks of a session, judged legal and within the limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionParameters {
    /// Where probes come from and replies go to.
    pub sender: SocketAddr,
    /// Where probes should go to. Port 0: any. If the port is busy, another one may be given.
    pub receiver: SocketAddr,
    /// Octets of padding on every probe.
    pub padding: u32,
    /// How long to answer after the stop; capped by [`ServerConfig::max_timeout`].
    pub timeout: Duration,
    /// To be set on every reply.
    pub dscp: u8,
    /// When the sender begins; zero or past: at once.
    pub start: Ntp64,
}

/// Judges a request (RFC 5357, section 3.5) on a control connection in `modes` from `peer` to
/// `local`. `Err` is the answer to give.
pub(super) fn judge(
    request: &RequestTwSession,
    modes: Modes,
    config: &ServerConfig,
    peer: SocketAddr,
    local: SocketAddr,
) -> Result<SessionParameters, Accept> {
    let conf = request.conf_sender | request.conf_receiver;
    if conf != 0 || request.schedule_slots != 0 || request.sender_port == 0 {
        return Err(Accept::NOT_SUPPORTED);
    }
    let end = |address, port, control, others_allowed| {
        end_point(request.ip_version, address, control, others_allowed)
            .map(|ip| with_port(ip, port))
            .ok_or(Accept::NOT_SUPPORTED)
    };
    let sender = end(
        request.sender_address,
        request.sender_port,
        peer,
        config.other_senders,
    )?;
    let receiver = end(
        request.receiver_address,
        request.receiver_port,
        local,
        config.other_receivers,
    )?;
    let dscp = request.type_p.dscp().ok_or(Accept::NOT_SUPPORTED)?;
    if request.padding_length > config.max_padding {
        return Err(Accept::PERMANENT_LIMIT);
    }
    if request.padding_length < least_padding(request, modes) {
        return Err(Accept::NOT_SUPPORTED);
    }
    Ok(SessionParameters {
        sender,
        receiver,
        padding: request.padding_length,
        timeout: request.timeout.to_duration().min(config.max_timeout),
        dscp,
        start: request.start_time,
    })
}

/// Octets of padding that the features need (RFC 6038, section 4.3): what makes probes as long as
/// replies, and what is to be reflected.
fn least_padding(request: &RequestTwSession, modes: Modes) -> u32 {
    let reflected = match modes.contains(Modes::REFLECT_OCTETS) {
        true => request.padding_to_reflect,
        false => 0,
    };
    if reflected == 0 && !modes.contains(Modes::SYMMETRICAL_SIZE) {
        return 0;
    }
    let headers = header_difference(modes.protects_test(), modes.contains(Modes::DSCP_ECN));
    headers as u32 + u32::from(reflected)
}

/// The address asked for, as a socket address with any port; `None` if it is not allowed.
///
/// The control connection's own address keeps its scope, which link-local addresses need.
fn end_point(
    ip_version: u8,
    address: Option<IpAddr>,
    control: SocketAddr,
    others_allowed: bool,
) -> Option<SocketAddr> {
    let control_version = if control.is_ipv4() { 4 } else { 6 };
    match address {
        None => (ip_version == control_version).then_some(control),
        Some(_) if ip_version != 4 && ip_version != 6 => None,
        Some(address) if address == control.ip() => Some(control),
        Some(address) => (others_allowed && !is_many(address)).then(|| (address, 0).into()),
    }
}

/// An address that stands for many hosts, to which nothing must ever be reflected.
fn is_many(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::control::{Sid, TypeP};

    fn v4() -> (SocketAddr, SocketAddr) {
        let peer = "192.0.2.1:40000".parse().unwrap();
        (peer, "192.0.2.2:862".parse().unwrap())
    }

    fn v6() -> (SocketAddr, SocketAddr) {
        let peer = "[fe80::1%7]:40000".parse().unwrap();
        (peer, "[fe80::2%7]:862".parse().unwrap())
    }

    fn request() -> RequestTwSession {
        RequestTwSession {
            ip_version: 4,
            conf_sender: 0,
            conf_receiver: 0,
            schedule_slots: 0,
            packets: 0,
            sender_port: 20001,
            receiver_port: 20002,
            sender_address: None,
            receiver_address: None,
            sid: Sid::default(),
            padding_length: 27,
            start_time: Ntp64(5),
            timeout: Ntp64(2 << 32),
            type_p: TypeP::from_dscp(46),
            octets_to_reflect: 0,
            padding_to_reflect: 0,
            hmac: [0; 16],
        }
    }

    fn config() -> ServerConfig {
        ServerConfig::new(Ntp64(0))
    }

    fn answer(request: RequestTwSession) -> Result<SessionParameters, Accept> {
        let (peer, local) = v4();
        judge(&request, Modes::OPEN, &config(), peer, local)
    }

    #[test]
    fn zero_addresses_are_those_of_the_control_connection() {
        let session = SessionParameters {
            sender: "192.0.2.1:20001".parse().unwrap(),
            receiver: "192.0.2.2:20002".parse().unwrap(),
            padding: 27,
            timeout: Duration::from_secs(2),
            dscp: 46,
            start: Ntp64(5),
        };
        assert_eq!(answer(request()), Ok(session));
        let named = RequestTwSession {
            sender_address: Some("192.0.2.1".parse().unwrap()),
            receiver_address: Some("192.0.2.2".parse().unwrap()),
            ..request()
        };
        assert_eq!(answer(named), Ok(session));
    }

    #[test]
    fn link_local_addresses_keep_their_scope() {
        let (peer, local) = v6();
        let request = RequestTwSession {
            ip_version: 6,
            sender_address: Some("fe80::1".parse().unwrap()),
            ..request()
        };
        let session = judge(&request, Modes::OPEN, &config(), peer, local).unwrap();
        assert_eq!(session.sender, "[fe80::1%7]:20001".parse().unwrap());
        assert_eq!(session.receiver, "[fe80::2%7]:20002".parse().unwrap());
    }

    #[test]
    fn another_sender_or_receiver_is_refused_unless_allowed() {
        let sender = RequestTwSession {
            sender_address: Some("192.0.2.9".parse().unwrap()),
            ..request()
        };
        let receiver = RequestTwSession {
            receiver_address: Some("192.0.2.9".parse().unwrap()),
            ..request()
        };
        assert_eq!(answer(sender), Err(Accept::NOT_SUPPORTED));
        assert_eq!(answer(receiver), Err(Accept::NOT_SUPPORTED));

        let (peer, local) = v4();
        let config = ServerConfig {
            other_senders: true,
            other_receivers: true,
            ..config()
        };
        let session = judge(&sender, Modes::OPEN, &config, peer, local).unwrap();
        assert_eq!(session.sender, "192.0.2.9:20001".parse().unwrap());
        let session = judge(&receiver, Modes::OPEN, &config, peer, local).unwrap();
        assert_eq!(session.receiver, "192.0.2.9:20002".parse().unwrap());
        for many in ["224.0.0.1", "255.255.255.255"] {
            let many = RequestTwSession {
                sender_address: Some(many.parse().unwrap()),
                ..request()
            };
            assert_eq!(
                judge(&many, Modes::OPEN, &config, peer, local),
                Err(Accept::NOT_SUPPORTED)
            );
        }
    }

    #[test]
    fn a_family_other_than_the_control_connections_is_refused() {
        let other = RequestTwSession {
            ip_version: 6,
            ..request()
        };
        assert_eq!(answer(other), Err(Accept::NOT_SUPPORTED));
        let (peer, local) = v6();
        assert_eq!(
            judge(&request(), Modes::OPEN, &config(), peer, local),
            Err(Accept::NOT_SUPPORTED)
        );
    }

    #[test]
    fn an_ip_version_other_than_4_and_6_is_refused() {
        for ip_version in (0..16).filter(|v| *v != 4 && *v != 6) {
            let zero = RequestTwSession {
                ip_version,
                ..request()
            };
            assert_eq!(answer(zero), Err(Accept::NOT_SUPPORTED));
            let (peer, local) = v6();
            let named = RequestTwSession {
                sender_address: Some(peer.ip()),
                receiver_address: Some(local.ip()),
                ..zero
            };
            let refused = judge(&named, Modes::OPEN, &config(), peer, local);
            assert_eq!(refused, Err(Accept::NOT_SUPPORTED));
        }
    }

    #[test]
    fn what_twamp_has_no_use_for_is_refused() {
        let no = Err(Accept::NOT_SUPPORTED);
        let conf_sender = 1;
        assert_eq!(
            answer(RequestTwSession {
                conf_sender,
                ..request()
            }),
            no
        );
        let conf_receiver = 1;
        assert_eq!(
            answer(RequestTwSession {
                conf_receiver,
                ..request()
            }),
            no
        );
        let schedule_slots = 1;
        assert_eq!(
            answer(RequestTwSession {
                schedule_slots,
                ..request()
            }),
            no
        );
        let sender_port = 0;
        assert_eq!(
            answer(RequestTwSession {
                sender_port,
                ..request()
            }),
            no
        );
        for prefix in 1..4 {
            let type_p = TypeP(prefix << 30);
            assert_eq!(
                answer(RequestTwSession {
                    type_p,
                    ..request()
                }),
                no
            );
        }
    }

    #[test]
    fn padding_has_a_limit_and_the_timeout_a_cap() {
        let most = RequestTwSession {
            padding_length: config().max_padding,
            timeout: Ntp64(u64::MAX),
            ..request()
        };
        let session = answer(most).unwrap();
        assert_eq!(session.padding, config().max_padding);
        assert_eq!(session.timeout, config().max_timeout);
        let more = RequestTwSession {
            padding_length: u32::MAX,
            ..request()
        };
        assert_eq!(answer(more), Err(Accept::PERMANENT_LIMIT));
    }

    #[test]
    fn the_control_port_may_be_the_wanted_port() {
        let receiver_port = 862;
        let session = answer(RequestTwSession {
            receiver_port,
            ..request()
        })
        .unwrap();
        assert_eq!(session.receiver.port(), 862);
    }

    #[test]
    fn the_features_need_padding_for_the_headers_and_for_what_is_reflected() {
        let (sym, octets) = (Modes::SYMMETRICAL_SIZE, Modes::REFLECT_OCTETS);
        let cases = [
            (Modes::OPEN, 20, 0),
            (Modes::OPEN | octets, 0, 0),
            (Modes::OPEN | octets, 20, 47),
            (Modes::OPEN | sym, 20, 27),
            (Modes::OPEN | sym | octets, 20, 47),
            (Modes::MIXED | sym | octets | Modes::DSCP_ECN, 20, 50),
            (Modes::AUTHENTICATED | sym, 0, 64),
            (Modes::ENCRYPTED | octets | Modes::DSCP_ECN, 20, 84),
        ];
        let (peer, local) = v4();
        for (modes, padding_to_reflect, least) in cases {
            let with = |padding_length| RequestTwSession {
                padding_length,
                padding_to_reflect,
                ..request()
            };
            let judged = judge(&with(least), modes, &config(), peer, local);
            assert!(judged.is_ok(), "{modes}");
            if least > 0 {
                let judged = judge(&with(least - 1), modes, &config(), peer, local);
                assert_eq!(judged, Err(Accept::NOT_SUPPORTED), "{modes}");
            }
        }
    }
}
