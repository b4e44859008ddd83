//! The two ends: an engine that measures, and one that answers on many addresses.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use autoflow_tests::artifacts;
use plugin_abi::host::{Callbacks, Engine, Plugin};
use plugin_abi::manage::{Answer, Request, SessionRow};
use plugin_abi::{TwampBinding, TwampLine, TwampText, line_flag};
use serde_json::{Value, json};

use crate::PATIENCE;

/// Addresses of the far end.
const FAR_ENDS: u8 = 20;
const CONTROL_PORT: u16 = 8_620;

/// The end that answers.
pub(crate) struct Far(Engine);

/// The end that measures.
pub(crate) struct Near(Engine);

struct Silent;

impl Callbacks for Silent {}

impl Far {
    pub(crate) fn start() -> Self {
        let listen: Vec<SocketAddr> = (0..FAR_ENDS).map(far_end).collect();
        Self(started(&json!({
            "responder": {
                "listen": listen, "test_ports": [8_700, 8_799],
                "peers": [near_end().to_string()],
            },
        })))
    }

    pub(crate) fn stop(self) {
        self.0.stop().unwrap();
    }
}

impl Near {
    pub(crate) fn start() -> Self {
        Self(started(&json!({
            "probe": { "interval_ms": 500 },
            "responder": { "test_ports": [9_000, 9_999] },
        })))
    }

    /// A line comes.
    pub(crate) fn up(&self, line: u64) {
        let name = format!("line {line}");
        let line = TwampLine {
            struct_size: size_of::<TwampLine>() as u32,
            flags: line_flag::SENDER,
            line,
            name: TwampText::borrow(&name),
            underlay: TwampText::EMPTY,
            far_end: TwampText::EMPTY,
            binding: TwampBinding {
                device: TwampText::EMPTY,
                namespace_fd: -1,
                mark: 0,
                source: SocketAddr::new(near_end().into(), 0).into(),
                reserved: 0,
            },
            far: far_end((line % u64::from(FAR_ENDS)) as u8).into(),
            cost: 0,
            mtu: 0,
            capacity_up: 0,
            capacity_down: 0,
            groups: std::ptr::null(),
            group_count: 0,
        };
        self.0.line_up(&line).unwrap();
    }

    /// A line goes.
    pub(crate) fn down(&self, line: u64) {
        self.0.line_down(line).unwrap();
    }

    /// Waits until so many lines are measured. The newest that have gone are still listed.
    pub(crate) fn until_all_run(&self, lines: u64) {
        let began = Instant::now();
        loop {
            let rows = self.rows();
            let heard = |row: &SessionRow| {
                let result = row.result.as_ref();
                result.is_some_and(|result| result.received > 0)
            };
            let running = rows.iter().filter(|row| row.state == "running");
            let running = running.filter(|row| heard(row)).count() as u64;
            if running == lines {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{running} of {lines} run, {} are there",
                rows.len()
            );
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
    }

    pub(crate) fn stop(self) {
        self.0.stop().unwrap();
    }

    fn rows(&self) -> Vec<SessionRow> {
        match self.0.manage(&Request::Sessions) {
            Ok(Answer::Sessions(rows)) => rows,
            other => panic!("no sessions: {other:?}"),
        }
    }
}

fn started(config: &Value) -> Engine {
    let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
    let engine = plugin.create(&config.to_string(), Silent).unwrap();
    engine.start().unwrap();
    engine
}

fn near_end() -> Ipv4Addr {
    address(250)
}

fn far_end(number: u8) -> SocketAddr {
    (address(1 + number), CONTROL_PORT).into()
}

/// Of a block that is this process's own.
fn address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, (std::process::id() % 254) as u8 + 1, 249, host)
}
