//! What the demo is set up from: three lines, three classes, and the configurations that follow.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use plugin_abi::config::{
    Address, Class, Collector, Config, Decision, Group, Line, Mode, Probe, Protocol, Responder, Sla,
};

use super::script;
use crate::host::flows::{FlowClass, FlowLine, FlowsConfig};
use crate::link::{EmulatorConfig, LineAddresses, LineConfig};

/// Scores look back so far, in milliseconds.
pub(super) const WINDOW_MS: u32 = 5_000;

/// Collectors are told so often, in seconds.
const EXPORT_S: u32 = 2;

/// The group that all three lines are in: they reach the same hub.
pub(super) const HUB: u64 = 1;

/// The lines, best first. A line's id is its place here, from 1.
pub(super) const LINES: [Uplink; 3] = [
    Uplink {
        name: "A",
        delay_ms: 10.0,
    },
    Uplink {
        name: "B",
        delay_ms: 17.5,
    },
    Uplink {
        name: "C",
        delay_ms: 30.0,
    },
];

/// The classes. A class's id is its place here, from 1.
pub(super) const CLASSES: [Traffic; 3] = [
    Traffic {
        name: "voice",
        prefer: ["A", "B", "C"],
        sla: sla(Some(150.0), Some(30.0), 0.5),
        packets_per_second: 50,
        octets: 160,
    },
    Traffic {
        name: "video",
        prefer: ["C", "B", "A"],
        sla: sla(Some(200.0), Some(50.0), 1.0),
        packets_per_second: 100,
        octets: 1000,
    },
    Traffic {
        name: "bulk",
        prefer: ["B", "C", "A"],
        sla: sla(None, None, 3.0),
        packets_per_second: 100,
        octets: 1200,
    },
];

/// One emulated uplink.
pub(super) struct Uplink {
    pub(super) name: &'static str,
    /// Each way.
    pub(super) delay_ms: f64,
}

/// One class and its flow.
pub(super) struct Traffic {
    pub(super) name: &'static str,
    /// Lines, the most preferred first.
    pub(super) prefer: [&'static str; 3],
    sla: Sla,
    packets_per_second: u32,
    octets: usize,
}

/// TWAMP-Control of the far end.
const CONTROL_PORT: u16 = 18_620;
/// TWAMP-Test, both ends.
const TEST_PORTS: (u16, u16) = (20_000, 20_007);
/// The first class's flow; the others follow.
const FLOW_PORT: u16 = 21_001;

/// The addresses of the lines: each demo on a machine has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    addresses: [LineAddresses; 3],
}

impl Setting {
    /// Addresses derived from a process id, so that several demos run side by side.
    pub(super) fn of_process(id: u32) -> Self {
        // Block 0 has 127.0.0.1; indices from 0 to 239.
        let block = (id % 254) as u8 + 1;
        let first = (id / 254 % 80) as u8 * 3;
        Self {
            addresses: [0, 1, 2].map(|place| LineAddresses::loopback(block, first + place)),
        }
    }

    /// The near end: sends probes and chooses.
    pub(super) fn near(&self) -> Config {
        Config {
            mode: Mode::Act,
            probe: Probe {
                protocol: Protocol::Open,
                interval_ms: Some(20.0),
                timeout_ms: 500,
                ..Probe::default()
            },
            decision: Decision {
                publish_ms: 100,
                window_ms: WINDOW_MS,
                stale_after_ms: 3_000,
                dwell_ms: 1_000,
                failback_ms: 3_000,
                ..Decision::default()
            },
            responder: responder(),
            lines: self.lines(|addresses, line| Line {
                local: Some(addresses.near_end.into()),
                remote: Some(SocketAddr::new(addresses.near_side.into(), CONTROL_PORT).into()),
                groups: vec![HUB],
                ..line
            }),
            groups: vec![Group {
                id: HUB,
                name: "hub".to_owned(),
                mode: None,
            }],
            classes: (1..)
                .zip(&CLASSES)
                .map(|(id, class)| class.configured(id))
                .collect(),
            ..Config::default()
        }
    }

    /// The same with collectors, which are told of it every other second.
    pub(super) fn near_with(&self, collectors: &[Collector]) -> Config {
        let mut config = self.near();
        if !collectors.is_empty() {
            config.export.interval_s = EXPORT_S;
            config.export.collectors = collectors.to_vec();
        }
        config
    }

    /// The far end: answers probes.
    pub(super) fn far(&self) -> Config {
        Config {
            mode: Mode::Measure,
            responder: responder(),
            lines: self.lines(|addresses, line| Line {
                local: Some(addresses.far_end.into()),
                // It sends nothing there, but answers who comes from there.
                remote: Some(Address::from(addresses.far_side).into()),
                sender: false,
                responder: true,
                ..line
            }),
            ..Config::default()
        }
    }

    /// The lines between them.
    pub(super) fn emulator(&self, seed: u64) -> EmulatorConfig {
        let line = |(uplink, addresses): (&Uplink, &LineAddresses)| LineConfig {
            name: uplink.name.to_owned(),
            addresses: *addresses,
            udp_ports: vec![
                TEST_PORTS.0..=TEST_PORTS.1,
                FLOW_PORT..=FLOW_PORT + (CLASSES.len() - 1) as u16,
            ],
            tcp_ports: vec![CONTROL_PORT],
            forward: script::healthy(uplink),
            backward: script::healthy(uplink),
        };
        EmulatorConfig {
            seed,
            lines: LINES.iter().zip(&self.addresses).map(line).collect(),
        }
    }

    /// The traffic over the lines.
    pub(super) fn flows(&self) -> FlowsConfig {
        let line = |(id, addresses): (u64, &LineAddresses)| FlowLine {
            line: id,
            local: IpAddr::V4(addresses.near_end),
            remote: IpAddr::V4(addresses.near_side),
            arrival: IpAddr::V4(addresses.far_end),
        };
        let class = |(id, class): (u64, &Traffic)| FlowClass {
            class: id,
            port: flow_port(id),
            packets_per_second: class.packets_per_second,
            octets: class.octets,
        };
        FlowsConfig {
            lines: (1..).zip(&self.addresses).map(line).collect(),
            classes: (1..).zip(&CLASSES).map(class).collect(),
        }
    }

    fn lines(&self, finish: impl Fn(&LineAddresses, Line) -> Line) -> Vec<Arc<Line>> {
        (1..)
            .zip(LINES.iter().zip(&self.addresses))
            .map(|(id, (uplink, addresses))| finish(addresses, Line::new(id, uplink.name)).into())
            .collect()
    }
}

/// Whether a stream between these ports is a test session's.
pub(super) fn is_test_port(port: u16) -> bool {
    (TEST_PORTS.0..=TEST_PORTS.1).contains(&port)
}

/// The port of a class's flow, by the class's id.
pub(super) fn flow_port(class: u64) -> u16 {
    FLOW_PORT + class.saturating_sub(1) as u16
}

/// The name of a line, by its id.
pub(super) fn line_name(id: u64) -> Option<&'static str> {
    let place = usize::try_from(id.checked_sub(1)?).ok()?;
    LINES.get(place).map(|uplink| uplink.name)
}

/// The name of a class, by its id.
pub(super) fn class_name(id: u64) -> Option<&'static str> {
    let place = usize::try_from(id.checked_sub(1)?).ok()?;
    CLASSES.get(place).map(|class| class.name)
}

impl Traffic {
    fn configured(&self, id: u64) -> Class {
        Class {
            prefer: self.prefer.map(str::to_owned).to_vec(),
            ..Class::new(id, self.name, self.sla)
        }
    }
}

const fn sla(round_trip_ms: Option<f64>, jitter_ms: Option<f64>, loss_percent: f64) -> Sla {
    Sla {
        round_trip_ms,
        jitter_ms,
        loss_percent: Some(loss_percent),
        packet_octets: None,
    }
}

fn responder() -> Responder {
    Responder {
        control_port: CONTROL_PORT,
        test_ports: TEST_PORTS,
        ..Responder::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use plugin_abi::config::Remote;

    use super::*;

    #[test]
    fn neighbouring_processes_have_addresses_of_their_own() {
        let addresses: HashSet<_> = (0..20_000)
            .flat_map(|id| Setting::of_process(id).addresses)
            .collect();
        assert_eq!(addresses.len(), 3 * 20_000);
        assert!(addresses.iter().all(|a| a.near_end.octets()[1] != 0));
    }

    #[test]
    fn the_configuration_is_an_ordinary_one_in_json_and_in_toml() {
        let config = Setting::of_process(7).near();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn probes_and_flows_run_over_the_same_addresses_and_are_told_apart_by_port() {
        let setting = Setting::of_process(7);
        let (near, flows) = (setting.near(), setting.flows());
        for (line, flow) in near.lines.iter().zip(&flows.lines) {
            assert_eq!(line.id, flow.line);
            assert_eq!(line.local, Some(flow.local.into()));
            assert_eq!(line.remote.map(Remote::ip), Some(flow.remote));
        }
        let covered = &setting.emulator(1).lines[0].udp_ports;
        for class in &flows.classes {
            assert!(!is_test_port(class.port));
            assert!(covered.iter().any(|ports| ports.contains(&class.port)));
        }
    }

    #[test]
    fn names_and_ids_belong_together() {
        let config = Setting::of_process(7).near();
        for line in &config.lines {
            assert_eq!(line_name(line.id), Some(line.name.as_str()));
        }
        for class in &config.classes {
            assert_eq!(class_name(class.id), Some(class.name.as_str()));
        }
        assert_eq!((line_name(0), class_name(4)), (None, None));
    }
}
