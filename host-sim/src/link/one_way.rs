//! One direction of a line: what becomes of each packet offered to it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::counts::{Counts, Reason};
use super::delay::Delays;
use super::draw::{Draws, Purpose};
use super::impairment::{Impairment, ImpairmentError};
use super::loss::Spells;
use super::queue::Queue;
use super::wake::Radio;

/// Names a stream of packets within a direction: a session, a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId(pub u64);

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Dropped(Reason),
    /// It arrives, perhaps twice.
    Delivered {
        /// When, in the nanoseconds of `now`; never before it was offered.
        at: u64,
        /// When its second copy arrives, if it has one.
        copy_at: Option<u64>,
        /// It was held back: packets of its stream offered later don't wait for it.
        reordered: bool,
    },
}

/// One direction of a line.
///
/// On its way a packet meets, in this order: black-out, a limit of its length, sleeping radio, queue, loss, delay,
/// duplication. So a lost packet has used the rate, and a packet dropped at the queue is not
/// lost again.
#[derive(Debug, Clone)]
pub struct OneWay {
    draws: Draws,
    impairment: Impairment,
    spells: Option<Spells>,
    delays: Delays,
    queue: Option<Queue>,
    radio: Option<Radio>,
    streams: HashMap<StreamId, Stream>,
}

#[derive(Debug, Clone)]
struct Stream {
    draws: Draws,
    /// When the last packet that wasn't held back arrives.
    last_at: u64,
    /// `counts.offered` is also the number of the next packet.
    counts: Counts,
}

impl OneWay {
    pub(super) fn new(draws: Draws, impairment: &Impairment) -> Result<Self, ImpairmentError> {
        let mut one_way = Self {
            draws,
            impairment: Impairment::default(),
            spells: None,
            delays: Delays::new(0.0, super::Jitter::None),
            queue: None,
            radio: None,
            streams: HashMap::new(),
        };
        one_way.set(0, impairment)?;
        Ok(one_way)
    }

    /// Replaces the impairment for packets offered from now on. Packets keep their numbers, bytes
    /// that wait for the rate keep waiting, packets already let through keep their times.
    ///
    /// # Errors
    /// A number out of range; the impairment stays as it was.
    pub fn set(&mut self, now: u64, impairment: &Impairment) -> Result<(), ImpairmentError> {
        impairment.validate()?;
        if impairment.burst != self.impairment.burst {
            // Always the same family: spells depend on the line and the time, not on when they
            // were switched on.
            let family = self.draws.named("spells");
            self.spells = impairment.burst.map(|burst| Spells::new(family, &burst));
        }
        if impairment.wake != self.impairment.wake {
            self.radio = impairment.wake.map(|wake| Radio::new(&wake));
        }
        let queue_before = std::mem::replace(&mut self.queue, Queue::new(impairment));
        if let (Some(queue), Some(before)) = (&mut self.queue, queue_before) {
            queue.inherit(&before, now);
        }
        self.delays = Delays::new(impairment.delay_ms, impairment.jitter);
        self.impairment = *impairment;
        Ok(())
    }

    /// The impairment in force.
    #[must_use]
    pub fn impairment(&self) -> &Impairment {
        &self.impairment
    }

    /// As [`offer_marked`](Self::offer_marked), of a packet of best effort.
    pub fn offer(&mut self, now: u64, stream: StreamId, size: usize) -> Fate {
        self.offer_marked(now, stream, size, 0)
    }

    /// Decides about the next packet of a stream: `size` bytes with all headers, offered at `now`
    /// nanoseconds of whatever clock the caller keeps, with a DSCP. `now` must not run backwards.
    pub fn offer_marked(&mut self, now: u64, stream: StreamId, size: usize, dscp: u8) -> Fate {
        let family = self.draws;
        let stream = self.streams.entry(stream).or_insert_with(|| Stream {
            draws: family.part(stream.0),
            last_at: 0,
            counts: Counts::default(),
        });
        let n = stream.counts.offered;
        stream.counts.offered += 1;
        let chance = |percent: f64, purpose| {
            percent > 0.0 && stream.draws.packet(n, purpose) * 100.0 < percent
        };

        let impairment = &self.impairment;
        let crowd = impairment.crowd.filter(|crowd| dscp < crowd.below_dscp);
        let sent_at = if impairment.blackout {
            Err(Reason::Blackout)
        } else if impairment.mtu.is_some_and(|mtu| size > mtu as usize) {
            Err(Reason::TooLong)
        } else if crowd.is_some_and(|crowd| chance(crowd.loss_percent, Purpose::Crowd)) {
            Err(Reason::Queue)
        } else {
            let ready_at = self.radio.as_mut().map_or(now, |radio| radio.ready_at(now));
            match &mut self.queue {
                None => Ok(ready_at),
                Some(queue) => queue.admit(ready_at, size).ok_or(Reason::Queue),
            }
        };
        let in_burst = |spells: &mut Option<Spells>| match (spells, impairment.burst) {
            (Some(spells), Some(burst)) => {
                chance(burst.loss_percent, Purpose::BurstLoss) && spells.bad_at(now)
            }
            _ => false,
        };
        let arrived = sent_at.and_then(|sent_at| {
            if chance(impairment.loss_percent, Purpose::Loss) {
                Err(Reason::Random)
            } else if in_burst(&mut self.spells) {
                Err(Reason::Burst)
            } else {
                let waited = crowd.map_or(0.0, |crowd| crowd.wait_ms * 1e6);
                Ok(sent_at + waited as u64 + self.delays.draw(stream.draws, n))
            }
        });
        let arrived = match arrived {
            Ok(arrived) => arrived,
            Err(reason) => {
                stream.counts.dropped.add(reason);
                return Fate::Dropped(reason);
            }
        };

        // A stream keeps its order: jitter alone never lets a packet overtake.
        let in_order = arrived.max(stream.last_at);
        let held_back = impairment
            .reorder
            .filter(|reorder| chance(reorder.percent, Purpose::Reorder));
        let at = match held_back {
            Some(reorder) => in_order + (reorder.delay_ms * 1e6) as u64,
            None => in_order,
        };
        let duplicated = chance(impairment.duplicate_percent, Purpose::Duplicate);

        let counts = &mut stream.counts;
        counts.delivered += 1;
        counts.duplicated += u64::from(duplicated);
        counts.reordered += u64::from(held_back.is_some());
        counts.delay_sum_ns = counts.delay_sum_ns.saturating_add(at - now);
        if held_back.is_none() {
            stream.last_at = at;
        }
        Fate::Delivered {
            at,
            copy_at: duplicated.then_some(at),
            reordered: held_back.is_some(),
        }
    }

    /// So many bytes of traffic that nobody follows packet by packet come to the limited rate at
    /// `now`. Answers the share that finds no room; without a limit none.
    pub fn pour(&mut self, now: u64, bytes: f64) -> f64 {
        self.queue
            .as_mut()
            .map_or(0.0, |queue| queue.pour(now, bytes))
    }

    /// The share of packets with a DSCP that are lost at `now`: whether a bad spell of bursty loss is on counts,
    /// room in front of the rate doesn't.
    pub fn loss_now(&mut self, now: u64, dscp: u8) -> f64 {
        if self.impairment.blackout {
            return 1.0;
        }
        let random = self.impairment.loss_percent / 100.0;
        let bad = self
            .spells
            .as_mut()
            .is_some_and(|spells| spells.bad_at(now));
        let burst = self.impairment.burst.filter(|_| bad);
        let burst = burst.map_or(0.0, |burst| burst.loss_percent / 100.0);
        let crowd = self.impairment.crowd;
        let crowd = crowd.filter(|crowd| dscp < crowd.below_dscp);
        let crowd = crowd.map_or(0.0, |crowd| crowd.loss_percent / 100.0);
        1.0 - (1.0 - random) * (1.0 - burst) * (1.0 - crowd)
    }

    /// How long a packet offered at `now` would wait for the limited rate, in nanoseconds.
    #[must_use]
    pub fn waiting(&self, now: u64) -> u64 {
        self.queue.map_or(0, |queue| queue.waiting(now))
    }

    /// What was done to all streams together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.streams.values().fold(Counts::default(), |mut sum, s| {
            sum += s.counts;
            sum
        })
    }

    /// What was done to each stream, in no order.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, &Counts)> {
        self.streams
            .iter()
            .map(|(&id, stream)| (id, &stream.counts))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Burst, Jitter, Reorder};
    use super::*;

    const MS: u64 = 1_000_000;
    const PROBES: StreamId = StreamId(1);
    const FLOW: StreamId = StreamId(2);

    fn one_way(seed: u64, impairment: &Impairment) -> OneWay {
        OneWay::new(Draws::new(seed), impairment).unwrap()
    }

    /// Everything at once, except shared resources.
    fn rough() -> Impairment {
        Impairment {
            delay_ms: 20.0,
            jitter: Jitter::Lognormal {
                mean_ms: 5.0,
                sigma: 1.0,
            },
            loss_percent: 3.0,
            burst: Some(Burst {
                good_s: 2.0,
                bad_s: 0.1,
                loss_percent: 90.0,
            }),
            duplicate_percent: 2.0,
            reorder: Some(Reorder {
                percent: 2.0,
                delay_ms: 30.0,
            }),
            ..Impairment::default()
        }
    }

    fn fates(line: &mut OneWay, count: u64, every: u64) -> Vec<Fate> {
        (0..count)
            .map(|i| line.offer(i * every, PROBES, 100))
            .collect()
    }

    /// The counts `low..=high` outside of which a binomial number lies with a probability of at
    /// most `tail` on each side, by exact summation.
    fn binomial_bounds(n: u64, p: f64, tail: f64) -> (u64, u64) {
        let mut log_probability = n as f64 * (1.0 - p).ln();
        let (mut below, mut low, mut high) = (0.0, None, n);
        for k in 0..=n {
            below += log_probability.exp();
            if low.is_none() && below > tail {
                low = Some(k);
            }
            if 1.0 - below <= tail {
                high = k;
                break;
            }
            log_probability += ((n - k) as f64 / (k + 1) as f64 * p / (1.0 - p)).ln();
        }
        (low.unwrap_or(0), high)
    }

    #[test]
    fn the_bounds_of_a_coin_are_the_known_ones() {
        // P(X ≤ 1) = P(X ≥ 9) = 11/1024 = 0.01074 for ten throws.
        assert_eq!(binomial_bounds(10, 0.5, 0.0107), (1, 9));
        assert_eq!(binomial_bounds(10, 0.5, 0.0108), (2, 8));
    }

    #[test]
    fn random_loss_is_within_binomial_bounds() {
        for seed in 0..10 {
            for percent in [0.1, 2.0, 10.0, 50.0] {
                let mut line = one_way(
                    seed,
                    &Impairment {
                        loss_percent: percent,
                        ..Impairment::default()
                    },
                );
                fates(&mut line, 20_000, MS);
                let (low, high) = binomial_bounds(20_000, percent / 100.0, 1e-5);
                let lost = line.counts().dropped.random;
                assert!((low..=high).contains(&lost), "{lost} lost at {percent} %");
            }
        }
    }

    #[test]
    fn burst_loss_takes_the_share_of_time_that_is_bad() {
        let burst = Burst {
            good_s: 0.98,
            bad_s: 0.02,
            loss_percent: 100.0,
        };
        let mut shares = Vec::new();
        for every in [MS, 20 * MS] {
            let mut line = one_way(
                4,
                &Impairment {
                    burst: Some(burst),
                    ..Impairment::default()
                },
            );
            let probes = 4_000_000_000_000 / every;
            fates(&mut line, probes, every);
            shares.push(line.counts().dropped.burst as f64 / probes as f64);
        }
        // About 4000 spells: a relative error of √(2/4000).
        let error = (2.0_f64 / 4000.0).sqrt() * 4.0;
        for share in shares {
            assert!((share / 0.02 - 1.0).abs() < error, "{share}");
        }
    }

    #[test]
    fn duplicates_and_held_back_packets_come_at_their_rates() {
        let mut line = one_way(
            2,
            &Impairment {
                duplicate_percent: 1.0,
                reorder: Some(Reorder {
                    percent: 1.0,
                    delay_ms: 5.0,
                }),
                ..Impairment::default()
            },
        );
        let fates = fates(&mut line, 20_000, MS);
        let counts = line.counts();
        let (low, high) = binomial_bounds(20_000, 0.01, 1e-5);
        assert!((low..=high).contains(&counts.duplicated));
        assert!((low..=high).contains(&counts.reordered));
        for (i, fate) in (0..).zip(fates) {
            let Fate::Delivered {
                at,
                copy_at,
                reordered,
            } = fate
            else {
                panic!("nothing may be lost");
            };
            assert_eq!(at, i * MS + if reordered { 5 * MS } else { 0 });
            assert!(copy_at.is_none_or(|copy| copy == at));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fates_and_another_seed_others() {
        let run = |seed| fates(&mut one_way(seed, &rough()), 5_000, MS);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn other_streams_do_not_change_a_streams_fates() {
        let alone = fates(&mut one_way(1, &rough()), 5_000, MS);
        let mut line = one_way(1, &rough());
        let beside: Vec<Fate> = (0..5_000)
            .map(|i| {
                for _ in 0..i % 4 {
                    line.offer(i * MS, FLOW, 1400);
                }
                line.offer(i * MS, PROBES, 100)
            })
            .collect();
        assert_eq!(alone, beside);
    }

    #[test]
    fn a_packet_lost_at_some_rate_is_lost_at_every_higher_rate() {
        let lost_at = |loss_percent| {
            let impairment = Impairment {
                loss_percent,
                ..Impairment::default()
            };
            fates(&mut one_way(1, &impairment), 5_000, MS)
                .iter()
                .map(|fate| matches!(fate, Fate::Dropped(_)))
                .collect::<Vec<_>>()
        };
        let (few, many) = (lost_at(2.0), lost_at(8.0));
        assert!(few.iter().zip(&many).all(|(&few, &many)| many || !few));
    }

    #[test]
    fn a_blackout_drops_everything_and_no_packet_loses_its_number() {
        let mut line = one_way(1, &rough());
        let undisturbed = fates(&mut line.clone(), 300, MS);
        let mut disturbed = Vec::new();
        for i in 0..300 {
            match i {
                100 => line
                    .set(
                        i * MS,
                        &Impairment {
                            blackout: true,
                            ..rough()
                        },
                    )
                    .unwrap(),
                200 => line.set(i * MS, &rough()).unwrap(),
                _ => {}
            }
            disturbed.push(line.offer(i * MS, PROBES, 100));
        }
        assert_eq!(disturbed[..100], undisturbed[..100]);
        assert!(
            disturbed[100..200]
                .iter()
                .all(|fate| *fate == Fate::Dropped(Reason::Blackout))
        );
        assert_eq!(line.counts().dropped.blackout, 100);
        // Held up at most by packets from before, the rest is as it would have been.
        assert_eq!(disturbed[280..], undisturbed[280..]);
    }

    #[test]
    fn what_is_too_long_vanishes_and_the_rest_fares_as_before() {
        let short = |line: &mut OneWay| fates(line, 300, MS);
        let mut narrow = Impairment {
            mtu: Some(1_280),
            ..rough()
        };
        let mut line = one_way(1, &narrow);
        assert_eq!(short(&mut line), short(&mut one_way(1, &rough())));
        narrow.loss_percent = 0.0;
        narrow.burst = None;
        line.set(0, &narrow).unwrap();
        let fate = |line: &mut OneWay, size| line.offer(0, FLOW, size);
        assert!(matches!(fate(&mut line, 1_280), Fate::Delivered { .. }));
        assert_eq!(fate(&mut line, 1_281), Fate::Dropped(Reason::TooLong));
        assert_eq!(line.counts().dropped.too_long, 1);
    }

    #[test]
    fn jitter_never_reorders_a_stream() {
        let wild = Impairment {
            delay_ms: 20.0,
            jitter: Jitter::Lognormal {
                mean_ms: 30.0,
                sigma: 1.5,
            },
            ..Impairment::default()
        };
        let mut last = 0;
        for fate in fates(&mut one_way(1, &wild), 10_000, MS) {
            let Fate::Delivered { at, .. } = fate else {
                panic!("nothing may be lost");
            };
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn a_held_back_packet_is_overtaken() {
        let impairment = Impairment {
            reorder: Some(Reorder {
                percent: 5.0,
                delay_ms: 10.0,
            }),
            ..Impairment::default()
        };
        let mut arrivals: Vec<(u64, usize)> = fates(&mut one_way(1, &impairment), 1_000, MS)
            .iter()
            .enumerate()
            .filter_map(|(i, fate)| match fate {
                Fate::Delivered { at, .. } => Some((*at, i)),
                Fate::Dropped(_) => None,
            })
            .collect();
        arrivals.sort_unstable();
        assert!(!arrivals.is_sorted_by_key(|&(_, i)| i));
    }

    #[test]
    fn streams_share_the_rate() {
        let mut line = one_way(
            1,
            &Impairment {
                delay_ms: 5.0,
                rate_mbps: Some(8.0),
                queue_kb: Some(4.0),
                ..Impairment::default()
            },
        );
        for _ in 0..3 {
            line.offer(0, FLOW, 1000);
        }
        // Three milliseconds of others' bytes, a tenth of its own, five on the way.
        assert_eq!(
            line.offer(0, PROBES, 100),
            Fate::Delivered {
                at: 8_100_000,
                copy_at: None,
                reordered: false
            }
        );
        assert_eq!(line.offer(0, FLOW, 1000), Fate::Dropped(Reason::Queue));
        assert_eq!(line.counts().dropped.queue, 1);
    }

    #[test]
    fn counts_are_the_sum_of_the_fates() {
        let impairment = Impairment {
            rate_mbps: Some(1.0),
            queue_kb: Some(2.0),
            ..rough()
        };
        let mut line = one_way(3, &impairment);
        let mut expected = Counts::default();
        for i in 0..20_000 {
            let now = i * MS / 2;
            let stream = if i % 3 == 0 { PROBES } else { FLOW };
            expected.offered += 1;
            match line.offer(now, stream, 80) {
                Fate::Dropped(reason) => expected.dropped.add(reason),
                Fate::Delivered {
                    at,
                    copy_at,
                    reordered,
                } => {
                    expected.delivered += 1;
                    expected.duplicated += u64::from(copy_at.is_some());
                    expected.reordered += u64::from(reordered);
                    expected.delay_sum_ns += at - now;
                }
            }
        }
        let counts = line.counts();
        assert_eq!(counts, expected);
        assert_eq!(counts.offered, counts.delivered + counts.dropped.total());
        assert!(counts.dropped.random > 0 && counts.dropped.burst > 0 && counts.dropped.queue > 0);
        assert_eq!(line.streams().count(), 2);
    }

    #[test]
    fn a_refused_impairment_changes_nothing() {
        let mut line = one_way(1, &rough());
        assert!(line.set(0, &Impairment::delay(-1.0)).is_err());
        assert_eq!(*line.impairment(), rough());
    }
}
