//! Delivers notices to other people's servers: in order per room and address, again and again for a day, then aside
//! (http-api.md section 5.2, decision on D-40).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::outbox::{LIVEKIT_EVENT, MAX_BODY, MAX_URL, Notice, Outbox, Queued};
use ports::outgoing::{Answer, Method, Outgoing, Reach, Request};
use ports::store::StoreError;
use room::Notification;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};
use wire::token::ApiKey;

use crate::actor::now;

/// How many notices are under way at once.
const MOST_UNDER_WAY: usize = 16;
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read; nobody looks at them.
const MOST_ANSWER: usize = 64 * 1024;
/// Waits after the first failures; the last goes on.
const WAITS: [Duration; 9] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(1800),
    Duration::from_secs(3600),
];
/// A receiver may ask for at most this much patience.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// After this long a notice is put aside.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// What was put aside is kept this long.
const KEPT_ASIDE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often that is looked at.
const TIDY_INTERVAL: Duration = Duration::from_secs(3600);
/// How long to wait when the queue itself cannot be reached.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// How often the queue is looked at in any case: a clock may be set.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// Where notices of rooms go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookRules {
    /// The operator's receiver, which hears of every room.
    pub url: Option<String>,
    /// The operator's receivers of LiveKit's own webhooks.
    pub media_urls: Vec<String>,
    /// Whether a room may name a receiver of its own.
    pub per_room: bool,
    /// Whether such a receiver may be inside the operator's network.
    pub allow_private: bool,
}

impl WebhookRules {
    /// Whom to tell about a room that named `of_room`.
    pub(crate) fn targets<'a>(&'a self, of_room: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        let of_room = of_room.filter(|url| self.per_room && !url.is_empty() && self.url.as_deref() != Some(*url));
        self.url.as_deref().into_iter().chain(of_room)
    }

    fn reach(&self, url: &str) -> Reach {
        if self.allow_private || self.url.as_deref() == Some(url) || self.media_urls.iter().any(|own| own == url) {
            Reach::Anywhere
        } else {
            Reach::Public
        }
    }
}

/// What rooms need to put notices into the outbox.
#[derive(Clone, Default)]
pub struct Webhooks {
    /// Whom to tell; nobody unless something is set.
    pub rules: Arc<WebhookRules>,
    /// Told after something was put in.
    pub news: Arc<Notify>,
}

impl Webhooks {
    /// What goes out about something that happened, one notice for each who is told.
    pub(crate) fn notices(
        &self,
        room: &RoomId,
        session: &SessionId,
        of_room: Option<&str>,
        notification: &Notification,
    ) -> Vec<Notice> {
        let mut targets = self.rules.targets(of_room).filter(|url| url.len() <= MAX_URL).peekable();
        if targets.peek().is_none() {
            return Vec::new();
        }
        let body = Bytes::from(wire::json::encode_sparse(&notification.body));
        if body.len() > MAX_BODY {
            warn!(room.id = %room, event = notification.event, "a webhook is too large and not sent");
            return Vec::new();
        }
        let created_at_ms = now().unix_ms;
        targets
            .map(|url| Notice {
                room: room.clone(),
                session: session.clone(),
                event: notification.event.to_owned(),
                url: url.to_owned(),
                body: body.clone(),
                created_at_ms,
            })
            .collect()
    }
}

/// Delivers what is in the outbox.
pub struct Courier {
    outbox: Arc<dyn Outbox>,
    outgoing: Arc<dyn Outgoing>,
    key: ApiKey,
    webhooks: Webhooks,
}

/// What becomes of a notice after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    /// Not before this time, unix milliseconds.
    Again(i64),
    GivenUp,
}

impl Courier {
    /// `key` signs; rooms put notices in by the same `webhooks`.
    pub fn new(outbox: Arc<dyn Outbox>, outgoing: Arc<dyn Outgoing>, key: ApiKey, webhooks: Webhooks) -> Self {
        Self { outbox, outgoing, key, webhooks }
    }

    /// Delivers for as long as it is polled.
    pub async fn run(self) {
        let this = Arc::new(self);
        let mut under_way = HashSet::new();
        let mut attempts: JoinSet<u64> = JoinSet::new();
        let mut tidy_due = Instant::now();
        loop {
            if tidy_due <= Instant::now() {
                tidy_due = Instant::now() + TIDY_INTERVAL;
                this.tidy().await;
            }
            let wake = match this.start_due(&mut under_way, &mut attempts).await {
                Ok(wake) => wake,
                Err(error) => {
                    warn!(%error, "the outbox cannot be reached");
                    Instant::now() + STORE_WAIT
                }
            };
            tokio::select! {
                () = sleep_until(wake) => {}
                () = this.webhooks.news.notified() => {}
                done = attempts.join_next(), if !attempts.is_empty() => {
                    match done {
                        Some(Ok(id)) => { under_way.remove(&id); }
                        // Which one broke is unknown; none is lost, and a double delivery is better than none.
                        Some(Err(error)) => { warn!(%error, "a delivery broke"); under_way.clear(); }
                        None => {}
                    }
                }
            }
        }
    }

    /// Forgets what was put aside long ago.
    async fn tidy(&self) {
        let before = now().unix_ms.saturating_sub(millis(KEPT_ASIDE));
        if let Err(error) = self.outbox.clear_parked(before).await {
            warn!(%error, "old webhooks could not be forgotten");
        }
    }

    /// Starts what is due and answers when to look again.
    async fn start_due(
        self: &Arc<Self>,
        under_way: &mut HashSet<u64>,
        attempts: &mut JoinSet<u64>,
    ) -> Result<Instant, StoreError> {
        let at = now();
        let most = u64::try_from(MOST_UNDER_WAY).unwrap_or(u64::MAX);
        for queued in self.outbox.due(at.unix_ms, most.saturating_mul(2)).await? {
            if attempts.len() >= MOST_UNDER_WAY {
                break;
            }
            if under_way.insert(queued.id) {
                let this = self.clone();
                attempts.spawn(async move {
                    let id = queued.id;
                    this.attempt(queued).await;
                    id
                });
            }
        }
        let backlog = self.outbox.backlog().await?;
        metrics::gauge!("plenum_webhooks_waiting").set(figure(backlog.waiting));
        metrics::gauge!("plenum_webhooks_parked").set(figure(backlog.parked));
        let next = self.outbox.next_due().await?.filter(|due| *due > at.unix_ms);
        let wait = next.map_or(AT_LEAST_EVERY, |due| {
            Duration::from_millis(u64::try_from(due - at.unix_ms).unwrap_or_default()).min(AT_LEAST_EVERY)
        });
        Ok(Instant::now() + wait)
    }

    async fn attempt(&self, queued: Queued) {
        let notice = &queued.notice;
        let sent = now();
        let token = wire::token::mint_webhook(&self.key, &notice.body, sent.unix_ms / 1000);
        let request = Request {
            url: notice.url.clone(),
            method: Method::Post(notice.body.clone()),
            headers: headers(&notice.event, token),
            reach: self.webhooks.rules.reach(&notice.url),
            patience: PATIENCE,
            most: MOST_ANSWER,
        };
        let outcome = self.outgoing.send(request).await;
        let fate = match &outcome {
            Ok(answer) => judged(answer, &queued, now().unix_ms),
            Err(error) => {
                debug!(room.id = %notice.room, event = %notice.event, %error, "a webhook was not delivered");
                again(&queued, now().unix_ms, None)
            }
        };
        let stored = match fate {
            Fate::Delivered => self.outbox.delivered(queued.id).await,
            Fate::Again(due_ms) => self.outbox.postponed(queued.id, due_ms).await,
            Fate::GivenUp => {
                warn!(room.id = %notice.room, event = %notice.event, attempts = queued.attempts + 1, "a webhook is given up");
                self.outbox.parked(queued.id, now().unix_ms).await
            }
        };
        let label = match fate {
            Fate::Delivered => "delivered",
            Fate::Again(_) => "failed",
            Fate::GivenUp => "given_up",
        };
        metrics::counter!("plenum_webhook_attempts_total", "outcome" => label).increment(1);
        match stored {
            Ok(()) if fate == Fate::Delivered => {
                info!(room.id = %notice.room, event = %notice.event, "webhook delivered");
            }
            Ok(()) => {}
            // It is tried again; a receiver knows a notice by its id.
            Err(error) => warn!(%error, "what became of a webhook was not noted"),
        }
    }
}

fn headers(event: &str, token: String) -> Vec<(&'static str, String)> {
    if event.starts_with(LIVEKIT_EVENT) {
        return vec![("content-type", "application/webhook+json".to_owned()), ("authorization", token)];
    }
    vec![("content-type", "application/json".to_owned()), ("authorization", token.clone()), ("hash-token", token)]
}

/// Refusals of the receiver count as delivered: sending the same again would change nothing.
fn judged(answer: &Answer, queued: &Queued, now_ms: i64) -> Fate {
    match answer.status {
        429 | 503 => again(queued, now_ms, answer.retry_after),
        501 => Fate::Delivered,
        500.. => again(queued, now_ms, None),
        _ => Fate::Delivered,
    }
}

fn again(queued: &Queued, now_ms: i64, asked: Option<Duration>) -> Fate {
    if now_ms.saturating_sub(queued.notice.created_at_ms) >= millis(GIVEN_UP_AFTER) {
        return Fate::GivenUp;
    }
    let tried = usize::try_from(queued.attempts).unwrap_or(usize::MAX);
    let own = WAITS[tried.min(WAITS.len() - 1)];
    let wait = asked.map_or(own, |asked| asked.min(MOST_RETRY_AFTER).max(own));
    Fate::Again(now_ms.saturating_add(millis(wait)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn figure(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(attempts: u32) -> Queued {
        let notice = Notice {
            room: RoomId::try_from("r").unwrap(),
            session: SessionId::try_from("s").unwrap(),
            event: "room_created".into(),
            url: "https://example.org/".into(),
            body: Bytes::new(),
            created_at_ms: 0,
        };
        Queued { id: 1, notice, attempts, due_ms: 0 }
    }

    fn fate(status: u16, retry_after: Option<u64>, attempts: u32, now_ms: i64) -> Fate {
        let retry_after = retry_after.map(Duration::from_secs);
        let answer = Answer { status, retry_after, content_type: None, body: Bytes::new() };
        judged(&answer, &queued(attempts), now_ms)
    }

    #[test]
    fn what_a_receiver_takes_or_will_never_take_is_done() {
        for status in [200, 204, 302, 400, 401, 404, 410, 501] {
            assert_eq!(fate(status, None, 0, 0), Fate::Delivered, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert_eq!(fate(status, None, 0, 0), Fate::Again(1000), "{status}");
        }
    }

    #[test]
    fn waits_grow_to_an_hour_and_end_after_a_day() {
        assert_eq!(fate(500, None, 3, 100), Fate::Again(15_100));
        assert_eq!(fate(500, None, 99, 0), Fate::Again(3_600_000));
        assert_eq!(fate(500, None, 30, 24 * 3_600_000 - 1), Fate::Again(25 * 3_600_000 - 1));
        assert_eq!(fate(500, None, 30, 24 * 3_600_000), Fate::GivenUp);
    }

    #[test]
    fn a_receiver_may_ask_for_patience_within_bounds() {
        assert_eq!(fate(503, Some(7), 0, 0), Fate::Again(7000));
        assert_eq!(fate(429, Some(1_000_000), 0, 0), Fate::Again(3_600_000));
        assert_eq!(fate(503, Some(0), 4, 0), Fate::Again(60_000));
        assert_eq!(fate(500, Some(7), 0, 0), Fate::Again(1000), "only where it means something");
    }

    #[test]
    fn a_room_is_told_about_where_it_and_the_operator_want() {
        let rules = |url: Option<&str>, per_room| WebhookRules {
            url: url.map(str::to_owned),
            per_room,
            ..WebhookRules::default()
        };
        let targets = |rules: &WebhookRules, of_room| rules.targets(of_room).map(str::to_owned).collect::<Vec<_>>();

        let both = rules(Some("http://10.0.0.1/"), true);
        assert_eq!(targets(&both, Some("https://example.org/")), ["http://10.0.0.1/", "https://example.org/"]);
        assert_eq!(targets(&both, Some("http://10.0.0.1/")), ["http://10.0.0.1/"], "once");
        assert_eq!(targets(&both, Some("")), ["http://10.0.0.1/"]);
        assert_eq!(targets(&rules(None, true), Some("https://example.org/")), ["https://example.org/"]);
        assert_eq!(
            targets(&rules(Some("http://10.0.0.1/"), false), Some("https://example.org/")),
            ["http://10.0.0.1/"]
        );
        assert_eq!((both.reach("http://10.0.0.1/"), both.reach("http://10.0.0.2/")), (Reach::Anywhere, Reach::Public));
    }
}
