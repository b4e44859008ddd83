//! The traffic of the classes: it fills the queues of the lines that it is on, and tells those who
//! measure by it how its packets fared.

use super::policy::Carried;
use super::run::{Stage, TICK};
use super::truth::Quality;
use super::world::World;
use crate::link::{Direction, uniform};

const TICKS_PER_S: f64 = 1e9 / TICK as f64;
const OCTETS_PER_MBIT: f64 = 1e6 / 8.0;

/// Traffic of a run.
pub(super) struct Traffic {
    /// Octets a tick, by class.
    octets: Vec<f64>,
    /// Packets a tick, by class.
    packets: Vec<f64>,
    /// Of its packets, by class.
    dscps: Vec<u8>,
    seed: u64,
    /// Does somebody measure by it?
    is_watched: bool,
    /// Per line and direction, of the last tick: the share that found no room.
    overflow: Vec<[f64; 2]>,
    /// Per line: octets of this tick.
    load: Vec<f64>,
    carried: Vec<Carried>,
}

impl Traffic {
    pub(super) fn new(stage: &Stage<'_>, seed: u64, is_watched: bool) -> Self {
        let classes = &stage.scenario.classes;
        let lines = stage.lines.len();
        Self {
            octets: classes
                .iter()
                .map(|of| of.load_mbps * OCTETS_PER_MBIT / TICKS_PER_S)
                .collect(),
            packets: classes
                .iter()
                .map(|of| of.packets_per_s / TICKS_PER_S)
                .collect(),
            dscps: stage.dscps.clone(),
            seed,
            is_watched,
            overflow: vec![[0.0; 2]; lines],
            load: vec![0.0; lines],
            carried: Vec::new(),
        }
    }

    /// The traffic of one tick goes where the classes are. Answers how its packets fared, if
    /// somebody looks at it.
    pub(super) fn carry(
        &mut self,
        now: u64,
        world: &mut World,
        choices: &[Option<usize>],
    ) -> &[Carried] {
        let classes = self.octets.len();
        self.load.fill(0.0);
        for (place, line) in choices.iter().enumerate() {
            if let Some(line) = line {
                self.load[*line] += self.octets[place % classes];
            }
        }
        for (line, octets) in self.load.iter().enumerate() {
            let directions = [Direction::Forward, Direction::Backward];
            self.overflow[line] = match world.is_limited(line) {
                true => directions.map(|way| world.load(line, way, *octets)),
                false => [0.0; 2],
            };
        }
        self.carried.clear();
        if !self.is_watched {
            return &self.carried;
        }
        for (place, line) in choices.iter().enumerate() {
            if let Some(line) = *line {
                let fared = self.fare(now, world, line, place % classes, place);
                self.carried.push(fared);
            }
        }
        &self.carried
    }

    /// Per line and direction, of the last tick: the share of traffic that found no room.
    pub(super) fn overflow(&self) -> &[[f64; 2]] {
        &self.overflow
    }

    fn fare(
        &self,
        now: u64,
        world: &mut World,
        line: usize,
        class: usize,
        place: usize,
    ) -> Carried {
        let Quality {
            delay_ms,
            jitter_ms,
            ..
        } = world
            .quality(line, self.overflow[line])
            .marked(self.dscps[class]);
        let loss = world.loss_now(line, self.overflow[line], self.dscps[class]);
        // Fractions of packets add up over ticks.
        let due = |ticks: u64| (ticks as f64 * self.packets[class]) as u64;
        let ticks = now / TICK;
        let packets = (due(ticks + 1) - due(ticks)) as u32;
        let lost = |way: usize| {
            let draw = uniform(&[self.seed, line as u64, place as u64, ticks, way as u64]);
            binomial(packets, loss[way], draw)
        };
        Carried {
            line,
            class,
            packets,
            lost_forward: lost(0),
            lost_backward: lost(1),
            delay: delay_ms.map(|ms| ms * 1e6),
            jitter: jitter_ms.map(|ms| ms * 1e6),
        }
    }
}

/// How many of `n` happen that each happen with probability `p`, by one number of `[0, 1)`.
fn binomial(n: u32, p: f64, draw: f64) -> u32 {
    if p >= 1.0 {
        return n;
    }
    let mut probability = (1.0 - p).powi(n as i32);
    let mut below = probability;
    let mut count = 0;
    while draw >= below && count < n {
        probability *= f64::from(n - count) / f64::from(count + 1) * p / (1.0 - p);
        below += probability;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_happen_as_are_likely() {
        let mean = |n, p| {
            let draws = (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0);
            draws
                .map(|draw| f64::from(binomial(n, p, draw)))
                .sum::<f64>()
                / 10_000.0
        };
        for (n, p) in [
            (10, 0.0),
            (10, 0.02),
            (10, 0.5),
            (100, 0.05),
            (7, 1.0),
            (0, 0.5),
        ] {
            let expected = f64::from(n) * p;
            assert!((mean(n, p) - expected).abs() < 0.01, "{n} × {p}");
        }
    }
}
