//! How far the time that a packet tells may be from the time it leaves: the error estimate.
//!
//! A packet's own time is read before its batch is sealed and handed to the kernel. What is usual
//! from there on is added (`lead.rs`); the rest is what a packet errs by.
//!
//! ```text
//!   T3 read ─── sealed ─── sendmmsg ──┬────┬────┬──▶
//!      │                              1st  …   last leaves
//!      └───────── the batch took ────────────────┘
//! ```
//!
//! So to the clock's own error comes what batches take: the longest of late, and as much again for
//! one that will be longer.

use std::time::Duration;

use twamp_core::time::{ErrorEstimate, Mono};

use super::clock::clock_error;

/// Batches of a span. What is remembered are the longest of this span and of the one before.
const BATCHES: u32 = 1_024;
/// A span lasts no longer than this, so that a pause is forgotten where packets are few.
const SPAN: Duration = Duration::from_secs(60);
/// Taken for the longest as long as nothing was measured.
const UNMEASURED: Duration = Duration::from_micros(500);
/// The clock's own error is asked for again after so long.
const CLOCK_HOLDS: Duration = Duration::from_secs(1);

/// How precise the times in packets are.
pub(super) struct Precision {
    /// Of this span and of the one before.
    longest: [Duration; 2],
    batches: u32,
    span_began: Mono,
    clock: ErrorEstimate,
    clock_read: Mono,
    estimate: ErrorEstimate,
}

impl Precision {
    pub(super) fn new() -> Precision {
        let mut precision = Precision {
            longest: [UNMEASURED; 2],
            batches: 0,
            span_began: Mono(0),
            clock: clock_error(),
            clock_read: Mono(0),
            estimate: ErrorEstimate::default(),
        };
        precision.renew();
        precision
    }

    /// What packets are to say that are made now.
    pub(super) fn estimate(&mut self, now: Mono) -> ErrorEstimate {
        if now.since(self.clock_read) >= CLOCK_HOLDS {
            self.clock_read = now;
            self.clock = clock_error();
            self.renew();
        }
        self.estimate
    }

    /// A batch whose packets tell `began` has left by `ended`.
    pub(super) fn took(&mut self, began: Mono, ended: Mono) {
        let longest = ended.since(began);
        self.batches += 1;
        if self.batches > BATCHES || began.since(self.span_began) > SPAN {
            self.longest = [longest, self.longest[0]];
            (self.batches, self.span_began) = (1, began);
        } else if longest > self.longest[0] {
            self.longest[0] = longest;
        } else {
            return;
        }
        self.renew();
    }

    /// How much later than it says a packet may leave.
    pub(super) fn margin(&self) -> Duration {
        2 * self.longest[0].max(self.longest[1])
    }

    fn renew(&mut self) {
        let margin = u64::try_from(self.margin().as_nanos()).unwrap_or(u64::MAX);
        self.estimate = self.clock.widened(margin);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use twamp_core::probe::Sealer;
    use twamp_core::time::Ntp64;

    use super::*;
    use crate::net::send::DEEP;
    use crate::net::{Event, Net, Options, Outgoing, Path, PathSpec, Progress, Seal, clock, find};

    const US: u64 = 1_000;

    #[test]
    fn a_longer_batch_widens_the_estimate_at_once_and_is_forgotten_two_spans_later() {
        let mut precision = Precision::new();
        let mut batches = |count: u32, micros: u64| {
            for _ in 0..count {
                precision.took(Mono(1), Mono(1 + micros * US));
            }
            (precision.margin(), precision.estimate(Mono(1)))
        };
        let (_, before) = batches(2 * BATCHES, 3);
        let (margin, narrow) = batches(1, 3);
        assert_eq!(margin, Duration::from_micros(6));
        assert!(narrow.error_ns() <= before.error_ns());
        let (margin, wide) = batches(1, 70_000_000);
        assert_eq!(margin, Duration::from_secs(140));
        assert!(wide.error_ns() >= narrow.error_ns() + 100_000_000 * US);
        assert_eq!(batches(BATCHES, 3).0, margin);
        assert_eq!(batches(BATCHES, 3).0, Duration::from_micros(6));
    }

    #[test]
    fn a_pause_is_forgotten_after_two_minutes_where_packets_are_few() {
        let mut precision = Precision::new();
        let mut batch = |second: u64, micros: u64| {
            let began = Mono(second * 1_000_000 * US);
            precision.took(began, Mono(began.0 + micros * US));
            precision.margin()
        };
        assert_eq!(batch(100, 9_000), Duration::from_millis(18));
        assert_eq!(batch(150, 3), Duration::from_millis(18));
        assert_eq!(batch(161, 3), Duration::from_millis(18));
        assert_eq!(batch(222, 3), Duration::from_micros(6));
    }

    /// Replies over loopback, and when they left by the kernel.
    struct Bench {
        net: Net<Ntp64>,
        near: Path,
        far: std::net::SocketAddr,
    }

    impl Bench {
        fn new() -> Self {
            let (mut net, _) = Net::new().unwrap();
            let spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
            let (near, _) = net.open(&spec).unwrap();
            let (_, far) = net.open(&spec).unwrap();
            Self { net, near, far }
        }

        /// Queues as many replies, and has them leave. They carry what the batches say of
        /// themselves; a clock without error of its own stands behind them.
        fn reply(&mut self, count: usize) -> ErrorEstimate {
            let margin = self.net.bench.precision.margin();
            let error = ErrorEstimate::new(true, margin.as_nanos() as u64);
            let mut payload = vec![0; 41];
            let t2 = Ntp64::from_wall(clock().wall);
            payload[16..24].copy_from_slice(&t2.0.to_be_bytes());
            for _ in 0..count {
                self.net.queue(Outgoing {
                    path: self.near,
                    to: self.far,
                    payload: payload.clone(),
                    seal: Some(Seal::Twamp(Sealer::default())),
                    token: Some(t2),
                    options: Options::default(),
                    progress: Progress::default(),
                });
            }
            if count > 8 {
                // As if the queue of probes were deep: they leave together.
                find(&mut self.net.slots, self.near).unwrap().full_batches = DEEP;
            }
            self.net.flush();
            error
        }

        /// Nanoseconds from T3 to the kernel's stamp, of each that the kernel has stamped.
        fn late(&mut self, count: usize) -> Vec<i64> {
            let (mut left, mut told, mut sent) = (Vec::new(), Vec::new(), 0);
            while sent < count || told.len() < count {
                self.net.wait(None).unwrap();
                while let Some(event) = self.net.poll() {
                    match event {
                        Event::Sent(token) => {
                            sent += 1;
                            left.push(token.result.unwrap().kernel);
                        }
                        Event::Datagram(reply) => {
                            let t3 = *reply.payload[4..].first_chunk().unwrap();
                            told.push(Ntp64(u64::from_be_bytes(t3)));
                        }
                        Event::Notice(notice) => panic!("{notice:?}"),
                    }
                }
            }
            let both = left.into_iter().zip(told);
            both.filter_map(|(left, t3)| Some(left?.since(t3.to_wall(left?))))
                .collect()
        }
    }

    /// How often this thread was taken off its processor.
    fn preempted() -> i64 {
        // SAFETY: all zeros are a valid `rusage`; the call fills it in.
        unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
            usage.ru_nivcsw
        }
    }

    #[test]
    fn the_error_of_t3_stays_inside_the_published_estimate_at_every_batch_size() {
        for size in [1_usize, 8, 32, 256] {
            let mut bench = Bench::new();
            let (mut inside, mut outside, mut longest) = (0, 0, Duration::ZERO);
            // So many that nothing is left of what is taken for the longest at first.
            let batches = size.div_ceil(crate::net::batch::BATCH);
            for _ in 0..5 * BATCHES / 2 / batches as u32 {
                let (before, began) = (preempted(), Instant::now());
                let error = bench.reply(size);
                longest = longest.max(began.elapsed());
                let disturbed = preempted() > before;
                for late in bench.late(size) {
                    // Beyond the nanosecond that the stamp's format is good for.
                    let fits = late.unsigned_abs() <= error.error_ns() + 1;
                    // Somebody else had the processor: none of the batch's own time.
                    match fits {
                        true => inside += 1,
                        false => outside += usize::from(!disturbed),
                    }
                }
            }
            assert!(inside >= 1_000, "{size}: only {inside} were stamped");
            assert!(
                outside * 1_000 <= inside,
                "{size}: {outside} outside, {inside} inside"
            );
            let margin = bench.net.bench.precision.margin();
            assert!(margin <= 2 * longest, "{size}: {margin:?} of {longest:?}");
        }
    }
}
