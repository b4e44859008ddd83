//! Everything that a start binds, before anything is sent: all of it, or nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use plugin_abi::config::{Answers, Config, Line, Probe, Responder};
use socket2::{Domain, Type};

use super::ends::{By, Ends, Site};
use super::error::EngineError;
use super::lines::probes;
use super::namespaces::Namespaces;
use super::paths::Paths;
use super::sight::Measures;
use crate::net::{Binding, NetError, Path, PathSpec, Purpose, Sharing, have_stamped, judge_handed};
use crate::session::answering::{Door, DoorKind};
use crate::session::target::{self, Target};

/// What a start has bound.
#[derive(Default)]
pub(super) struct Opened {
    /// By what they are to measure.
    pub(super) senders: Vec<(Measures, Sender)>,
    /// Addresses that answer TWAMP-Control.
    pub(super) targets: Vec<(Site, Target)>,
    /// Addresses that answer TWAMP Light and STAMP.
    pub(super) doors: Vec<(Path, Door)>,
}

/// What a line's probes leave by.
pub(super) struct Sender {
    pub(super) ends: Ends,
    pub(super) path: Path,
    /// What it is bound to.
    pub(super) local: SocketAddr,
    /// Why the interface's own stamps are not taken, where they are wished for.
    pub(super) unstamped: Option<String>,
}

/// Binds what `config` asks for.
///
/// # Errors
/// The first thing that can't be bound, and why; what was bound goes with `net`.
pub(super) fn open(
    paths: &mut [Paths],
    config: &Config,
    known: &Namespaces,
) -> Result<Opened, EngineError> {
    let mut opened = Opened::default();
    for site in Site::all(config, By::Plugin) {
        let target = target(paths, &site, known, &config.responder)?;
        opened.targets.push((site, target));
    }
    for (local, kind) in doors(&config.responder) {
        opened.doors.extend(door(paths, local, kind)?);
    }
    let mut turn = (0..paths.len()).cycle();
    for line in config.lines.iter().filter(|line| line.sender) {
        let failed = |source| refused(format!("line {}", line.name), source);
        let Some(ends) = Ends::of(line, By::Plugin, known).map_err(failed)? else {
            continue;
        };
        let ports = config.responder.test_ports;
        for (class, probe) in probes(config, line) {
            let paths = &mut paths[turn.next().unwrap_or(0)];
            let (spec, unstamped) = sender(line, &ends, &probe);
            let bound = paths.take(&spec, ports, Some(ends.remote.ip()));
            let (path, local) = bound.map_err(failed)?;
            let what = Measures {
                line: line.id,
                class,
            };
            let sender = Sender {
                ends: ends.clone(),
                path,
                local,
                unstamped,
            };
            opened.senders.push((what, sender));
        }
    }
    Ok(opened)
}

/// Every address on which strangers are answered.
pub(super) fn doors(responder: &Responder) -> impl Iterator<Item = (SocketAddr, DoorKind)> + use<> {
    let all = responder.answering().into_iter();
    all.filter_map(|(one, _)| match one.protocol {
        Answers::Twamp => None,
        Answers::Light => Some((one.at, DoorKind::Light)),
        Answers::Stamp => Some((one.at, DoorKind::Stamp)),
    })
}

/// Binds a control port, and beside it those where probes are answered.
fn target(
    paths: &mut [Paths],
    site: &Site,
    known: &Namespaces,
    responder: &Responder,
) -> Result<Target, EngineError> {
    let failed = |source| refused(format!("responder on {site}"), source);
    let (local, binding) = site.find(By::Plugin, known).map_err(failed)?;
    let (listener, local) = listener(site, local, &binding, None)?;
    let spec = reflector(local, binding);
    let bound = on_each(paths, &spec, responder.test_ports).map_err(failed)?;
    Ok(Target {
        listener,
        local,
        spec,
        paths: with_ports(bound),
    })
}

/// A path of each thread as far as there are ports, at least one.
fn on_each(
    threads: &mut [Paths],
    spec: &PathSpec,
    ports: (u16, u16),
) -> Result<Vec<(Path, SocketAddr)>, NetError> {
    let mut bound = Vec::new();
    let mut spec = spec.clone();
    for paths in threads {
        match paths.take(&spec, ports, None) {
            Ok(path) => bound.push(path),
            Err(NetError::PortInUse { .. }) if !bound.is_empty() => {}
            Err(error) => return Err(error),
        }
        spec = spec.beside();
    }
    Ok(bound)
}

/// Paths where probes are answered, with the ports that their senders are told.
pub(super) fn with_ports(bound: Vec<(Path, SocketAddr)>) -> Vec<(Path, u16)> {
    let bound = bound.into_iter();
    bound.map(|(path, local)| (path, local.port())).collect()
}

/// Listens on `local`, by a socket of our own or the host's.
pub(super) fn listener(
    site: &Site,
    local: SocketAddr,
    binding: &Binding,
    handed: Option<OwnedFd>,
) -> Result<(TcpListener, SocketAddr), EngineError> {
    let failed = |source| refused(format!("responder on {site}"), source);
    let told = |source| EngineError::listen(local, source);
    let socket = match handed {
        Some(socket) => judge_handed(socket, Purpose::Listener, local).map_err(failed)?,
        None => {
            let socket = binding.socket(Domain::for_address(local), Type::STREAM);
            let socket = socket.map_err(failed)?;
            target::bind(&socket, local).map_err(told)?;
            socket
        }
    };
    target::listen(socket).map_err(told)
}

/// A path that can't be opened: whose, and why not.
pub(super) fn refused(what: String, source: NetError) -> EngineError {
    EngineError::Path { what, source }
}

/// Binds an address on which strangers are answered, for each thread.
fn door(
    paths: &mut [Paths],
    local: SocketAddr,
    kind: DoorKind,
) -> Result<impl Iterator<Item = (Path, Door)> + use<>, EngineError> {
    let port = local.port();
    let spec = door_path(local, paths.len());
    let bound = on_each(paths, &spec, (port, port)).map_err(|source| EngineError::Path {
        what: format!("{} responder on {local}", kind.name()),
        source,
    })?;
    let bound = bound.into_iter();
    Ok(bound.map(move |(path, local)| (path, Door { local, kind })))
}

/// How the path of a line's probes is opened; and why the interface's own stamps are not taken, where
/// it wishes for them.
pub(super) fn sender(line: &Line, ends: &Ends, probe: &Probe) -> (PathSpec, Option<String>) {
    let stamped = line
        .hardware_stamps
        .then(|| stamped(line, &ends.binding))
        .transpose();
    let spec = PathSpec {
        binding: ends.binding.clone(),
        hardware_stamps: matches!(stamped, Ok(Some(()))),
        ttl: probe.ttl,
        tos: probe.dscp << 2,
        dont_fragment: probe.dont_fragment,
        unhurried: true,
        ..PathSpec::new(ends.local)
    };
    (spec, stamped.err())
}

/// Has the interface that a line's packets are tied to stamp them, or says why it doesn't.
fn stamped(line: &Line, binding: &Binding) -> Result<(), String> {
    match (&line.device, &binding.device) {
        (None, _) => Err("the line names no device whose stamps they could be".into()),
        (_, None) => Err("the host ties its sockets to interfaces, and may tie them to any".into()),
        (_, Some(device)) => {
            have_stamped(binding, device).map_err(|why| format!("{device}: {why}"))
        }
    }
}

/// How a path is opened that probes are answered on, beside a control port on `local`.
pub(super) fn reflector(mut local: SocketAddr, binding: Binding) -> PathSpec {
    local.set_port(0);
    PathSpec {
        binding,
        ..PathSpec::new(local)
    }
}

/// How a path is opened on which strangers are answered. Several threads share the port: each meets
/// the strangers whom the kernel gives to it.
pub(super) fn door_path(local: SocketAddr, threads: usize) -> PathSpec {
    PathSpec {
        sharing: match threads {
            0 | 1 => Sharing::Alone,
            _ => Sharing::First,
        },
        ..PathSpec::new(local)
    }
}

/// Where a run measures from, port 0: the address it names, or the one that the system would send
/// from, unless that is the host's choice. Nothing is sent.
pub(super) fn source(by: By, local: Option<IpAddr>, remote: SocketAddr) -> SocketAddr {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let routed = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(remote).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let chosen = || (by == By::Plugin).then(routed).flatten();
    let local = local.or_else(chosen).unwrap_or(any);
    let mut source = SocketAddr::new(local, 0);
    if let (SocketAddr::V6(source), SocketAddr::V6(remote)) = (&mut source, remote)
        && source.ip().is_unicast_link_local()
    {
        source.set_scope_id(remote.scope_id());
    }
    source
}
