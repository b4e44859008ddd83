//! A bucket: counts and sums of hellos or of data packets over one poll interval.

use super::super::means::Means;
use crate::sim::policy::Carried;

const NS_PER_MS: f64 = 1e6;

/// What came into it.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    packets: u64,
    /// Lost on the way there and on the way back; hellos only know a sum, and count it as there.
    lost: [u64; 2],
    round_trips: Weighed,
    jitters: Weighed,
    last_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Weighed {
    sum_ms: f64,
    weight: f64,
}

impl Bucket {
    pub(super) fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// A hello was answered after these nanoseconds.
    pub(super) fn answered(&mut self, round_trip: i64) {
        let ms = round_trip as f64 / NS_PER_MS;
        self.packets += 1;
        self.round_trips.add(ms, 1.0);
        if let Some(last) = self.last_ms.replace(ms) {
            self.jitters.add((ms - last).abs(), 1.0);
        }
    }

    /// A hello was lost.
    pub(super) fn lost(&mut self) {
        self.packets += 1;
        self.lost[0] += 1;
    }

    /// Data packets were carried.
    pub(super) fn carried(&mut self, carried: &Carried) {
        let Carried { delay, jitter, .. } = carried;
        let weight = f64::from(carried.packets);
        self.packets += u64::from(carried.packets);
        self.lost[0] += u64::from(carried.lost_forward);
        self.lost[1] += u64::from(carried.lost_backward);
        self.round_trips
            .add((delay[0] + delay[1]) / NS_PER_MS, weight);
        self.jitters
            .add(jitter[0].hypot(jitter[1]) / NS_PER_MS, weight);
    }

    /// All of them together.
    pub(super) fn sum<'a>(buckets: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for bucket in buckets {
            sum.packets += bucket.packets;
            sum.lost[0] += bucket.lost[0];
            sum.lost[1] += bucket.lost[1];
            sum.round_trips.add_all(bucket.round_trips);
            sum.jitters.add_all(bucket.jitters);
        }
        sum
    }

    pub(super) fn means(&self) -> Means {
        let [there, back] = self.lost.map(|lost| lost as f64 / self.packets as f64);
        let loss = 1.0 - (1.0 - there) * (1.0 - back);
        Means {
            loss_percent: (self.packets > 0).then_some(100.0 * loss),
            round_trip_ms: self.round_trips.mean(),
            jitter_ms: self.jitters.mean(),
        }
    }
}

impl Weighed {
    fn add(&mut self, ms: f64, weight: f64) {
        self.sum_ms += ms * weight;
        self.weight += weight;
    }

    fn add_all(&mut self, other: Self) {
        self.sum_ms += other.sum_ms;
        self.weight += other.weight;
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum_ms / self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hellos_and_packets_have_the_same_means() {
        let mut hellos = Bucket::default();
        for _ in 0..7 {
            hellos.answered(40_000_000);
        }
        hellos.lost();
        let mut packets = Bucket::default();
        packets.carried(&Carried {
            line: 0,
            class: 0,
            packets: 8,
            lost_forward: 1,
            lost_backward: 0,
            delay: [15e6, 25e6],
            jitter: [0.0; 2],
        });
        assert_eq!(hellos.means(), packets.means());
        let sum = Bucket::sum([&hellos, &packets]);
        assert_eq!(sum.means(), hellos.means());
        assert_eq!(sum.means().loss_percent, Some(12.5));
        assert_eq!(Bucket::default().means(), Means::default());
    }
}
