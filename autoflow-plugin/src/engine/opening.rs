//! Everything that a start binds, before anything is sent: all of it, or nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use plugin_abi::config::{Config, Line, Probe, Remote, Responder};

use super::error::EngineError;
use super::paths::Paths;
use crate::net::{Path, PathSpec};
use crate::session::answering::{Door, DoorKind};
use crate::session::target::{Target, listen};

/// What a start has bound.
#[derive(Default)]
pub(super) struct Opened {
    /// By line id: the path of its probes.
    pub(super) senders: Vec<(u64, Path, SocketAddr)>,
    /// Addresses that answer TWAMP-Control.
    pub(super) targets: Vec<Target>,
    /// Addresses that answer TWAMP Light and STAMP.
    pub(super) doors: Vec<(Path, Door)>,
}

/// Binds what `config` asks for.
///
/// # Errors
/// The first thing that can't be bound, and why; what was bound goes with `net`.
pub(super) fn open(paths: &mut Paths, config: &Config) -> Result<Opened, EngineError> {
    let mut opened = Opened::default();
    for local in controls(config) {
        opened
            .targets
            .push(target(paths, local, &config.responder)?);
    }
    for (local, kind) in doors(&config.responder) {
        opened.doors.push(door(paths, local, kind)?);
    }
    for line in config.lines.iter().filter(|line| line.sender) {
        let Some(remote) = line.remote else { continue };
        let probe = line.probe.as_ref().unwrap_or(&config.probe);
        let bound = paths.take(
            &sender(line, probe, (local_of(line), 0).into()),
            config.responder.test_ports,
            Some(remote.socket().ip()),
        );
        let (path, local) = bound.map_err(|source| EngineError::Path {
            what: format!("line {}", line.name),
            source,
        })?;
        opened.senders.push((line.id, path, local));
    }
    Ok(opened)
}

/// Every address that answers TWAMP-Control, each once.
pub(super) fn controls(config: &Config) -> Vec<SocketAddr> {
    let of_lines = config
        .lines
        .iter()
        .filter(|line| line.responder)
        .filter_map(|line| line.local);
    let of_lines = of_lines.map(|local| SocketAddr::new(local, config.responder.control_port));
    let mut all: Vec<_> = config
        .responder
        .listen
        .iter()
        .copied()
        .chain(of_lines)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Every address on which strangers are answered.
pub(super) fn doors(responder: &Responder) -> impl Iterator<Item = (SocketAddr, DoorKind)> {
    let light = responder.light.iter().map(|at| (*at, DoorKind::Light));
    let stamp = responder.stamp.iter().map(|at| (*at, DoorKind::Stamp));
    light.chain(stamp)
}

/// Binds a control port, and beside it one where probes are answered.
pub(super) fn target(
    paths: &mut Paths,
    local: SocketAddr,
    responder: &Responder,
) -> Result<Target, EngineError> {
    let (listener, local) = listen(local).map_err(|source| EngineError::listen(local, source))?;
    let bound = paths.take(
        &reflector((local.ip(), 0).into()),
        responder.test_ports,
        None,
    );
    let (path, probes) = bound.map_err(|source| EngineError::Path {
        what: format!("responder on {local}"),
        source,
    })?;
    Ok(Target {
        listener,
        local,
        path,
        port: probes.port(),
    })
}

/// Binds an address on which strangers are answered.
fn door(paths: &mut Paths, local: SocketAddr, kind: DoorKind) -> Result<(Path, Door), EngineError> {
    let port = local.port();
    let bound = paths.take(&door_path(local, kind), (port, port), None);
    let (path, local) = bound.map_err(|source| EngineError::Path {
        what: format!("{} responder on {local}", kind.name()),
        source,
    })?;
    Ok((path, Door { local, kind }))
}

/// How the path of a line's probes is opened.
pub(super) fn sender(line: &Line, probe: &Probe, local: SocketAddr) -> PathSpec {
    PathSpec {
        device: line.device.clone(),
        mark: line.mark,
        ttl: probe.ttl,
        tos: probe.dscp << 2,
        dont_fragment: probe.dont_fragment,
        transmit_stamps: true,
        unhurried: true,
        ..PathSpec::new(local)
    }
}

/// How a path is opened that probes are answered on.
pub(super) fn reflector(local: SocketAddr) -> PathSpec {
    PathSpec {
        transmit_stamps: false,
        ..PathSpec::new(local)
    }
}

/// How a path is opened on which strangers are answered. Senders of STAMP may ask when replies
/// leave.
pub(super) fn door_path(local: SocketAddr, kind: DoorKind) -> PathSpec {
    PathSpec {
        transmit_stamps: kind == DoorKind::Stamp,
        ..PathSpec::new(local)
    }
}

/// The address that a line's probes leave from; without one, any of the far end's family.
pub(super) fn local_of(line: &Line) -> IpAddr {
    match (line.local, line.remote.map(Remote::socket)) {
        (Some(local), _) => local,
        (None, Some(SocketAddr::V6(_))) => Ipv6Addr::UNSPECIFIED.into(),
        (None, _) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// Where a run measures from, port 0: the address it names, or the one that the system would send
/// from. Nothing is sent.
pub(super) fn source(local: Option<IpAddr>, remote: SocketAddr) -> SocketAddr {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let routed = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(remote).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    (local.or_else(routed).unwrap_or(any), 0).into()
}
