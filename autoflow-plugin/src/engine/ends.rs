//! The ends of lines and responders as sockets know them: links by number, namespaces by handle.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use plugin_abi::config::{Address, Answers, Config, Line, Remote, Zone};

use super::namespaces::Namespaces;
use crate::host::Host;
use crate::net::{Binding, NetError};

/// Both ends of a line that sends probes.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// What packets leave from, port 0; an unspecified address leaves it to the system.
    pub(super) local: SocketAddr,
    /// The far end's control port; of Light and STAMP, its reflector.
    pub(super) remote: SocketAddr,
    /// How they leave.
    pub(super) binding: Binding,
}

/// An address to answer TWAMP-Control on, and where it is one. Equal ones are answered together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Site {
    at: Remote,
    device: Option<String>,
    mark: Option<u32>,
    namespace: Option<String>,
    /// The first line that wants it, where the host opens sockets for lines.
    pub(super) line: Option<u64>,
}

/// Who opens sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// This plugin, and it binds them.
    Plugin,
    /// The host, which binds them by what it knows of the line.
    Host,
}

impl By {
    /// Whose business it is with this host.
    pub(super) fn of(host: &Host) -> Self {
        match host.opens_sockets() {
            true => Self::Host,
            false => Self::Plugin,
        }
    }
}

impl Ends {
    /// Those of `line`; `None` if it has no far end.
    ///
    /// # Errors
    /// An interface or a namespace that is not there.
    pub(super) fn of(line: &Line, by: By, known: &Namespaces) -> Result<Option<Self>, NetError> {
        let Some(remote) = line.remote else {
            return Ok(None);
        };
        let like = (&line.device, line.mark, &line.namespace);
        Self::between((line.local, remote), like, by, known).map(Some)
    }

    /// Those of packets between two addresses, by this device, with this mark, in this namespace.
    ///
    /// # Errors
    /// An interface or a namespace that is not there.
    pub(super) fn between(
        (local, remote): (Option<Address>, Remote),
        like: (&Option<String>, Option<u32>, &Option<String>),
        by: By,
        known: &Namespaces,
    ) -> Result<Self, NetError> {
        let any: IpAddr = match remote.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let local = local.unwrap_or(any.into());
        let (near, far) = (local.zone, remote.address.zone);
        let links = [near.or(far), far.or(near)].map(|zone| link(zone, like.0.as_deref()));
        let addresses = [local, remote.address];
        let named = (0..2).any(|end| addresses[end].is_link_local() && links[end].is_a_name());
        let binding = bound(like, by, named, known)?;
        let socket = |end: usize, port| scoped(addresses[end], port, &links[end], &binding);
        Ok(Self {
            local: socket(0, 0)?,
            remote: socket(1, remote.socket().port())?,
            binding: binding.clone(),
        })
    }

    /// The address that packets are to leave from, if it is given.
    pub(super) fn source(&self) -> Option<SocketAddr> {
        (!self.local.ip().is_unspecified()).then_some(self.local)
    }
}

impl Site {
    /// Every one that `config` asks for, each once.
    pub(super) fn all(config: &Config, by: By) -> Vec<Self> {
        let responder = &config.responder;
        let answering = responder.answering().into_iter();
        let named = answering.filter(|(one, _)| one.protocol == Answers::Twamp);
        let named = named.map(|(one, _)| Self {
            at: one.at.into(),
            device: None,
            mark: None,
            namespace: None,
            line: None,
        });
        let lines = config.lines.iter().filter(|line| line.responder);
        let of_lines = lines.filter_map(|line| {
            Some(Self {
                at: Remote {
                    address: line.local?,
                    port: Some(responder.control_port),
                },
                device: line.device.clone(),
                mark: line.mark,
                namespace: line.namespace.clone(),
                line: (by == By::Host).then_some(line.id),
            })
        });
        let mut all: Vec<Self> = Vec::new();
        for site in named.chain(of_lines) {
            if !all.iter().any(|known| known.is(&site)) {
                all.push(site);
            }
        }
        all
    }

    /// What to bind there, and how.
    ///
    /// # Errors
    /// An interface or a namespace that is not there.
    pub(super) fn find(
        &self,
        by: By,
        known: &Namespaces,
    ) -> Result<(SocketAddr, Binding), NetError> {
        let link = link(self.at.address.zone, self.device.as_deref());
        let named = self.at.address.is_link_local() && link.is_a_name();
        let like = (&self.device, self.mark, &self.namespace);
        let binding = bound(like, by, named, known)?;
        let local = scoped(self.at.address, self.at.socket().port(), &link, &binding)?;
        Ok((local, binding))
    }

    /// The same place, whoever wants it.
    fn is(&self, other: &Self) -> bool {
        let place = |site: &Self| Self {
            line: None,
            ..site.clone()
        };
        place(self) == place(other)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// The link that a link-local address is on.
enum Link {
    Number(u32),
    Name(String),
    Unknown,
}

impl Link {
    fn is_a_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }
}

fn link(zone: Option<Zone>, device: Option<&str>) -> Link {
    match zone {
        Some(zone) => zone
            .number()
            .map_or_else(|| Link::Name(zone.to_string()), Link::Number),
        None => device.map_or(Link::Unknown, |device| Link::Name(device.to_owned())),
    }
}

/// What the host binds is no business of ours, but the number of an interface is another one in
/// another namespace.
fn bound(
    (device, mark, namespace): (&Option<String>, Option<u32>, &Option<String>),
    by: By,
    named: bool,
    known: &Namespaces,
) -> Result<Binding, NetError> {
    let ours = by == By::Plugin;
    let namespace = namespace.as_deref().filter(|_| ours || named);
    Ok(Binding {
        device: device.clone().filter(|_| ours),
        mark: mark.filter(|_| ours),
        namespace: namespace.map(|name| known.find(name)).transpose()?,
    })
}

fn scoped(
    address: Address,
    port: u16,
    link: &Link,
    binding: &Binding,
) -> Result<SocketAddr, NetError> {
    let number = match link {
        _ if !address.is_link_local() => None,
        Link::Number(number) => Some(*number),
        Link::Name(name) => Some(binding.interface(name)?),
        Link::Unknown => None,
    };
    Ok(address.socket(port, number))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn line(json: &Value) -> Line {
        let mut whole = json!({"id": 1, "name": "a"});
        for (key, value) in json.as_object().unwrap() {
            whole[key] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    fn ends(json: &Value) -> Ends {
        let known = Namespaces::default();
        Ends::of(&line(json), By::Plugin, &known).unwrap().unwrap()
    }

    #[test]
    fn the_link_of_one_end_is_that_of_the_other() {
        for (local, remote) in [
            ("fe80::2%lo", "fe80::1"),
            ("fe80::2", "fe80::1%lo"),
            ("fe80::2%1", "fe80::1"),
        ] {
            let ends = ends(&json!({"local": local, "remote": remote}));
            assert_eq!(ends.local, "[fe80::2%1]:0".parse().unwrap());
            assert_eq!(ends.remote, "[fe80::1%1]:862".parse().unwrap());
        }
        let by_device = ends(&json!({"remote": "fe80::1", "device": "lo"}));
        assert_eq!(by_device.remote, "[fe80::1%1]:862".parse().unwrap());
        assert_eq!(by_device.source(), None);
    }

    #[test]
    fn an_address_that_is_one_everywhere_has_no_link() {
        let ends = ends(&json!({"remote": "2001:db8::1", "device": "lo"}));
        assert_eq!(ends.remote, "[2001:db8::1]:862".parse().unwrap());
        assert_eq!(ends.binding.device.as_deref(), Some("lo"));
    }

    #[test]
    fn a_link_or_a_namespace_that_is_not_there_is_named() {
        let refused = |json: &Value| {
            let known = Namespaces::default();
            let ends = Ends::of(&line(json), By::Plugin, &known);
            ends.unwrap_err().to_string()
        };
        let text = refused(&json!({"remote": "fe80::1%nowhere0"}));
        assert!(text.contains("`nowhere0`"), "{text}");
        let text = refused(&json!({"remote": "192.0.2.1", "namespace": "no-such"}));
        assert!(text.contains("/run/netns/no-such"), "{text}");
    }

    #[test]
    fn one_address_is_answered_once_in_each_namespace_and_on_each_device() {
        let responds = |device: Option<&str>, namespace: Option<&str>| {
            let mut line = line(&json!({"local": "192.0.2.1", "responder": true}));
            line.device = device.map(str::to_owned);
            line.namespace = namespace.map(str::to_owned);
            Arc::new(line)
        };
        let config = Config {
            lines: vec![
                responds(None, None),
                responds(None, None),
                responds(Some("a"), None),
                responds(None, Some("b")),
                responds(Some("a"), Some("b")),
            ],
            ..Config::default()
        };
        assert_eq!(Site::all(&config, By::Plugin).len(), 4);
        assert_eq!(Site::all(&config, By::Host).len(), 4);
    }
}
