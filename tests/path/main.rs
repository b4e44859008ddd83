//! What a path does to probes is told: other marks, hops, sizes that don't fit. Each path is made of
//! network namespaces of the test's own, with a router between that does as it is told.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod line_size;
mod marks;
mod ping;
mod relay;
mod size;
