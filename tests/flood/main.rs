//! Floods against a responder, each from other addresses than those of the good session beside it.
//! That one loses nothing, memory stays bounded, and afterwards there is full service.
//!
//! A short form runs with all tests; `FLOOD=long` makes it the long one, which is meant for a build
//! with `--release`:
//!
//!     FLOOD=long cargo test --release -p autoflow-tests --test flood -- --test-threads 1

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod bystander;
mod responder;
mod size;

mod connections;
mod descriptors;
mod restart;
mod sessions;
mod silent;
