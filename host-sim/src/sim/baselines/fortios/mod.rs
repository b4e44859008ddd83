//! FortiOS SD-WAN: its health check, and the three ways in which it chooses by it.
//!
//! A probe every 500 ms; unanswered for 500 ms it is lost. Latency is the mean of the answers
//! among the last 30 probes, jitter the mean difference between two of them in a row, loss the
//! share of the last 100 probes that was lost. A member is dead after 5 losses in a row, alive
//! after 5 answers in a row.
//!
//! Read in the field schema of `system sdwan`, the administration guides and the knowledge base:
//! interval and probe-timeout 500 ms, failtime and recoverytime 5, probe-count 30, TWAMP probes of
//! 124 octets. The window of 100 for loss isn't stated anywhere that was read: loss is shown in
//! steps of 1 %, which 30 probes can't give.

mod best_quality;
mod custom_profile;
mod sla;

use super::liveness::Liveness;
use super::means::Means;
use super::pinger::{Pinger, Rhythm};
use super::window::Window;
use crate::sim::policy::{Probing, Reply, Setting};

pub(super) use best_quality::{BQ, BQ_INCUMBENT, BQ_JITTER, BQ_LOSS};
pub(super) use custom_profile::CP1;
pub(super) use sla::{SLA, SLA_HOLD};

/// IPv4 and UDP headers, and 124 octets of TWAMP.
const RHYTHM: Rhythm = Rhythm {
    every_ms: 500,
    timeout_ms: 500,
    at_once: 1,
    octets: 152,
    dscp: 0,
};

/// Measures all members.
struct HealthCheck {
    pinger: Pinger,
    members: Vec<Member>,
}

/// A line, as FortiOS calls it.
#[derive(Clone)]
struct Member {
    liveness: Liveness,
    latency: Window,
    loss: Window,
}

impl HealthCheck {
    fn new(setting: &Setting<'_>) -> Self {
        let member = Member {
            liveness: Liveness::new(5, 5),
            latency: Window::new(30),
            loss: Window::new(100),
        };
        Self {
            pinger: Pinger::new(setting, RHYTHM),
            members: vec![member; setting.lines.len()],
        }
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self { pinger, members } = self;
        pinger.wake(now, probing, |line| members[line].lost());
    }

    fn heard(&mut self, reply: &Reply) {
        if let Some(round_trip) = self.pinger.heard(reply) {
            self.members[reply.line].answered(round_trip);
        }
    }
}

impl Member {
    fn is_alive(&self) -> bool {
        self.liveness.is_alive()
    }

    fn means(&self) -> Means {
        Means {
            loss_percent: self.loss.means().loss_percent,
            ..self.latency.means()
        }
    }

    fn answered(&mut self, round_trip: i64) {
        self.liveness.answered();
        self.latency.answered(round_trip);
        self.loss.answered(round_trip);
    }

    fn lost(&mut self) {
        self.liveness.lost();
        self.latency.lost();
        self.loss.lost();
    }
}
