//! What the kernel does not take or give: counted by kind, and told once a minute for each kind.

use nix::errno::Errno;
use std::io;
use std::time::{Duration, Instant};

/// How often each kind is told in the log. The figures have the rest.
const TELL: Duration = Duration::from_secs(60);

/// Why a datagram did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    /// There is no room for it now.
    Queue,
    /// No way leads there.
    Unreachable,
    /// It is larger than anything that can be sent there.
    TooLong,
    /// It may not be sent.
    Refused,
    /// Anything else.
    Failed,
}

impl Dropped {
    const ALL: [Self; 5] = [Self::Queue, Self::Unreachable, Self::TooLong, Self::Refused, Self::Failed];

    fn of(error: Errno) -> Self {
        match error {
            Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM => Self::Queue,
            Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN | Errno::EADDRNOTAVAIL => {
                Self::Unreachable
            }
            Errno::EMSGSIZE => Self::TooLong,
            Errno::EPERM | Errno::EACCES | Errno::ENOSYS => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// As it is counted.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "send_queue",
            Self::Unreachable => "send_unreachable",
            Self::TooLong => "send_too_long",
            Self::Refused => "send_refused",
            Self::Failed => "send_failed",
        }
    }
}

/// As it is told.
const fn text(why: Dropped) -> &'static str {
    match why {
        Dropped::Queue => {
            "media is lost: the system takes no more for now, its send buffers or those of the network device are full"
        }
        Dropped::Unreachable => "media is lost: the system knows no way to where it should go",
        Dropped::TooLong => "media is lost: packets are larger than the network device takes",
        Dropped::Refused => {
            "media is lost: the system refuses to send it; a firewall of this machine or a sandbox (seccomp) forbids it"
        }
        Dropped::Failed => "media is lost: the system does not send it",
    }
}

/// What went wrong with the sockets of a shard.
#[derive(Debug)]
pub(super) struct Faults {
    unsent: [metrics::Counter; Dropped::ALL.len()],
    unread: metrics::Counter,
    overflowed: metrics::Counter,
    /// When each kind was told last; then that nothing can be received, and that queues were full.
    told: [Option<Instant>; Dropped::ALL.len() + 2],
}

impl Faults {
    pub(super) fn new() -> Self {
        let reasons = Dropped::ALL.map(Dropped::as_str);
        Self {
            unsent: reasons.map(|reason| metrics::counter!("media_drops_total", "reason" => reason)),
            unread: metrics::counter!("media_receive_errors_total"),
            overflowed: metrics::counter!("media_drops_total", "reason" => "receive_queue"),
            told: [None; _],
        }
    }

    /// So many datagrams did not leave.
    pub(super) fn unsent(&mut self, count: usize, error: Errno) {
        let kind = Dropped::of(error);
        self.unsent[kind as usize].increment(u64::try_from(count).unwrap_or(u64::MAX));
        if self.is_news(kind as usize, Instant::now()) {
            tracing::warn!(reason = kind.as_str(), %error, "{}", text(kind));
        }
    }

    /// Nothing could be received, though something may be there.
    pub(super) fn unread(&mut self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
            return;
        }
        self.unread.increment(1);
        if self.is_news(Dropped::ALL.len(), Instant::now()) {
            tracing::warn!(%error, "media is not received: the system refuses to read it");
        }
    }

    /// So many datagrams came while the queue of a socket was full.
    pub(super) fn overflowed(&mut self, count: u32) {
        if count == 0 {
            return;
        }
        self.overflowed.increment(u64::from(count));
        if self.is_news(Dropped::ALL.len() + 1, Instant::now()) {
            tracing::warn!(
                count,
                "media is lost: more came than the system keeps for us; raise net.core.rmem_max, or the media threads have too much to do"
            );
        }
    }

    /// Whether something is to be told that was not for a while.
    fn is_news(&mut self, place: usize, now: Instant) -> bool {
        let is_news = self.told[place].is_none_or(|before| now.saturating_duration_since(before) >= TELL);
        if is_news {
            self.told[place] = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_by_itself() {
        let reason = |error| Dropped::of(error).as_str();
        assert_eq!([Errno::EAGAIN, Errno::ENOBUFS].map(reason), ["send_queue"; 2]);
        assert_eq!([Errno::ENETUNREACH, Errno::EHOSTUNREACH].map(reason), ["send_unreachable"; 2]);
        assert_eq!(reason(Errno::EMSGSIZE), "send_too_long");
        assert_eq!([Errno::EPERM, Errno::ENOSYS].map(reason), ["send_refused"; 2]);
        assert_eq!(reason(Errno::EINVAL), "send_failed");
        for (place, kind) in Dropped::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn each_kind_is_told_once_a_minute() {
        let mut faults = Faults::new();
        let start = Instant::now();
        assert!(faults.is_news(0, start) && faults.is_news(1, start));
        assert!(!faults.is_news(0, start + TELL - Duration::from_millis(1)));
        assert!(faults.is_news(0, start + TELL));
    }
}
