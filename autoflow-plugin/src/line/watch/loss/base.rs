//! How a line behaves while it keeps its limit: how much it loses, and how losses come together.

use twamp_core::metrics::sequential::Losses;

/// What is believed of a line before it was seen: one loss in so many probes, less for tight limits.
const PRIOR_PROBES: f32 = 500.0;
/// How often a loss is followed by another one of its burst: as from so many losses.
const PRIOR_LOSSES: f32 = 4.0;
/// Losses within so many resting intervals are of one burst, which may lose but a part.
pub(super) const BURST: f32 = 10.0;
/// A line is known for bursts if of the probes after a loss so many more are lost, and this many
/// times what is lost anyway. Before it was seen, that is one of so many.
const BURSTY: f32 = 0.03;
const BURSTY_TIMES: f32 = 2.0;
const PRIOR_NEAR: f32 = 50.0;
/// Of the losses of a burst, no more are taken to be followed by another one.
const MOST_AGAIN: f32 = 0.995;
/// A base above this part of the limit is taken for it: what is learned can't move the limit.
const MOST_OF_LIMIT: f32 = 0.8;

/// What was seen of probes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    pub(super) probes: f32,
    pub(super) lost: f32,
    /// As they count by time.
    pub(super) in_time: f32,
    /// Of each that counts, the how-manieth of its burst it was, added up: a run in a mixture of
    /// runs and single losses is told by what a loss is likely to be in.
    pub(super) depth: f32,
    /// Of each, what was before it in its burst, but for one, times what was before that.
    pub(super) deep: f32,
    /// Resting intervals.
    pub(super) time: f32,
    /// Bursts, and losses that came alone.
    pub(super) bursts: f32,
    /// Resting intervals soon after a loss, and those of them whose probes were lost.
    pub(super) near: (f32, f32),
}

impl Base {
    /// Known for bursts: more is lost soon after a loss than is lost anyway.
    pub(super) fn is_bursty(&self, limit: f32, prior_again: f32) -> bool {
        let (near, lost) = self.near;
        let prior = 2.0 * PRIOR_NEAR * prior_again * prior_again + 0.5;
        let soon = (lost + prior) / (near + PRIOR_NEAR);
        soon > BURSTY + BURSTY_TIMES * self.share(limit, false)
    }

    /// The share that is lost while the limit is kept: what was seen, drawn to what is usual, and a
    /// standard error more. Of a line that is known for bursts it is that of the time.
    pub(super) fn share(&self, limit: f32, bursty: bool) -> f32 {
        let prior = PRIOR_PROBES.max(4.0 / limit);
        let (lost, probes) = match bursty {
            true => (self.in_time + 1.0, self.time + prior),
            false => (self.lost + 1.0, self.probes + prior),
        };
        ((lost + lost.sqrt()) / probes).min(MOST_OF_LIMIT * limit)
    }

    /// What a burst loses on average, single losses among them.
    pub(super) fn burst(&self) -> f32 {
        let burst = (self.in_time + PRIOR_LOSSES) / (self.bursts + PRIOR_LOSSES);
        burst.max(1.0)
    }

    /// How losses come. Of those of a burst that goes on with the chance q, so many have another one
    /// before them and so many pairs of others, on average:
    ///
    /// ```text
    ///   more = q / (1 − q),   pairs = 2 · more²
    /// ```
    ///
    /// Single losses have neither. So pairs / 2 more tells q, however many there are of them.
    /// `prior_again` is what q is believed to be before a loss was seen.
    pub(super) fn losses(&self, limit: f32, prior_again: f32, bursty: bool) -> Losses {
        let base = self.share(limit, bursty);
        let counted = self.in_time + PRIOR_LOSSES;
        let prior = prior_again / (1.0 - prior_again);
        let more = (self.depth - self.in_time + PRIOR_LOSSES * prior) / counted;
        let pairs = (self.deep + PRIOR_LOSSES * 2.0 * prior * prior) / counted;
        let (more, of_burst) = match bursty {
            true => (more, more.max(pairs / (2.0 * more))),
            // What is near another one is so by chance, for a part.
            false => {
                let more = (more - BURST * base).max(0.0);
                (more, more)
            }
        };
        let again = (of_burst / (1.0 + of_burst)).min(MOST_AGAIN);
        let in_bursts = match of_burst > 0.0 {
            true => (more / of_burst).min(1.0),
            false => 1.0,
        };
        let (bursts, alone) = (in_bursts * (1.0 - again), 1.0 - in_bursts);
        Losses {
            base: base.into(),
            limit: limit.into(),
            again: again.into(),
            alone: (alone / (bursts + alone)).into(),
        }
    }

    /// So much more time, so long after the last loss, and what of it is lost.
    pub(super) fn near(&mut self, since_loss: f32, time: f32, lost: f32) {
        if since_loss <= BURST {
            self.near.0 += time;
            self.near.1 += lost;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.probes += other.probes;
        self.lost += other.lost;
        self.in_time += other.in_time;
        self.depth += other.depth;
        self.deep += other.deep;
        self.time += other.time;
        self.bursts += other.bursts;
        self.near.0 += other.near.0;
        self.near.1 += other.near.1;
    }

    pub(super) fn fade(&mut self) {
        for part in [
            &mut self.probes,
            &mut self.lost,
            &mut self.in_time,
            &mut self.depth,
            &mut self.deep,
            &mut self.time,
            &mut self.bursts,
            &mut self.near.0,
            &mut self.near.1,
        ] {
            *part *= 0.5;
        }
    }
}
