//! A responder and its callers: who is let in and how many, what ends a session and what doesn't,
//! and what becomes of both when the configuration changes.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod responder;

mod changes;
mod limits;
mod nat;
mod oddities;
mod peers;
mod timers;
