//! Which of several ways to a client is in use.
//!
//! The client decides: it marks its checks on the way it wants with USE-CANDIDATE. The WebRTC stack keeps to the way of
//! highest priority as long as that was heard of in the last fifteen seconds, which is too long for a call whose network has
//! just changed: a new address behind a translation, a telephone that leaves the wireless network, UDP that is blocked from
//! one moment to the next. So what is no answer to a check goes where the client last said (RFC 8445 section 8.1.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A client that marks several ways at once means the best of them (RFC 5245 section 8.1.1.2). Two marks within that time are
/// at once.
const AT_ONCE: Duration = Duration::from_millis(500);

/// A way the client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chosen {
    remote: SocketAddr,
    local: SocketAddr,
    priority: u32,
    marked: Instant,
}

/// The way in use.
#[derive(Debug, Default)]
pub(crate) struct Path(Option<Chosen>);

impl Path {
    /// Whether a mark for that way would change anything: then its integrity has to be looked at.
    pub(crate) fn is_news(&self, remote: SocketAddr) -> bool {
        self.0.is_none_or(|chosen| chosen.remote != remote)
    }

    /// The client marked a way. Returns whether another was in use until now.
    pub(crate) fn mark(&mut self, remote: SocketAddr, local: SocketAddr, priority: u32, at: Instant) -> bool {
        let chosen = Chosen { remote, local, priority, marked: at };
        match &mut self.0 {
            Some(current) if current.remote == remote => current.marked = at,
            Some(current) if priority < current.priority && at.saturating_duration_since(current.marked) < AT_ONCE => {}
            current => return current.replace(chosen).is_some(),
        }
        false
    }

    /// From which address of ours to which address of theirs something goes for which the stack wants these two.
    pub(crate) fn route(&self, source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
        self.0.map_or((source, destination), |chosen| (chosen.local, chosen.remote))
    }

    /// The client's end of it.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.0.map(|chosen| chosen.remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn the_way_marked_last_is_in_use() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let (home, mobile, ours) = (address(1), address(2), address(9));
        let mut path = Path::default();
        assert_eq!(path.route(ours, home), (ours, home));

        assert!(!path.mark(home, ours, 100, now));
        assert!(!path.mark(home, ours, 100, later) && !path.is_news(home));
        assert!(path.is_news(mobile));
        assert!(path.mark(mobile, ours, 50, later + AT_ONCE), "the better way is not marked any more");
        assert_eq!((path.route(ours, home), path.remote()), ((ours, mobile), Some(mobile)));
    }

    #[test]
    fn of_ways_marked_at_once_the_best_is_in_use() {
        let now = Instant::now();
        let mut path = Path::default();
        for (port, priority) in [(1, 10), (2, 30), (3, 20)] {
            path.mark(address(port), address(9), priority, now);
        }
        assert_eq!(path.remote(), Some(address(2)));
    }

    #[test]
    fn the_same_client_behind_a_new_address_is_followed_at_once() {
        let now = Instant::now();
        let mut path = Path::default();
        path.mark(address(1), address(9), 10, now);

        assert!(path.mark(address(2), address(9), 10, now));
    }
}
