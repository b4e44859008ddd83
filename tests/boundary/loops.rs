//! Engines that measure themselves: sender and responder of one line over loopback.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

/// The control port; each engine has an address of its own.
const PORT: u16 = 8620;

/// A configuration with one line of this name and id; group 1, class 1.
pub(crate) fn looped(name: &str, id: u64) -> String {
    let address = address();
    let far = format!("{address}:{PORT}");
    json!({
        "mode": "act",
        "probe": { "interval_ms": 10, "timeout_ms": 100 },
        "decision": { "publish_ms": 10 },
        "responder": { "listen": [far], "peers": ["any"] },
        "lines": [{
            "id": id, "name": name, "local": address, "remote": far, "groups": [1],
        }],
        "groups": [{ "id": 1, "name": "everywhere" }],
        "classes": [{ "id": 1, "name": "everything", "sla": { "round_trip_ms": 1000 } }],
    })
    .to_string()
}

/// A configuration that opens sockets and has no session.
pub(crate) fn responder() -> String {
    let far = format!("{}:{PORT}", address());
    json!({ "responder": { "listen": [far], "peers": ["any"] } }).to_string()
}

/// Waits until it is so; the time is only there to end a test that fails.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A loopback address that no other test and no other run uses now.
fn address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id() % 0x8000;
    // 127.128.0.0/9: fifteen bits of the process, eight of the engine.
    Ipv4Addr::from(0x7f80_0000 | process << 8 | next & 0xff)
}
