//! What collectors of other makes read of what the engine exports, beside what the host is told.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod engine;
mod pcap;
mod scraped;
mod sink;

mod collectors;
mod lateness;
mod outage;
mod prometheus;
mod states;
mod values;
