//! Adds up what a sender tells of the way back, span by span.

use plugin_abi::manage::Backward;
use twamp_core::wire::tlv::figures::BackwardFigures;

/// What a sender has told so far. Each span comes with many probes, and counts once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    newest: Option<BackwardFigures>,
    spans: u64,
    counted: u64,
    received: u64,
    /// `None` once it was not known of a span.
    lost: Option<u64>,
    /// Of the means of the spans, each as heavy as its replies.
    variation_sum: f64,
    variation_replies: u64,
    variation_max_ns: Option<u64>,
}

impl Told {
    /// Takes the newest figures that there are.
    pub(super) fn absorb(&mut self, figures: Option<BackwardFigures>) {
        let Some(figures) = figures else { return };
        // One that was sent earlier may have been overtaken.
        let is_new = self.newest.is_none_or(|newest| {
            let ahead = figures.number.wrapping_sub(newest.number);
            (1..1 << 31).contains(&ahead)
        });
        if !is_new {
            return;
        }
        let so_far = match self.newest {
            None => Some(0),
            Some(_) => self.lost,
        };
        self.lost = so_far
            .zip(figures.lost_backward)
            .map(|(a, b)| a.saturating_add(b));
        self.newest = Some(figures);
        self.spans += 1;
        self.counted = self.counted.saturating_add(figures.counted);
        self.received = self.received.saturating_add(figures.received);
        if let Some(mean) = figures.variation_mean_ns {
            self.variation_sum += mean as f64 * figures.received as f64;
            self.variation_replies = self.variation_replies.saturating_add(figures.received);
        }
        self.variation_max_ns = self.variation_max_ns.max(figures.variation_max_ns);
    }

    /// The same for people; `None` if nothing was told.
    pub(super) fn result(&self) -> Option<Backward> {
        let newest = self.newest?;
        let micros = |ns: f64| ns / 1e3;
        let mean = self.variation_sum / self.variation_replies as f64;
        Some(Backward {
            spans: self.spans,
            counted: self.counted,
            received: self.received,
            lost: self.lost,
            jitter_us: newest.jitter_ns.map(|ns| micros(ns as f64)),
            variation_mean_us: (self.variation_replies > 0).then_some(micros(mean)),
            variation_max_us: self.variation_max_ns.map(|ns| micros(ns as f64)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(number: u32, received: u64, lost: Option<u64>) -> Option<BackwardFigures> {
        Some(BackwardFigures {
            number,
            counted: received + lost.unwrap_or(0),
            received,
            lost_backward: lost,
            variation_mean_ns: Some(u64::from(number) * 1_000),
            variation_max_ns: Some(u64::from(number) * 2_000),
            jitter_ns: Some(500),
            ..BackwardFigures::default()
        })
    }

    #[test]
    fn each_span_counts_once_however_often_it_is_told() {
        let mut told = Told::default();
        assert_eq!(told.result(), None);
        for figures in [
            None,
            span(1, 10, Some(2)),
            span(1, 10, Some(2)),
            span(3, 30, Some(0)),
            span(1, 10, Some(2)),
            span(3, 30, Some(0)),
        ] {
            told.absorb(figures);
        }
        let backward = Backward {
            spans: 2,
            counted: 42,
            received: 40,
            lost: Some(2),
            jitter_us: Some(0.5),
            variation_mean_us: Some(2.5),
            variation_max_us: Some(6.0),
        };
        assert_eq!(told.result(), Some(backward));
    }

    #[test]
    fn a_span_without_directions_leaves_none_and_numbers_may_wrap() {
        let mut told = Told::default();
        told.absorb(span(u32::MAX, 1, Some(1)));
        told.absorb(span(0, 1, None));
        told.absorb(span(1, 1, Some(1)));
        let backward = told.result().unwrap();
        assert_eq!((backward.spans, backward.lost), (3, None));
    }
}
