//! When runs begin. Pure: time comes in as [`Now`](twamp_core::time::Now); the one file that is read
//! is that of a time zone, while a schedule is parsed.
//!
//! ```text
//!   Schedule ──parse──▶ Plan: when next?  ──set──▶ Timetable: whose run begins now?
//!   (every_s, cron)      of one session             of all sessions, with what came of it
//! ```
//!
//! A plan is about the clock on the wall, a timer about the monotonic one. So the timetable looks at
//! both, each time that it is asked, and wants to be asked once a minute.
//!
//! ```ignore
//! let mut timetable = Timetable::default();
//! timetable.set(7, Plan::parse(&schedule, 7)?, clock.now());
//! loop {
//!     let deadline = timetable.poll_timeout(clock.now());       // in monotonic time
//!     select! {
//!         () = sleep_until(deadline) => {
//!             let now = clock.now();
//!             for id in timetable.due(now) {
//!                 start_run(id);
//!                 timetable.begin(id, now);
//!             }
//!         }
//!         id = run_is_over() => timetable.ended(id),
//!     }
//! }
//! ```

mod cron;
mod plan;
#[cfg(test)]
mod properties;
mod timetable;
mod zone;

pub(crate) use cron::{Cron, CronError};
pub(crate) use plan::{Plan, PlanError};
pub(crate) use timetable::Timetable;
pub(crate) use zone::{ZoneError, time_zone};
