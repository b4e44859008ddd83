//! Lines keep to their own interface, namespace and link, whoever else has the same addresses.
//! Each end is a network namespace of its own; nothing of this machine's network is touched.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod engine;
mod link_local;
mod overlap;
mod uplinks;
