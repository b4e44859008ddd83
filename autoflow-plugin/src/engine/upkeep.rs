//! One task for each session: brings it up, keeps it up, ends it when told.

use std::time::Duration;

use plugin_abi::manage::{Failure, FailureKind};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::message::{News, Orders, Step};
use crate::net::Path;
use crate::session::initiator::{Agreed, Broken, Granted, Initiation};
use crate::session::{Key, Order};

/// From a failed attempt to the next, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// An attempt that hangs is given up.
const ATTEMPT: Duration = Duration::from_secs(15);
/// A new session is granted, the old one silent: replies that come within this keep the old one.
/// A line that has just come back would lose its numbers otherwise.
const GRACE: Duration = Duration::from_secs(1);

/// The hands of a session's task.
pub(super) struct Upkeep {
    pub(super) key: Key,
    pub(super) initiation: Initiation,
    pub(super) path: Path,
    /// Port that the path is bound to.
    pub(super) port: u16,
    pub(super) orders: Orders,
    pub(super) news: UnboundedSender<News>,
    /// No reply has come for so long that the far end may have forgotten the session.
    pub(super) silent: watch::Receiver<bool>,
}

/// Heard when somebody wants a session to end, or all its probes are done.
pub(super) type Quit = oneshot::Receiver<()>;

impl Upkeep {
    /// Keeps a line's session up until told to quit.
    ///
    /// What talks over TWAMP-Control is boxed, here and below: a task is as large as all that it
    /// may ever wait for, and there are thousands.
    pub(super) async fn keep(self: Box<Self>, mut quit: Quit) {
        let mut pause = BACK_OFF.0;
        loop {
            let agreed = tokio::select! {
                agreed = Box::pin(self.agree()) => agreed,
                _ = &mut quit => return self.over(None),
            };
            match agreed {
                Ok(agreed) => {
                    pause = BACK_OFF.0;
                    self.begin(&agreed);
                    let told_to_quit = match self.initiation.probe.protocol.has_control() {
                        true => Box::pin(self.hold(agreed, &mut quit)).await,
                        // There is nobody to give it up, or to ask for another one.
                        false => {
                            drop(agreed);
                            let _ = (&mut quit).await;
                            true
                        }
                    };
                    if told_to_quit {
                        return self.over(None);
                    }
                }
                Err(failure) => self.tell(Step::Trouble(failure)),
            }
            tokio::select! {
                () = sleep(pause) => pause = BACK_OFF.1.min(pause * 2),
                _ = &mut quit => return self.over(None),
            }
        }
    }

    /// One measurement run.
    pub(super) async fn run(self: Box<Self>, mut quit: Quit) {
        let agreed = tokio::select! {
            agreed = Box::pin(self.agree()) => agreed,
            _ = &mut quit => return self.over(None),
        };
        let mut agreed = match agreed {
            Ok(agreed) => agreed,
            Err(failure) => return self.over(Some(failure)),
        };
        self.begin(&agreed);
        tokio::select! {
            broken = agreed.broken() => {
                // What was measured so far is the result.
                self.tell(Step::Trouble(broken.failure));
                self.orders.send(Order::Finish {
                    key: self.key,
                    path: self.path,
                });
                let _ = (&mut quit).await;
            }
            _ = &mut quit => {}
        }
        agreed.stop().await;
        self.over(None);
    }

    /// Holds a session of TWAMP-Control while its probes flow. True if told to quit; else the far
    /// end has given it up.
    async fn hold(&self, mut agreed: Box<Agreed>, quit: &mut Quit) -> bool {
        loop {
            let mut silent = self.silent.clone();
            let granted = tokio::select! {
                broken = agreed.broken() => {
                    self.lose(broken);
                    return false;
                }
                _ = &mut *quit => {
                    agreed.stop().await;
                    return true;
                }
                granted = self.replacement(&mut silent) => granted,
            };
            // The far end may have restarted without a word: its answer is a session anew.
            if let Ok(next) = granted.start().await {
                let former = std::mem::replace(&mut *agreed, next);
                self.begin(&agreed);
                former.stop().await;
            }
        }
    }

    /// A second session, granted while the first one is silent and stays so.
    async fn replacement(&self, silent: &mut watch::Receiver<bool>) -> Granted {
        let mut pause = BACK_OFF.0;
        loop {
            if silent.wait_for(|silent| *silent).await.is_err() {
                // Nobody is left to tell: the engine ends.
                return std::future::pending().await;
            }
            let ask = Box::pin(self.initiation.ask(self.path, self.port));
            let attempt = timeout(ATTEMPT, ask);
            if let Ok(Ok(granted)) = attempt.await {
                sleep(GRACE).await;
                if *silent.borrow() {
                    return granted;
                }
            }
            sleep(pause).await;
            pause = BACK_OFF.1.min(pause * 2);
        }
    }

    async fn agree(&self) -> Result<Box<Agreed>, Failure> {
        let attempt = async {
            self.initiation
                .ask(self.path, self.port)
                .await?
                .start()
                .await
        };
        let agreed = timeout(ATTEMPT, attempt).await;
        agreed.unwrap_or_else(|_| Err(self.hanging())).map(Box::new)
    }

    fn begin(&self, agreed: &Agreed) {
        self.tell(Step::Running {
            features: agreed.stream.dialect.features(),
            refused: agreed.refused,
        });
        self.orders.send(Order::Send {
            key: self.key,
            stream: agreed.stream.clone(),
        });
    }

    /// If the far end has ended the session, nobody answers; if the connection got lost, probes go
    /// on: they show when the line is back.
    fn lose(&self, broken: Broken) {
        if broken.ended {
            self.orders.send(Order::Suspend {
                key: self.key,
                path: self.path,
            });
        }
        self.tell(Step::Trouble(broken.failure));
    }

    fn tell(&self, step: Step) {
        let _ = self.news.send(News::Step(self.key, step));
    }

    fn over(&self, failure: Option<Failure>) {
        self.orders.send(Order::Leave {
            path: self.path,
            far: self.initiation.remote.ip(),
        });
        self.tell(Step::Ended(failure));
    }

    fn hanging(&self) -> Failure {
        Failure {
            kind: FailureKind::NoAnswer,
            message: format!(
                "{} took the connection but agreed on no session within {} s",
                self.initiation.remote,
                ATTEMPT.as_secs()
            ),
        }
    }
}
