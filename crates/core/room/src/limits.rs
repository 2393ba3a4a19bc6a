//! How much one person may say (hardening rule S3, meeting-protocol.md section 2.10). Kept with the person and not with
//! the socket, so that a reconnect starts nothing anew.

use std::time::{Duration, Instant};

use wire::pnm::DataMsgBodyType as Body;

use crate::forward::ClientSubject;

/// Largest message of the kinds that carry whole documents, in bytes.
const LARGE: usize = 8 * 1024 * 1024;
/// Largest message of every other kind.
const MEDIUM: usize = 256 * 1024;
/// Largest message of the kinds that carry a word.
const SMALL: usize = 4 * 1024;
/// Largest chat message, encoded.
const CHAT: usize = 64 * 1024;
/// Bytes one person may say at once, all subjects together: the whole board to three who ask for it.
const BYTES_BURST: f64 = 24.0 * 1024.0 * 1024.0;
/// And in a second, in the long run.
const BYTES_PER_SECOND: f64 = 1024.0 * 1024.0;

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Option<Instant>,
}

impl Bucket {
    const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, left: burst, at: None }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1.0)
    }

    /// Takes as many tokens as a message has bytes, if there are so many.
    pub(crate) fn take_bytes(&mut self, now: Instant, length: usize) -> bool {
        u32::try_from(length).is_ok_and(|length| self.take_many(now, length.into()))
    }

    /// When there will be a token, if nothing takes one before.
    pub(crate) fn ready_at(&self, now: Instant) -> Instant {
        let since = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let missing = (1.0 - self.left - since * self.per_second).max(0.0);
        // A little later than that, since rounding must not make it a moment too early.
        now + Duration::from_secs_f64(missing / self.per_second) + Duration::from_millis(1)
    }

    fn take_many(&mut self, now: Instant, tokens: f64) -> bool {
        let since = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.at = Some(now);
        self.left = (self.left + since * self.per_second).min(self.burst);
        let enough = self.left >= tokens;
        if enough {
            self.left -= tokens;
        }
        enough
    }
}

/// What one person has left to say.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) chat: Bucket,
    /// "Is writing", which browsers say when a line begins and then every three seconds.
    pub(crate) typing: Bucket,
    pub(crate) messages: Bucket,
    /// Pointers and awareness, of which a slow connection loses some anyway.
    pub(crate) movements: Bucket,
    pub(crate) reactions: Bucket,
    pub(crate) private: Bucket,
    /// All of these, in bytes.
    pub(crate) bytes: Bucket,
    /// Lists of people, which cost as much as there are people.
    pub(crate) lists: Bucket,
    pub(crate) hands: Bucket,
    /// Others asked to turn something on.
    pub(crate) asks: Bucket,
    /// What somebody who waits tells the hosts.
    pub(crate) notes: Bucket,
    /// Sockets opened: each is brought up to date.
    pub(crate) connects: Bucket,
    /// Notices that something was not sent; what they may not say at once they say together, see `unsent`.
    pub(crate) notices: Bucket,
    /// What a client tells of itself for the analytics.
    pub(crate) reports: Bucket,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            chat: Bucket::new(5.0, 15.0),
            typing: Bucket::new(1.0, 5.0),
            messages: Bucket::new(20.0, 60.0),
            movements: Bucket::new(60.0, 180.0),
            reactions: Bucket::new(2.0, 2.0),
            private: Bucket::new(10.0, 40.0),
            bytes: Bucket::new(BYTES_PER_SECOND, BYTES_BURST),
            lists: Bucket::new(0.2, 10.0),
            hands: Bucket::new(0.2, 6.0),
            asks: Bucket::new(1.0, 30.0),
            notes: Bucket::new(0.2, 6.0),
            connects: Bucket::new(0.5, 20.0),
            notices: Bucket::new(0.2, 3.0),
            reports: Bucket::new(10.0, 60.0),
        }
    }
}

/// Whether a message may be left out for somebody whose connection is slow: the next one replaces it.
pub(crate) const fn is_droppable(kind: Body) -> bool {
    matches!(kind, Body::PointerUpdate | Body::NotepadAwareness | Body::ChatTyping)
}

/// Largest readable data or whiteboard message of a kind, in bytes.
pub(crate) const fn size_of_kind(kind: Body) -> usize {
    match kind {
        Body::WhiteboardSyncResponse | Body::SceneUpdate | Body::NotepadSyncResponse | Body::NotepadUpdate => LARGE,
        Body::UserVisibilityChange
        | Body::NewPollResponse
        | Body::UserConnectionQualityChange
        | Body::Reaction
        | Body::ChatTyping => SMALL,
        Body::ChatAction => CHAT,
        _ => MEDIUM,
    }
}

/// Largest message we cannot read.
pub(crate) const fn size_of_opaque(subject: ClientSubject) -> usize {
    match subject {
        ClientSubject::Chat => CHAT,
        ClientSubject::Whiteboard | ClientSubject::Data => LARGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, 60.0);

        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 60);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 20);
    }

    #[test]
    fn an_empty_bucket_knows_when_it_has_something_again() {
        let start = Instant::now();
        let mut bucket = Bucket::new(0.2, 1.0);
        assert!(bucket.ready_at(start) <= start + Duration::from_millis(1));

        assert!(bucket.take(start));
        let ready = bucket.ready_at(start + Duration::from_secs(2));
        assert!(!bucket.take(start + Duration::from_secs(4)));
        assert!(ready <= start + Duration::from_millis(5001) && bucket.take(ready));
    }
}
