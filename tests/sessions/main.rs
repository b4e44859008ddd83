//! Sessions apart from lines, as people have them: added, run by hand and by schedule, changed while
//! they run, deleted; what they measured; what is refused, and why.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod ends;

mod changes;
mod crowd;
mod life;
mod refusals;
mod runs;
mod schedules;
