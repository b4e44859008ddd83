//! Access Report: sent again after three seconds without an answer, up to four times (RFC 8972,
//! section 4.6). It goes along with probes, so the schedule of these is how exact the times are.

use crate::time::Mono;
use crate::wire::tlv::service::AccessReport;
use std::time::Duration;

const AGAIN_AFTER: Duration = Duration::from_secs(3);
const SENT_AT_MOST: u8 = 5;

/// What became of the newest report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Announcement {
    /// There was none.
    #[default]
    None,
    /// It is not answered yet.
    Pending,
    /// The reflector has it.
    Answered,
    /// It was sent five times and never answered.
    GivenUp,
}

/// Sends one report at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Announcer {
    report: AccessReport,
    state: Announcement,
    sent: u8,
    last: Mono,
}

impl Announcer {
    pub(super) fn announce(&mut self, report: AccessReport) {
        *self = Announcer {
            report,
            state: Announcement::Pending,
            ..Announcer::default()
        };
    }

    /// The report, if it is to go with the probe that is sent now.
    pub(super) fn due(&mut self, now: Mono) -> Option<AccessReport> {
        let waiting = self.sent > 0 && now < self.last + AGAIN_AFTER;
        if self.state != Announcement::Pending || waiting {
            return None;
        }
        if self.sent == SENT_AT_MOST {
            self.state = Announcement::GivenUp;
            return None;
        }
        self.sent += 1;
        self.last = now;
        Some(self.report)
    }

    pub(super) fn answered(&mut self, report: AccessReport) {
        if self.state == Announcement::Pending && report == self.report {
            self.state = Announcement::Answered;
        }
    }

    pub(super) fn state(&self) -> Announcement {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tlv::service::AccessState;

    const SECOND: u64 = 1_000_000_000;

    fn report(state: AccessState) -> AccessReport {
        AccessReport {
            network: AccessReport::THREE_GPP,
            state,
        }
    }

    #[test]
    fn an_unanswered_report_is_sent_five_times_three_seconds_apart() {
        let mut announcer = Announcer::default();
        assert_eq!(announcer.due(Mono(0)), None);
        announcer.announce(report(AccessState::UNAVAILABLE));
        let sent: Vec<u64> = (0..30)
            .filter(|second| announcer.due(Mono(second * SECOND)).is_some())
            .collect();
        assert_eq!(sent, [0, 3, 6, 9, 12]);
        assert_eq!(announcer.state(), Announcement::GivenUp);
    }

    #[test]
    fn the_answer_ends_it_but_the_answer_to_an_earlier_report_does_not() {
        let mut announcer = Announcer::default();
        announcer.announce(report(AccessState::UNAVAILABLE));
        announcer.due(Mono(0));
        announcer.announce(report(AccessState::AVAILABLE));
        assert!(announcer.due(Mono(1)).is_some());
        announcer.answered(report(AccessState::UNAVAILABLE));
        assert_eq!(announcer.state(), Announcement::Pending);
        announcer.answered(report(AccessState::AVAILABLE));
        assert_eq!(announcer.state(), Announcement::Answered);
        assert_eq!(announcer.due(Mono(9 * SECOND)), None);
    }
}
