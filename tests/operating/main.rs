//! A host in the hands of its operator: commands against `host-sim run`, in both forms, and what is
//! refused; the control socket itself; the page that tells how all of it is done.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod commands;
mod host;
mod page;
mod ping;
mod refusals;
mod socket;
mod state;
