//! The command line as a user or a script has it: what is refused and in which words, what is
//! measured, and whether programs of other makers agree.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use autoflow_tests::{address, host};

mod bench;
mod configuration;
mod failure;
mod features;
mod golden;
mod help;
mod hostile;
mod individual;
mod namespace;
mod oracle;
mod ping;
mod raw;
mod respond;
mod scapy;
mod secure;
mod sim;
mod sim_report;
mod stamp;
mod stamp_suite;
mod strange;
mod tshark;
