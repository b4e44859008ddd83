//! Two ends and the emulated lines between them, on addresses that nobody else has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use autoflow_tests::artifacts;
use host_sim::host::flows::{FlowClass, FlowLine, FlowsConfig};
use host_sim::link::{Emulator, EmulatorConfig, Impairment, LineAddresses, LineConfig, LineCounts};
use plugin_abi::config::{
    Address, Class, Config, Decision, Group, Line, Mode, Probe, Protocol, Responder, Sla, Stamp,
};
use plugin_abi::host::{Callbacks, Change, Choice, Engine, Level, Plugin};
use plugin_abi::manage::{Answer, Request, ServedResult, SessionResult, SessionRow, Statistics};

use crate::patience::until;

/// The group that all lines are in.
pub(crate) const HUB: u64 = 1;
/// The one class of traffic; it prefers the lines in their order.
pub(crate) const VOICE: u64 = 1;
/// Packets of its flow each second.
pub(crate) const FLOW_RATE: u32 = 100;

const CONTROL_PORT: u16 = 18_620;
const TEST_PORTS: (u16, u16) = (20_000, 20_003);
/// The last of them: sessions that are agreed on take the first ones.
const STAMP_PORT: u16 = TEST_PORTS.1;
const FLOW_PORT: u16 = 21_001;

/// The plugin as it ships, by the checked door.
pub(crate) static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| load(&artifacts().plugin));

/// Loads a plugin by the checked door.
pub(crate) fn load(file: &Path) -> Plugin {
    Plugin::load_checked(file).unwrap_or_else(|error| panic!("{error}"))
}

/// Two ends joined by lines. A line's id is its place, from 1.
#[derive(Clone)]
pub(crate) struct Ends {
    lines: Vec<(&'static str, LineAddresses)>,
    /// The lines are measured by STAMP.
    stamp: bool,
}

impl Ends {
    /// Two ends that these lines join.
    pub(crate) fn joined_by(names: &[&'static str]) -> Self {
        Self {
            lines: names.iter().map(|name| (*name, addresses())).collect(),
            stamp: false,
        }
    }

    /// The same, measured by STAMP; the near end tells what it sees of the way back.
    pub(crate) fn by_stamp(self) -> Self {
        Self {
            stamp: true,
            ..self
        }
    }

    /// The near end's configuration: it measures and chooses.
    pub(crate) fn near(&self, mode: Mode) -> Config {
        let sla = Sla {
            loss_percent: Some(2.0),
            ..Sla::default()
        };
        Config {
            mode,
            probe: Probe {
                interval_ms: Some(10.0),
                ..self.probe()
            },
            decision: Decision {
                window_ms: 5_000,
                dwell_ms: 1_000,
                failback_ms: 2_000,
                ..Decision::default()
            },
            responder: responder(),
            lines: self.configured(|addresses, line| {
                line.local = Some(addresses.near_end.into());
                let port = if self.stamp { STAMP_PORT } else { CONTROL_PORT };
                let remote = SocketAddr::new(addresses.near_side.into(), port);
                line.remote = Some(remote.into());
                line.groups = vec![HUB];
            }),
            groups: vec![Group {
                id: HUB,
                name: "hub".to_owned(),
                mode: None,
            }],
            classes: vec![Class {
                prefer: self.names().map(str::to_owned).collect(),
                ..Class::new(VOICE, "voice", sla)
            }],
            ..Config::default()
        }
    }

    /// The far end's configuration: it answers.
    pub(crate) fn far(&self) -> Config {
        Config {
            mode: Mode::Measure,
            responder: Responder {
                stamp: self.doors(),
                figures: self.stamp,
                ..responder()
            },
            lines: self.configured(|addresses, line| {
                line.local = Some(addresses.far_end.into());
                line.remote = Some(Address::from(addresses.far_side).into());
                line.sender = false;
                line.responder = !self.stamp;
            }),
            ..Config::default()
        }
    }

    /// What lies between: all lines do the same at first.
    pub(crate) fn emulator(
        &self,
        seed: u64,
        forward: Impairment,
        backward: Impairment,
    ) -> Emulator {
        let line = |(name, addresses): &(&str, LineAddresses)| LineConfig {
            name: (*name).to_owned(),
            addresses: *addresses,
            udp_ports: vec![TEST_PORTS.0..=TEST_PORTS.1, FLOW_PORT..=FLOW_PORT],
            tcp_ports: vec![CONTROL_PORT],
            forward,
            backward,
        };
        let lines = self.lines.iter().map(line).collect();
        Emulator::start(EmulatorConfig { seed, lines }).unwrap()
    }

    /// The traffic of the one class.
    pub(crate) fn flows(&self) -> FlowsConfig {
        let line = |(id, (_, addresses)): (u64, &(&str, LineAddresses))| FlowLine {
            line: id,
            local: IpAddr::V4(addresses.near_end),
            remote: IpAddr::V4(addresses.near_side),
            arrival: IpAddr::V4(addresses.far_end),
        };
        FlowsConfig {
            lines: (1..).zip(&self.lines).map(line).collect(),
            classes: vec![FlowClass {
                class: VOICE,
                port: FLOW_PORT,
                packets_per_second: FLOW_RATE,
                octets: 160,
            }],
        }
    }

    /// Names of the lines, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.lines.iter().map(|(name, _)| *name)
    }

    fn probe(&self) -> Probe {
        if !self.stamp {
            return Probe::default();
        }
        Probe {
            protocol: Protocol::Stamp,
            stamp: Some(Stamp {
                figures_ms: Some(500),
                ..Stamp::default()
            }),
            ..Probe::default()
        }
    }

    /// Where the far end answers STAMP.
    fn doors(&self) -> Vec<SocketAddr> {
        let lines = self.lines.iter().filter(|_| self.stamp);
        lines
            .map(|(_, addresses)| SocketAddr::new(addresses.far_end.into(), STAMP_PORT))
            .collect()
    }

    fn configured(&self, finish: impl Fn(&LineAddresses, &mut Line)) -> Vec<Arc<Line>> {
        let line = |(id, (name, addresses)): (u64, &(&str, LineAddresses))| {
            let bare = serde_json::json!({ "id": id, "name": name });
            let mut line = serde_json::from_value(bare).expect("all else has a default");
            finish(addresses, &mut line);
            Arc::new(line)
        };
        (1..).zip(&self.lines).map(line).collect()
    }
}

/// An engine at each end, and the lines between them.
pub(crate) struct Pair {
    pub(crate) near: Arc<Engine>,
    pub(crate) far: Engine,
    pub(crate) emulator: Emulator,
}

impl Pair {
    /// Starts the far end, then the near end, over lines that run already.
    pub(crate) fn start(ends: &Ends, mode: Mode, emulator: Emulator, heard: Heard) -> Self {
        Self::of(&PLUGIN, ends, mode, emulator, heard)
    }

    /// The same with another plugin at the near end.
    pub(crate) fn of(
        plugin: &Plugin,
        ends: &Ends,
        mode: Mode,
        emulator: Emulator,
        heard: Heard,
    ) -> Self {
        let far = started(&PLUGIN, &ends.far(), Heard::default());
        let near = Arc::new(started(plugin, &ends.near(mode), heard));
        Self {
            near,
            far,
            emulator,
        }
    }

    /// What the near end chooses for its one class.
    pub(crate) fn choice(&self) -> Choice {
        self.near.choose(HUB, VOICE, 0, None, 0)
    }

    /// What the near end has measured of a line.
    pub(crate) fn result(&self, line: &str) -> SessionResult {
        let of_line = |row: &SessionRow| row.line.as_deref() == Some(line);
        until("the line has a session", || {
            let mut rows = sessions(&self.near).into_iter();
            rows.find(of_line).and_then(|row| row.result)
        })
    }

    /// What the far end has seen of its only session.
    pub(crate) fn served(&self) -> ServedResult {
        let rows = sessions(&self.far).into_iter();
        let mut served = rows.filter_map(|row| row.served);
        served.next().expect("a session was served")
    }
}

/// A started engine.
pub(crate) fn started(plugin: &Plugin, config: &Config, heard: Heard) -> Engine {
    let json = serde_json::to_string(config).unwrap();
    let engine = plugin.create(&json, heard).unwrap();
    engine.start().unwrap();
    engine
}

/// The engine's counters.
pub(crate) fn statistics(engine: &Engine) -> Statistics {
    match engine.manage(&Request::Statistics) {
        Ok(Answer::Statistics(statistics)) => statistics,
        other => panic!("no statistics: {other:?}"),
    }
}

/// The engine's sessions.
pub(crate) fn sessions(engine: &Engine) -> Vec<SessionRow> {
    match engine.manage(&Request::Sessions) {
        Ok(Answer::Sessions(rows)) => rows,
        other => panic!("no sessions: {other:?}"),
    }
}

/// True if not all that was lost on a line is the line's doing.
pub(crate) fn dropped_by_the_machine(line: &LineCounts) -> bool {
    [&line.forward, &line.backward]
        .into_iter()
        .any(|counts| counts.overflowed + counts.unsent + counts.kernel_drops.unwrap_or(0) > 0)
}

/// What an engine tells its host.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    log: Arc<Mutex<Vec<String>>>,
    changes: Arc<Mutex<Vec<Change>>>,
}

impl Heard {
    /// Messages so far that contain `words`.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|message| message.contains(words)).count()
    }

    /// Every message so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Every switch so far.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }
}

impl Callbacks for Heard {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Info
    }

    fn log(&self, level: Level, _: &str, message: &str) {
        self.log
            .lock()
            .unwrap()
            .push(format!("{level:?}: {message}"));
    }

    fn choice_changed(&self, change: &Change) {
        self.changes.lock().unwrap().push(change.clone());
    }
}

fn responder() -> Responder {
    Responder {
        control_port: CONTROL_PORT,
        test_ports: TEST_PORTS,
        ..Responder::default()
    }
}

/// Four addresses side by side: the process's own block, and behind all that demos take.
fn addresses() -> LineAddresses {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let block = (std::process::id() % 254) as u8 + 1;
    let first = 1 + 4 * NEXT.fetch_add(1, Ordering::Relaxed);
    let address = |place| Ipv4Addr::new(127, block, 250, first + place);
    LineAddresses {
        near_end: address(0),
        near_side: address(1),
        far_side: address(2),
        far_end: address(3),
    }
}
