//! How much more is probed at worst than usual.

/// Probes are counted over spans of this time, in nanoseconds: long enough for who sends them in
/// bursts.
const SPAN: u64 = 10_000_000_000;

/// Counts the probes of a run, over all its lines, span by span.
#[derive(Default)]
pub(super) struct Peak {
    spans: Vec<u64>,
    /// Until when this span goes, and how many probes there were before it.
    until: u64,
    before: u64,
}

impl Peak {
    /// So many `probes` were sent from the start to `now`.
    pub(super) fn look(&mut self, now: u64, probes: u64) {
        if now < self.until {
            return;
        }
        // What is sent at the start isn't usual.
        if self.until > 0 {
            self.spans.push(probes - self.before);
        }
        (self.before, self.until) = (probes, now + SPAN);
    }

    /// The most of a span by the median of all; `None` where usually nothing is sent.
    pub(super) fn ratio(mut self) -> Option<f64> {
        let most = *self.spans.iter().max()?;
        let middle = self.spans.len() / 2;
        let (_, median, _) = self.spans.select_nth_unstable(middle);
        (*median > 0).then(|| most as f64 / *median as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(probes_of_seconds: impl Iterator<Item = u64>) -> Option<f64> {
        let mut peak = Peak::default();
        let mut sent = 0;
        for (second, probes) in (0..).zip(probes_of_seconds) {
            peak.look(second * 1_000_000_000, sent);
            sent += probes;
        }
        peak.ratio()
    }

    #[test]
    fn one_span_of_twice_as_many_probes_is_a_peak_of_two() {
        let doubled = |second| if (50..60).contains(&second) { 20 } else { 10 };
        assert_eq!(ratio((0..201).map(doubled)), Some(2.0));
        assert_eq!(ratio((0..201).map(|_| 10)), Some(1.0));
    }

    #[test]
    fn bursts_within_a_span_are_none() {
        let each_five = |second| if second % 5 == 0 { 3 } else { 0 };
        assert_eq!(ratio((0..201).map(each_five)), Some(1.0));
    }

    #[test]
    fn who_sends_nothing_has_no_peak() {
        assert_eq!(ratio((0..201).map(|_| 0)), None);
        assert_eq!(ratio(0..0), None);
    }
}
