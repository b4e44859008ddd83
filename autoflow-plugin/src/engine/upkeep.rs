//! One task for each session: brings it up, keeps it up, ends it when told.

use std::time::Duration;

use plugin_abi::manage::{Failure, FailureKind};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Orders;
use super::control::News;
use crate::net::Path;
use crate::session::initiator::Initiation;
use crate::session::{Key, Order};

/// From a failed attempt to the next, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// An attempt that hangs is given up.
const ATTEMPT: Duration = Duration::from_secs(15);

/// What happens in the life of a session.
pub(super) enum Step {
    /// Probes flow.
    Running,
    /// The far end gave up or refuses; for a line it is tried again.
    Trouble(Failure),
    /// It is over; with a failure if it never ran.
    Ended(Option<Failure>),
}

/// The hands of a session's task.
pub(super) struct Upkeep {
    pub(super) key: Key,
    pub(super) orders: Orders,
    pub(super) news: UnboundedSender<News>,
    /// Somebody wants it to end, or all its probes are done.
    pub(super) quit: oneshot::Receiver<()>,
}

impl Upkeep {
    /// Keeps a line's session up until told to quit. A session that the far end gave up is
    /// replaced once another one is agreed on; until then its probes go on.
    pub(super) async fn keep(mut self, initiation: Initiation, path: Path, port: u16) {
        let mut pause = BACK_OFF.0;
        loop {
            let attempt = timeout(ATTEMPT, initiation.agree(path, port));
            let agreed = tokio::select! {
                agreed = attempt => agreed.unwrap_or_else(|_| Err(hanging(&initiation))),
                _ = &mut self.quit => return self.over(path, None),
            };
            match agreed {
                Ok(mut agreed) => {
                    pause = BACK_OFF.0;
                    self.tell(Step::Running);
                    self.orders.send(Order::Send {
                        key: self.key,
                        stream: agreed.stream.clone(),
                    });
                    tokio::select! {
                        failure = agreed.broken() => self.tell(Step::Trouble(failure)),
                        _ = &mut self.quit => {
                            agreed.stop().await;
                            return self.over(path, None);
                        }
                    }
                }
                Err(failure) => self.tell(Step::Trouble(failure)),
            }
            tokio::select! {
                () = sleep(pause) => pause = BACK_OFF.1.min(pause * 2),
                _ = &mut self.quit => return self.over(path, None),
            }
        }
    }

    /// One measurement run over a path of its own.
    pub(super) async fn run(mut self, initiation: Initiation, path: Path, port: u16) {
        let attempt = timeout(ATTEMPT, initiation.agree(path, port));
        let agreed = tokio::select! {
            agreed = attempt => agreed.unwrap_or_else(|_| Err(hanging(&initiation))),
            _ = &mut self.quit => return self.over(path, None),
        };
        match agreed {
            Ok(mut agreed) => {
                self.tell(Step::Running);
                self.orders.send(Order::Send {
                    key: self.key,
                    stream: agreed.stream.clone(),
                });
                tokio::select! {
                    // The results so far stand; the probes go on for as long as they are answered.
                    failure = agreed.broken() => {
                        self.tell(Step::Trouble(failure));
                        let _ = (&mut self.quit).await;
                    }
                    _ = &mut self.quit => {}
                }
                agreed.stop().await;
                self.over(path, None);
            }
            Err(failure) => self.over(path, Some(failure)),
        }
    }

    fn tell(&self, step: Step) {
        let _ = self.news.send(News::Step(self.key, step));
    }

    fn over(&self, path: Path, failure: Option<Failure>) {
        self.orders.send(Order::Close(path));
        self.tell(Step::Ended(failure));
    }
}

fn hanging(initiation: &Initiation) -> Failure {
    Failure {
        kind: FailureKind::NoAnswer,
        message: format!(
            "{} took the connection but agreed on no session within {} s",
            initiation.remote,
            ATTEMPT.as_secs()
        ),
    }
}
