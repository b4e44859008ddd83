//! How one collector is served: connected to, told what elements mean, sent what waits, and found
//! again when it was lost.

use std::sync::Arc;
use std::time::Duration;

use plugin_abi::manage::CollectorState;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::link::{DOUBT, Link, Trouble};
use super::outbox::Outbox;
use super::stream::{Message, Origin, Pushed, Stream};
use crate::net::clock;

/// The first wait before another try; each further one is twice as long.
const RETRY: Duration = Duration::from_millis(500);
/// At the end, what waits may still leave within this time.
const PARTING: Duration = Duration::from_secs(1);
/// How often the exporter tells of itself.
const ACCOUNT: Duration = Duration::from_secs(60);
/// Before the first results after a refusal: another one is back by then.
const ASK_FIRST: Duration = Duration::from_millis(200);

/// Serves a collector until it is told to quit.
pub(super) async fn serve(outbox: Arc<Outbox>, origin: Origin) {
    let mut quit = outbox.quit.subscribe();
    let parted = async {
        let mut quit = outbox.quit.subscribe();
        let _ = quit.wait_for(|quit| *quit).await;
        sleep(PARTING).await;
    };
    tokio::select! {
        () = deliver(&outbox, origin, &mut quit) => {}
        () = parted => {}
    }
    outbox.close();
}

async fn deliver(outbox: &Outbox, origin: Origin, quit: &mut watch::Receiver<bool>) {
    let mut stream: Option<Stream> = None;
    let mut retry = RETRY;
    loop {
        let trouble = match Link::open(&outbox.collector).await {
            Ok(link) => {
                outbox.connected();
                let limit = link.limit(outbox.collector.mtu);
                let stream = stream.get_or_insert_with(|| Stream::new(origin, limit));
                match link.is_tcp() {
                    true => stream.restart(limit),
                    // A collector tells exporters apart by address: to it, this goes on.
                    false => stream.resume(limit),
                }
                let mut sending = Sending {
                    outbox,
                    link,
                    stream,
                    careful: retry > RETRY,
                };
                let before = outbox.account().sent;
                let ended = sending.run(quit).await;
                if outbox.account().sent > before {
                    retry = RETRY;
                }
                match ended {
                    Ok(()) => return,
                    Err(trouble) => trouble,
                }
            }
            Err(trouble) => trouble,
        };
        outbox.lose();
        if outbox.stands(trouble.state, Some(trouble.words.clone())) {
            tracing::warn!("collector {}: {}", outbox.collector.name, trouble.words);
        }
        tokio::select! {
            () = sleep(retry) => {}
            _ = quit.wait_for(|quit| *quit) => return,
        }
        let longest = Duration::from_secs(outbox.collector.retry_s.into());
        retry = (retry * 2).min(longest.max(RETRY));
    }
}

/// A collector that is connected.
struct Sending<'a> {
    outbox: &'a Outbox,
    link: Link,
    stream: &'a mut Stream,
    /// The last try has failed.
    careful: bool,
}

impl Sending<'_> {
    /// Until told to quit, or the collector is lost.
    async fn run(&mut self, quit: &mut watch::Receiver<bool>) -> Result<(), Trouble> {
        self.announce().await?;
        if self.careful && !self.link.is_tcp() {
            sleep(ASK_FIRST).await;
            self.link.refusal()?;
        }
        if self.outbox.stands(CollectorState::Sending, None) {
            tracing::info!("collector {}: results go there", self.outbox.collector.name);
        }
        let refresh = Duration::from_secs(self.outbox.collector.templates_s.into());
        let (mut refresh_at, mut account_at) = (Instant::now() + refresh, Instant::now() + ACCOUNT);
        loop {
            self.send_waiting().await?;
            let quitting = *quit.borrow();
            if quitting && self.outbox.is_empty() {
                self.link.refusal()?;
                return Ok(());
            }
            // Over TCP, who has heard of a template knows it.
            let refreshes = !self.link.is_tcp();
            tokio::select! {
                () = self.outbox.filled.notified() => {}
                () = sleep_until(refresh_at), if refreshes => {
                    self.announce().await?;
                    refresh_at = Instant::now() + refresh;
                }
                () = sleep_until(account_at) => {
                    self.account().await?;
                    account_at = Instant::now() + ACCOUNT;
                }
                () = sleep(DOUBT), if self.outbox.is_in_doubt() => {
                    self.link.refusal()?;
                    self.outbox.settle();
                }
                trouble = self.link.gone() => return Err(trouble),
                _ = quit.wait_for(|quit| *quit), if !quitting => {}
            }
        }
    }

    /// Sends all that waits.
    async fn send_waiting(&mut self) -> Result<(), Trouble> {
        loop {
            let pushed = self.outbox.fill(self.stream);
            if let Some(Pushed::Unannounced(template)) = pushed {
                let messages = self.stream.introduce(template, now_s());
                self.send(messages).await?;
                continue;
            }
            let message = self.stream.take(now_s());
            self.send(message).await?;
            if pushed.is_none() {
                return Ok(());
            }
        }
    }

    async fn announce(&mut self) -> Result<(), Trouble> {
        let messages = self.stream.announce(now_s());
        self.send(messages).await?;
        self.outbox.announced();
        self.account().await
    }

    async fn account(&mut self) -> Result<(), Trouble> {
        let messages = self.stream.account(&self.outbox.account(), now_s());
        self.send(messages).await
    }

    async fn send(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), Trouble> {
        for message in messages {
            self.link.send(&message.octets, self.outbox).await?;
            self.outbox
                .handed_over(message.octets.len(), message.results);
            // Only a datagram can be refused once it has left.
            if self.link.is_tcp() {
                self.outbox.settle();
            }
        }
        Ok(())
    }
}

/// Unix seconds; they wrap in 2106 (RFC 7011, section 3.1).
fn now_s() -> u32 {
    (clock().wall.nanos() / 1_000_000_000) as u32
}
