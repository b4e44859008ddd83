//! Gathers what the sender saw of the way back, span by span, for the reflector.
//!
//! A probe belongs to the span it was sent in. A span is told when nothing of it is on its way any
//! more, and with every probe until the next one is: losing some of these does no harm.

use super::request::FiguresConfig;
use crate::metrics::delay::DelaySummary;
use crate::metrics::span::{Fates, LossSpan};
use crate::metrics::variation::Jitter;
use crate::probe::{Outcome, SetAside};
use crate::time::Mono;
use crate::wire::tlv::figures::BackwardFigures;
use std::collections::VecDeque;

/// The figures of one session.
#[derive(Clone, Debug)]
pub(super) struct Gathering {
    config: FiguresConfig,
    /// The reflector numbers its replies by itself, so that loss has a direction.
    directed: bool,
    /// Not told yet, oldest first; probes are still sent in the last one.
    spans: VecDeque<Span>,
    /// The last one told.
    before: Fates,
    /// Lost backward, found but not told: a loss at the end of a span finds its direction in the
    /// next one.
    owed: u64,
    number: u32,
    newest: Option<BackwardFigures>,
}

#[derive(Clone, Debug)]
struct Span {
    began: Mono,
    first_probe: u64,
    loss: LossSpan,
    /// T4 − T3.
    delay: DelaySummary,
    jitter: Jitter,
}

impl Gathering {
    pub(super) fn new(config: FiguresConfig, directed: bool) -> Self {
        Gathering {
            config,
            directed,
            spans: VecDeque::new(),
            before: Fates::default(),
            owed: 0,
            number: 0,
            newest: None,
        }
    }

    pub(super) fn config(&self) -> FiguresConfig {
        self.config
    }

    /// The figures that go with probe `number`, which is sent now.
    pub(super) fn send(&mut self, number: u64, now: Mono) -> Option<BackwardFigures> {
        let span = self.config.span;
        if self.spans.back().is_none_or(|s| now.since(s.began) >= span) {
            self.spans.push_back(Span {
                began: now,
                first_probe: number,
                loss: LossSpan::default(),
                delay: DelaySummary::default(),
                jitter: Jitter::default(),
            });
        }
        if let Some(span) = self.spans.back_mut() {
            span.loss.record_sent();
        }
        self.tell();
        self.newest
    }

    pub(super) fn not_sent(&mut self, number: u64) {
        if let Some(span) = self.span_of(number) {
            span.loss.record_not_sent();
        }
    }

    pub(super) fn record(&mut self, outcome: &Outcome) {
        let directed = self.directed;
        let answered = |fates: &mut Fates, number, reflector, epoch| match directed {
            true => fates.record_answered(number, reflector, epoch),
            false => fates.record_received(),
        };
        match *outcome {
            Outcome::Sample(sample) => {
                if let Some(span) = self.span_of(sample.sequence) {
                    let (number, reflector) = (sample.sequence, sample.reflector_sequence);
                    answered(&mut span.loss.fates, number, reflector, sample.epoch);
                    span.delay.record(sample.backward());
                    span.jitter.record(sample.backward());
                }
            }
            Outcome::Lost { sequence, .. } => {
                if let Some(span) = self.span_of(sequence) {
                    span.loss.fates.record_lost();
                }
            }
            Outcome::SetAside(SetAside {
                sequence, reply, ..
            }) => {
                if let Some(span) = self.span_of(sequence) {
                    match reply {
                        Some((reply, epoch)) => {
                            answered(&mut span.loss.fates, sequence, reply, epoch);
                        }
                        None => span.loss.record_set_aside(),
                    }
                }
            }
        }
    }

    /// Tells the spans that are over and of which nothing is on its way.
    fn tell(&mut self) {
        while let [oldest, next, ..] = self.spans.make_contiguous()
            && oldest.loss.in_flight() == 0
        {
            let fates = oldest.loss.fates;
            let split = fates.split();
            let mut both = self.before;
            both.merge(&fates);
            let found = both
                .split()
                .backward
                .saturating_sub(self.before.split().backward);
            // Across a restart of the reflector nothing is found by looking at both.
            self.owed += found.max(split.backward);
            let lost_backward = self.owed.min(split.lost());
            let min = oldest.delay.min();
            let above_min = |delay: Option<i64>| Some(delay?.abs_diff(min?));
            self.newest = Some(BackwardFigures {
                number: self.number,
                span: next.began.since(oldest.began),
                counted: split.received + split.lost(),
                received: split.received,
                lost_backward: self.directed.then_some(lost_backward),
                variation_mean_ns: above_min(oldest.delay.mean()),
                variation_max_ns: above_min(oldest.delay.max()),
                jitter_ns: oldest.jitter.get().map(|ns| ns as u64),
            });
            self.owed -= lost_backward;
            self.number = self.number.wrapping_add(1);
            self.before = fates;
            self.spans.pop_front();
        }
    }

    fn span_of(&mut self, number: u64) -> Option<&mut Span> {
        let mut newest_first = self.spans.iter_mut().rev();
        newest_first.find(|span| span.first_probe <= number)
    }
}
