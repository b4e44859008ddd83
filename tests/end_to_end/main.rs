//! The whole from end to end: the built plugin at both ends of emulated lines, the built host as
//! a child process, and what each of them says beside what really happened.
//!
//! What is asserted are counts, ratios and orders; of time only that things come after their
//! causes, and within several times what they promise.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod child;
mod ends;
mod hold;
mod patience;
mod replay;

mod accounting;
mod advice;
mod crowd;
mod demo;
mod failure;
mod idle;
mod independence;
mod keys;
mod marks;
mod silent_restart;
mod staleness;
mod threads;
