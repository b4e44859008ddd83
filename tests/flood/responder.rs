//! The responder under flood: a process of its own, so that its memory can be read.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use autoflow_tests::address;
use autoflow_tests::host::{Running, host_command, host_sim};
use serde_json::Value;

use crate::size::raise_descriptors;

pub(crate) struct Responder {
    running: Running,
    address: Ipv4Addr,
}

impl Responder {
    /// `host-sim respond` on an address of its own, with these words besides.
    pub(crate) fn start(words: &str) -> Self {
        raise_descriptors();
        Self::by(&mut host_command(), words)
    }

    /// The same, by a command that ends in the host.
    pub(crate) fn by(command: &mut Command, words: &str) -> Self {
        let address = address::own();
        Self::on(address, command, words)
    }

    /// The same, on that address.
    pub(crate) fn on(address: Ipv4Addr, command: &mut Command, words: &str) -> Self {
        let words =
            format!("respond --json --listen {address}:8620 --test-ports 8700-8700 {words}");
        let running = Running::start(command.args(words.split_whitespace()));
        let ready: Value = serde_json::from_str(&running.line()).unwrap();
        assert!(ready["listening"].is_object(), "{ready}");
        Self { running, address }
    }

    pub(crate) fn control(&self) -> SocketAddr {
        (self.address, 8620).into()
    }

    /// Octets of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.split_whitespace().next());
        kilobytes.unwrap().parse::<u64>().unwrap() << 10
    }

    /// A whole measurement, without a loss.
    pub(crate) fn serves(&self) {
        let answer = host_sim(&format!(
            "ping --json --count 5 --interval 10 {}",
            self.control()
        ));
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.object()["lost"]["percent"], 0.0, "{answer:?}");
    }
}

/// An address that floods; none is that of the tests' own responders and senders.
pub(crate) fn flooder(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 66, number)
}
