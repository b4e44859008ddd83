//! The id of a session: the same four addresses and ports give the same id after any restart.

use std::net::SocketAddr;

use plugin_abi::config::{Address, Line, Session};

/// FNV-1a (64 bit) over `local>remote` in their usual spelling, as 16 hexadecimal digits. An
/// ephemeral local port counts as 0.
pub(crate) fn session_id(local: SocketAddr, remote: SocketAddr) -> String {
    hashed(&format!("{local}>{remote}"))
}

/// The id of a configured session, by its four and by where they are ones: namespace, and link of
/// a link-local end. Where no address is given to leave from, interface and mark say from where.
/// A session over a line has the line's; `line` is that one, if it is there. Of one that is not
/// nothing is known but its name.
pub(crate) fn configured_id(session: &Session, line: Option<&Line>) -> String {
    hashed(&four(session, line))
}

/// The same for people.
pub(crate) fn four(session: &Session, line: Option<&Line>) -> String {
    let local = session.local.or(line.and_then(|line| line.local));
    let remote = session.remote;
    let way = Way::of(session, line);
    let zone = |end: Address, other: Option<Address>| {
        let zone = end.zone.or(other.and_then(|other| other.zone));
        let zone = zone.map(|zone| zone.to_string());
        zone.or_else(|| way.device.map(str::to_owned))
            .filter(|_| end.is_link_local())
    };
    let port = session.local_port.unwrap_or(0);
    let any = match remote.ip().is_ipv4() {
        true => SocketAddr::from(([0; 4], port)),
        false => SocketAddr::from(([0u16; 8], port)),
    };
    let near = local.map_or(any, |local| local.socket(port, None));
    let far = remote.address.socket(remote.socket().port(), None);
    let mut text = format!("{near}>{far}");
    let link = zone(remote.address, local)
        .or_else(|| local.and_then(|local| zone(local, Some(remote.address))));
    let anywhere = local.is_none();
    let unknown = session.line.clone().filter(|_| line.is_none());
    for (what, value) in [
        ("link", link),
        ("namespace", way.namespace.map(str::to_owned)),
        ("device", way.device.filter(|_| anywhere).map(str::to_owned)),
        (
            "mark",
            way.mark.filter(|_| anywhere).map(|mark| mark.to_string()),
        ),
        ("line", unknown),
    ] {
        if let Some(value) = value {
            text += &format!(" {what} {value}");
        }
    }
    text
}

/// What packets leave by, as configured.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) device: Option<&'a str>,
    pub(crate) mark: Option<u32>,
    pub(crate) namespace: Option<&'a str>,
}

impl<'a> Way<'a> {
    /// That of a session: its own, or exactly the line's.
    pub(crate) fn of(session: &'a Session, line: Option<&'a Line>) -> Self {
        match line {
            Some(line) => Self {
                device: line.device.as_deref(),
                mark: line.mark,
                namespace: line.namespace.as_deref(),
            },
            None => Self {
                device: session.device.as_deref(),
                mark: session.mark,
                namespace: session.namespace.as_deref(),
            },
        }
    }
}

fn hashed(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for octet in text.bytes() {
        hash = (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_id_is_stable_and_tells_directions_and_ports_apart() {
        let a = "192.0.2.1:0".parse().unwrap();
        let b = "192.0.2.2:862".parse().unwrap();
        assert_eq!(session_id(a, b), "3ab5878ed9e32754");
        assert_ne!(session_id(a, b), session_id(b, a));
        assert_ne!(
            session_id(a, b),
            session_id("192.0.2.1:20000".parse().unwrap(), b)
        );
    }

    fn id(session: Value) -> String {
        configured_id(&serde_json::from_value(session).unwrap(), None)
    }

    #[test]
    fn a_configured_session_has_the_id_of_its_four_whatever_else_it_has() {
        let plain = json!({"remote": "192.0.2.2", "local": "192.0.2.1"});
        assert_eq!(id(plain.clone()), "3ab5878ed9e32754");
        let mut same = plain.clone();
        same["name"] = json!("hub");
        same["count"] = json!(10);
        same["device"] = json!("eth0");
        same["remote"] = json!("192.0.2.2:862");
        same["probe"] = json!({"dscp": 46});
        assert_eq!(id(same), id(plain));
    }

    #[test]
    fn the_same_four_elsewhere_are_another_session() {
        let near = |rest: Value| {
            let mut session = json!({"remote": "fe80::2%a", "local": "fe80::1"});
            for (key, value) in rest.as_object().unwrap() {
                session[key] = value.clone();
            }
            id(session)
        };
        let ids = [
            near(json!({})),
            near(json!({"remote": "fe80::2%b"})),
            near(json!({"namespace": "blue"})),
            near(json!({"local_port": 20_000})),
        ];
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        // Wherever the link is written.
        let by_device = near(json!({"remote": "fe80::2", "device": "a"}));
        assert_eq!(by_device, ids[0]);
        assert_eq!(
            near(json!({"remote": "fe80::2", "local": "fe80::1%a"})),
            ids[0]
        );
    }

    #[test]
    fn without_an_address_to_leave_from_the_interface_tells_sessions_apart() {
        let one = id(json!({"remote": "192.0.2.2", "device": "a"}));
        let other = id(json!({"remote": "192.0.2.2", "device": "b"}));
        assert_ne!(one, other);
    }

    #[test]
    fn sessions_over_lines_that_are_not_there_are_told_apart_by_their_names() {
        let over = |line: &str| id(json!({"remote": "192.0.2.2", "line": line}));
        assert_ne!(over("a"), over("b"));
    }

    #[test]
    fn a_session_over_a_line_is_where_the_line_is() {
        let session: Session =
            serde_json::from_value(json!({"remote": "192.0.2.2", "line": "a"})).unwrap();
        let line: Line = serde_json::from_value(json!({
            "id": 1, "name": "a", "local": "192.0.2.1", "namespace": "blue", "device": "x",
        }))
        .unwrap();
        let direct = id(json!({
            "remote": "192.0.2.2", "local": "192.0.2.1", "namespace": "blue",
        }));
        assert_eq!(configured_id(&session, Some(&line)), direct);
    }
}
