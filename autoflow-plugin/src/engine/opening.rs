//! Everything that a start binds, before anything is sent: all of it, or nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use plugin_abi::config::{Config, Line, Probe, Remote, Responder};

use super::error::EngineError;
use crate::net::{Net, NetError, Path, PathSpec};
use crate::session::answering::{Door, DoorKind};
use crate::session::outlet::Token;
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
pub(super) fn open(net: &mut Net<Token>, config: &Config) -> Result<Opened, EngineError> {
    let mut opened = Opened::default();
    for local in controls(config) {
        opened.targets.push(target(net, local, &config.responder)?);
    }
    let responder = &config.responder;
    for (kind, name, addresses) in [
        (DoorKind::Light, "TWAMP Light", &responder.light),
        (DoorKind::Stamp, "STAMP", &responder.stamp),
    ] {
        for local in addresses {
            opened.doors.push(door(net, *local, kind, name)?);
        }
    }
    for line in config
        .lines
        .iter()
        .filter(|line| line.sender && line.remote.is_some())
    {
        let bound = ports(local_of(line), config.responder.test_ports, |local| {
            net.open(&sender(
                line,
                line.probe.as_ref().unwrap_or(&config.probe),
                local,
            ))
        });
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

/// Binds a control port, and beside it one where probes are answered.
pub(super) fn target(
    net: &mut Net<Token>,
    local: SocketAddr,
    responder: &Responder,
) -> Result<Target, EngineError> {
    let (listener, local) = listen(local).map_err(|source| EngineError::listen(local, source))?;
    let bound = ports(local.ip(), responder.test_ports, |local| {
        net.open(&reflector(local))
    });
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
fn door(
    net: &mut Net<Token>,
    local: SocketAddr,
    kind: DoorKind,
    name: &str,
) -> Result<(Path, Door), EngineError> {
    let spec = PathSpec {
        // Senders of STAMP may ask when replies leave.
        transmit_stamps: kind == DoorKind::Stamp,
        ..PathSpec::new(local)
    };
    let bound = net.open(&spec).map_err(|source| EngineError::Path {
        what: format!("{name} responder on {local}"),
        source,
    })?;
    let (path, local) = bound;
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
        ..PathSpec::new(local)
    }
}

fn reflector(local: SocketAddr) -> PathSpec {
    PathSpec {
        transmit_stamps: false,
        ..PathSpec::new(local)
    }
}

/// The first port of the range that is free on `local`.
pub(super) fn ports<T>(
    local: IpAddr,
    (first, last): (u16, u16),
    mut open: impl FnMut(SocketAddr) -> Result<T, NetError>,
) -> Result<T, NetError> {
    for port in first..last {
        match open(SocketAddr::new(local, port)) {
            Err(NetError::PortInUse { .. }) => {}
            opened => return opened,
        }
    }
    open(SocketAddr::new(local, last))
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
