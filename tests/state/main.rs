//! The whole state of an engine: applied, confirmed or taken back; what persons toggle beside it;
//! who may change what; and a document of it all that gives the same state again.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod ends;

mod applying;
mod owners;
mod toggling;
mod topology;
mod undisturbed;
mod written;
