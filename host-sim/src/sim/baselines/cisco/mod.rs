//! Cisco Catalyst SD-WAN: application-aware routing, by buckets.
//!
//! ```text
//!   BFD, 1/s ──────► bucket ─┐ poll        ┌► compliant? ─► damping ─► choice
//!   data packets ──► bucket ─┴─► last n ───┘
//! ```
//!
//! The classic kind and the enhanced kind differ in how buckets are filled and how long they are.

mod aar;
mod bucket;
mod eaar;

use std::collections::VecDeque;

use plugin_abi::config::Sla;

use self::bucket::Bucket;
use super::liveness::Liveness;
use super::means::Means;
use super::pinger::{Pinger, Rhythm};
use super::seat::{Seat, Seats};
use super::{phase, seconds, timed};
use crate::sim::policy::{Carried, Policy, Probing, Reply, Setting, Timed};

pub(super) use aar::{AAR, AAR_LOW};
pub(super) use eaar::{
    EAAR_AGGRESSIVE, EAAR_AGGRESSIVE_BFD, EAAR_CONSERVATIVE, EAAR_CONSERVATIVE_BFD, EAAR_MODERATE,
    EAAR_MODERATE_BFD,
};

/// BFD hellos; the size is from memory.
const RHYTHM: Rhythm = Rhythm {
    every_ms: 1_000,
    timeout_ms: 1_000,
    at_once: 1,
    octets: 132,
    dscp: 48,
};
/// Hellos missed until a tunnel is down.
const MULTIPLIER: u32 = 7;
/// Names the draw of when polls are.
const POLLS: u64 = 1;
/// Tunnels that differ by no more are as good as each other when none is compliant.
const VARIANCE_LOSS_PERCENT: f64 = 1.0;
const VARIANCE_MS: f64 = 10.0;

/// How tunnels are judged.
#[derive(Clone, Copy)]
struct Polling {
    /// A bucket's length.
    interval_s: f64,
    /// Buckets that count.
    buckets: usize,
    /// A tunnel that wasn't compliant is used again after so many compliant polls in a row; 0: at
    /// the first.
    damping: u32,
    /// By data packets, where there are any.
    in_line: bool,
}

struct AppRoute {
    polling: Polling,
    pinger: Pinger,
    tunnels: Vec<Tunnel>,
    /// With a note for each tunnel: compliant polls that it needs yet.
    seats: Seats<u32>,
    poll_at: u64,
}

/// A line.
#[derive(Clone)]
struct Tunnel {
    liveness: Liveness,
    by_hellos: Bucket,
    by_packets: Bucket,
    /// Those that are full, the oldest first.
    filled: VecDeque<Bucket>,
    /// Over them.
    means: Means,
}

impl AppRoute {
    fn policy(setting: &Setting<'_>, polling: Polling) -> Box<dyn Policy> {
        let tunnel = Tunnel {
            liveness: Liveness::new(MULTIPLIER, 1),
            by_hellos: Bucket::default(),
            by_packets: Bucket::default(),
            filled: VecDeque::with_capacity(polling.buckets + 1),
            means: Means::default(),
        };
        timed(Self {
            polling,
            pinger: Pinger::new(setting, RHYTHM),
            tunnels: vec![tunnel; setting.lines.len()],
            seats: Seats::new(setting, &0),
            poll_at: phase(setting, POLLS, polling.interval_s),
        })
    }

    fn poll(&mut self) {
        for tunnel in &mut self.tunnels {
            tunnel.poll(self.polling.buckets);
        }
        for seat in self.seats.iter_mut() {
            for (needed, &line) in seat.notes.iter_mut().zip(&seat.order) {
                *needed = match self.tunnels[line].means.keep(&seat.sla) {
                    true => needed.saturating_sub(1),
                    false => self.polling.damping.max(1),
                };
            }
        }
    }
}

impl Tunnel {
    fn poll(&mut self, buckets: usize) {
        let hellos = std::mem::take(&mut self.by_hellos);
        let packets = std::mem::take(&mut self.by_packets);
        self.filled.push_back(match packets.is_empty() {
            true => hellos,
            false => packets,
        });
        if self.filled.len() > buckets {
            self.filled.pop_front();
        }
        self.means = Bucket::sum(&self.filled).means();
    }
}

impl Timed for AppRoute {
    fn next(&self) -> u64 {
        self.pinger.next().min(self.poll_at)
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let Self {
            pinger, tunnels, ..
        } = self;
        pinger.wake(now, probing, |line| {
            tunnels[line].liveness.lost();
            tunnels[line].by_hellos.lost();
        });
        if self.poll_at <= now {
            self.poll();
            self.poll_at += seconds(self.polling.interval_s);
        }
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        if let Some(round_trip) = self.pinger.heard(reply) {
            let tunnel = &mut self.tunnels[reply.line];
            tunnel.liveness.answered();
            tunnel.by_hellos.answered(round_trip);
        }
    }

    fn carried(&mut self, _: u64, carried: &[Carried]) {
        if self.polling.in_line {
            for carried in carried {
                self.tunnels[carried.line].by_packets.carried(carried);
            }
        }
    }

    fn paused(&mut self, now: u64) {
        self.pinger.paused(now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let tunnels = &self.tunnels;
        let seat = self.seats.at(group, class);
        let compliant =
            |line: usize, _: &Sla, needed: &u32| *needed == 0 && tunnels[line].liveness.is_alive();
        if !seat.settle(now, 0, compliant) {
            seat.on = best_of_worst(seat, tunnels);
        }
        seat.line()
    }
}

/// Of the tunnels that are up, if any is, those that lose least; of them those with the least
/// latency; of them the present one, or the first. Near equals are equals.
fn best_of_worst(seat: &Seat<u32>, tunnels: &[Tunnel]) -> usize {
    let any = seat
        .first(|line| tunnels[line].liveness.is_alive())
        .is_some();
    let up = |line: usize| !any || tunnels[line].liveness.is_alive();
    let loss = |line: usize| tunnels[line].means.loss_percent.unwrap_or(0.0);
    let latency = |line: usize| Means::or_worst(tunnels[line].means.round_trip_ms);
    let least = |of: &dyn Fn(usize) -> bool, value: &dyn Fn(usize) -> f64| {
        let lines = seat.order.iter().filter(|&&line| of(line));
        lines.map(|&line| value(line)).fold(f64::INFINITY, f64::min)
    };
    let least_loss = least(&up, &loss);
    let loses_least = |line: usize| up(line) && loss(line) <= least_loss + VARIANCE_LOSS_PERCENT;
    let least_latency = least(&loses_least, &latency);
    let best = |line: usize| loses_least(line) && latency(line) <= least_latency + VARIANCE_MS;
    match seat.line() {
        Some(line) if best(line) => seat.on,
        _ => seat.first(best).unwrap_or(seat.on),
    }
}
