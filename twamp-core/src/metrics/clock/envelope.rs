//! The least delays of some minutes, and the line of offset over time that fits them.

/// Blocks that are kept.
const BLOCKS: usize = 20;
/// A block lasts so long at first, and so long at most, seconds: the skew of real clocks wanders.
const FIRST_S: f64 = 0.4;
const LONGEST_S: f64 = 32.0;
/// Fewer blocks than this make no line.
const ENOUGH: usize = 5;
/// How much a real clock's skew wanders while nobody looks, nanoseconds a second.
const WANDER: f64 = 200.0;
/// Nobody stamps better than this, nanoseconds.
const FINEST_NS: f64 = 500.0;

/// The least forward and backward delay of some samples, nanoseconds, and when they were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Least {
    pub(super) forward_s: f64,
    pub(super) forward: f64,
    pub(super) backward_s: f64,
    pub(super) backward: f64,
}

impl Least {
    /// The least of both, where the offset grows by `skew` nanoseconds a second.
    pub(super) fn lower(&self, other: &Least, skew: f64) -> Least {
        let [mine, theirs] = [self, other].map(|least| least.floors(skew));
        let mut lower = *self;
        if theirs.0 < mine.0 {
            (lower.forward_s, lower.forward) = (other.forward_s, other.forward);
        }
        if theirs.1 < mine.1 {
            (lower.backward_s, lower.backward) = (other.backward_s, other.backward);
        }
        lower
    }

    /// Both delays without what the skew has done to them.
    fn floors(&self, skew: f64) -> (f64, f64) {
        (
            self.forward - skew * self.forward_s,
            self.backward + skew * self.backward_s,
        )
    }

    /// The offset, if queues there and back were equally short.
    pub(super) fn middle(&self) -> f64 {
        (self.forward - self.backward) / 2.0
    }

    /// When that was, seconds.
    pub(super) fn middle_s(&self) -> f64 {
        (self.forward_s + self.backward_s) / 2.0
    }

    /// How long the two lie apart, seconds.
    pub(super) fn apart_s(&self) -> f64 {
        (self.forward_s - self.backward_s).abs()
    }

    fn round_trip(&self, skew: f64) -> f64 {
        let (forward, backward) = self.floors(skew);
        forward + backward
    }
}

/// A [`Least`] in less: what lies close together is kept as a difference.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    forward_s: f64,
    forward: f64,
    /// How much later the backward one was. Half a minute is right to two microseconds.
    later_s: f32,
    /// Forward and backward. A tenth of a second is right to eight nanoseconds.
    both: f32,
}

impl From<Least> for Block {
    fn from(least: Least) -> Self {
        Self {
            forward_s: least.forward_s,
            forward: least.forward,
            later_s: (least.backward_s - least.forward_s) as f32,
            both: (least.forward + least.backward) as f32,
        }
    }
}

impl Block {
    fn least(self) -> Least {
        Least {
            forward_s: self.forward_s,
            forward: self.forward,
            backward_s: self.forward_s + f64::from(self.later_s),
            backward: f64::from(self.both) - self.forward,
        }
    }
}

/// Blocks of minima. When there is no room, each two become one; when they are long, the oldest
/// goes.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    blocks: [Block; BLOCKS],
    filled: usize,
    /// When the newest block began, and how long blocks are.
    began_s: f64,
    lasts_s: f64,
    line: Option<Line>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            blocks: [Block::default(); BLOCKS],
            filled: 0,
            began_s: 0.0,
            lasts_s: FIRST_S,
            line: None,
        }
    }
}

/// Offset over time, and how sure it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    middle_s: f64,
    offset: f64,
    /// Nanoseconds a second.
    skew: f64,
    /// Standard errors, of the offset in the middle and of the skew.
    errors: (f64, f64),
    /// From the middle to the farther end.
    reach_s: f64,
    /// How far blocks lie from the line, as a rule.
    scatter: f64,
    /// How many standard errors are 95 %: more of fewer blocks.
    factor: f64,
    /// Where both ways have their floors, without the offset.
    pub(super) floors: (f64, f64),
}

impl Line {
    pub(super) fn at(&self, seconds: f64) -> f64 {
        self.offset + self.skew * (seconds - self.middle_s)
    }

    pub(super) fn skew(&self) -> f64 {
        self.skew
    }

    pub(super) fn skew_uncertainty(&self) -> f64 {
        self.factor * self.errors.1
    }

    /// Of the offset; beyond the ends of the line it grows faster.
    pub(super) fn uncertainty(&self, seconds: f64) -> f64 {
        let (offset, skew) = self.errors;
        let away = (seconds - self.middle_s).abs();
        let beyond = (away - self.reach_s).max(0.0);
        self.factor * offset.hypot(skew * away) + WANDER * beyond + FINEST_NS
    }

    /// Of the difference between two offsets of the time of the line.
    pub(super) fn variation_uncertainty(&self) -> f64 {
        2.0 * self.skew_uncertainty() * self.reach_s
            + 2.0 * self.scatter.min(self.uncertainty(self.middle_s))
            + FINEST_NS
    }
}

impl Envelope {
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub(super) fn line(&self) -> Option<Line> {
        self.line
    }

    /// As well as it is known, nanoseconds a second.
    pub(super) fn skew(&self) -> f64 {
        self.line.map_or(0.0, |line| line.skew)
    }

    /// The least of all.
    pub(super) fn least(&self) -> Option<Least> {
        let blocks = self.blocks[..self.filled].iter();
        blocks
            .map(|block| block.least())
            .reduce(|least, block| least.lower(&block, self.skew()))
    }

    /// Enters the least of a burst, and draws the line anew.
    pub(super) fn enter(&mut self, least: &Least) {
        let now = least.middle_s();
        let skew = self.skew();
        match self.blocks[..self.filled].last_mut() {
            Some(newest) if now < self.began_s + self.lasts_s => {
                *newest = newest.least().lower(least, skew).into();
            }
            _ => {
                if self.filled == BLOCKS {
                    self.make_room(skew);
                }
                self.blocks[self.filled] = (*least).into();
                self.filled += 1;
                self.began_s = now;
            }
        }
        // The weights depend on the skew a little.
        let rough = self.fit(skew);
        self.line = rough.and_then(|line| self.fit(line.skew));
    }

    fn make_room(&mut self, skew: f64) {
        if self.lasts_s >= LONGEST_S {
            self.blocks.rotate_left(1);
            self.filled -= 1;
            return;
        }
        for pair in 0..BLOCKS / 2 {
            let [one, other] = [2 * pair, 2 * pair + 1].map(|at| self.blocks[at].least());
            self.blocks[pair] = one.lower(&other, skew).into();
        }
        self.filled = BLOCKS / 2;
        self.lasts_s *= 2.0;
    }

    /// Least squares over the blocks. What a block's round trip is above the smallest is how far
    /// its offset may be wrong.
    fn fit(&self, skew: f64) -> Option<Line> {
        if self.filled < ENOUGH {
            return None;
        }
        let blocks = self.blocks.map(Block::least);
        let blocks = &blocks[..self.filled];
        let mut excess = [f64::INFINITY; BLOCKS];
        let floor = blocks.iter().map(|block| block.round_trip(skew));
        let floor = floor.fold(f64::INFINITY, f64::min);
        for (excess, block) in excess.iter_mut().zip(blocks) {
            *excess = block.round_trip(skew) - floor;
        }
        let mut sorted = excess;
        sorted[..blocks.len()].sort_unstable_by(f64::total_cmp);
        let usual = sorted[blocks.len() / 3].max(FINEST_NS);
        let weights = excess.map(|excess| 1.0 / (usual * usual + excess * excess));
        let weighted = || blocks.iter().zip(weights);
        let sum = |of: &dyn Fn(&Least) -> f64| {
            weighted()
                .map(|(block, weight)| weight * of(block))
                .sum::<f64>()
        };
        let total = sum(&|_| 1.0);
        let middle_s = sum(&Least::middle_s) / total;
        let offset = sum(&Least::middle) / total;
        let width = sum(&|block| (block.middle_s() - middle_s).powi(2));
        let slope = sum(&|block| (block.middle_s() - middle_s) * (block.middle() - offset)) / width;
        if !slope.is_finite() {
            return None;
        }
        let left = |block: &Least| block.middle() - offset - slope * (block.middle_s() - middle_s);
        let squares = sum(&|block| left(block).powi(2));
        let freedom = (blocks.len() - 2) as f64;
        // Blocks that lie on a line by chance don't make it as sure as that.
        let scale = (squares / freedom).max(1.0 / 12.0);
        let reach = |block: &Least| (block.middle_s() - middle_s).abs();
        let floors = blocks.iter().map(|block| block.floors(slope));
        let least = floors.fold((f64::INFINITY, f64::INFINITY), |least, floors| {
            (least.0.min(floors.0), least.1.min(floors.1))
        });
        let at_zero = offset - slope * middle_s;
        Some(Line {
            middle_s,
            offset,
            skew: slope,
            errors: ((scale / total).sqrt(), (scale / width).sqrt()),
            reach_s: blocks.iter().map(reach).fold(0.0, f64::max),
            scatter: (squares / total).sqrt(),
            factor: 2.0 + 7.0 / freedom,
            floors: (least.0 - at_zero, least.1 + at_zero),
        })
    }
}
