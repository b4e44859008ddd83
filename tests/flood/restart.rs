//! A responder that restarts, with a crowd of authenticated senders waiting for it.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoflow_tests::address;
use autoflow_tests::artifacts;
use autoflow_tests::host::host_command;
use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request};
use serde_json::json;

use crate::responder::Responder;
use crate::size::{raise_descriptors, short_or_long};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Senders of one engine. In the world each has a host of its own, and no work but its own.
const OF_ONE_ENGINE: usize = 50;

/// Each sender is a line with an address of its own; behind a NAT all have the same.
fn senders(count: usize, far: Ipv4Addr, nat: bool) -> Vec<Engine> {
    let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
    let numbers: Vec<_> = (0..count).collect();
    let engines = numbers.chunks(OF_ONE_ENGINE);
    engines
        .map(|numbers| some_senders(&plugin, numbers, far, nat))
        .collect()
}

fn some_senders(plugin: &Plugin, numbers: &[usize], far: Ipv4Addr, nat: bool) -> Engine {
    let line = |&number: &usize| {
        let [.., high, low] = (number as u32).to_be_bytes();
        let local = match nat {
            true => Ipv4Addr::new(127, 67, 0, 1),
            false => Ipv4Addr::new(127, 67, high + 1, low),
        };
        json!({"id": number + 1, "name": number.to_string(), "local": local,
               "remote": format!("{far}:8620")})
    };
    let document = json!({
        "probe": {"protocol": "encrypted", "key_id": "hub", "interval_ms": 1_000},
        "responder": {"test_ports": [10_000, 19_999]},
        "keys": [{"id": "hub", "passphrase": "hidden"}],
        "lines": numbers.iter().map(line).collect::<Vec<_>>(),
    });
    let engine = plugin.create(&document.to_string(), Silent).unwrap();
    engine.start().unwrap();
    engine
}

fn running(engines: &[Engine]) -> usize {
    let running = |engine: &Engine| {
        let Answer::Sessions(rows) = engine.manage(&Request::Sessions).unwrap() else {
            panic!("no sessions");
        };
        rows.iter().filter(|row| row.state == "running").count()
    };
    engines.iter().map(running).sum()
}

fn all_come_up(nat: bool) {
    raise_descriptors();
    let count = short_or_long(50, 2_000);
    let far = address::own();
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys.toml");
    std::fs::write(&keys, "hub = \"hidden\"\n").unwrap();
    let mut permissions = std::fs::metadata(&keys).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&keys, permissions).unwrap();
    let words = format!("--modes open,encrypted --keys {}", keys.display());

    // They wait already, and try again and again.
    let senders = senders(count, far, nat);
    sleep(Duration::from_secs(1));
    let responder = Responder::on(far, &mut host_command(), &words);
    let (begin, mut told) = (Instant::now(), String::new());
    // Other control work goes on: an open session is set up at once, while keys are derived.
    let mut pinged = false;
    loop {
        let up = running(&senders);
        write!(told, " {:.1} s: {up};", begin.elapsed().as_secs_f64()).unwrap();
        if !pinged && up > 0 {
            let asked = Instant::now();
            responder.serves();
            write!(told, " (an open ping took {:?})", asked.elapsed()).unwrap();
            pinged = true;
        }
        if up == count {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{told}");
        sleep(Duration::from_millis(500));
    }
    println!("{count} senders, NAT {nat}:{told}");
}

#[test]
fn all_senders_come_back() {
    all_come_up(false);
}

#[test]
fn all_senders_come_back_from_behind_a_nat() {
    all_come_up(true);
}
