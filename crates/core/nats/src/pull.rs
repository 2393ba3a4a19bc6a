//! Open pull requests: how many messages the client will take, until when, and when it must be told that
//! the line is alive (section 3.3 and 3.5).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::limits;

/// The body of a pull request, with every value inside its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequest {
    batch: u32,
    max_bytes: Option<usize>,
    expires: Option<Duration>,
    heartbeat: Option<Duration>,
    no_wait: bool,
}

impl PullRequest {
    /// Understands JSON, a bare number of messages and nothing at all (one message). `None` if it makes no sense.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wire {
            batch: Option<u64>,
            max_bytes: u64,
            expires: u64,
            idle_heartbeat: u64,
            no_wait: bool,
        }
        let body = body.trim_ascii();
        let wire = if body.is_empty() {
            Wire::default()
        } else if body.iter().all(u8::is_ascii_digit) {
            Wire { batch: Some(std::str::from_utf8(body).ok()?.parse().ok()?), ..Wire::default() }
        } else {
            serde_json::from_slice(body).ok()?
        };
        let span = |nanos: u64| (nanos > 0).then(|| Duration::from_nanos(nanos).min(limits::MAX_SPAN));
        let batch = wire.batch.unwrap_or(1).clamp(1, limits::MAX_BATCH.into());
        Some(Self {
            batch: u32::try_from(batch).unwrap_or(limits::MAX_BATCH),
            max_bytes: (wire.max_bytes > 0).then(|| usize::try_from(wire.max_bytes).unwrap_or(usize::MAX)),
            expires: span(wire.expires),
            heartbeat: span(wire.idle_heartbeat).map(|period| period.max(limits::MIN_HEARTBEAT)),
            no_wait: wire.no_wait,
        })
    }
}

/// Why a client is told something about a pull instead of being given a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 100: nothing to deliver, but alive.
    Heartbeat,
    /// 408: the time is over, with so much credit left.
    Timeout { left: u32 },
    /// 404: there was nothing for a pull that did not want to wait.
    NoMessages,
    /// 409: the next message does not fit into what the client wanted to take.
    TooLarge { left: u32 },
}

/// A status and where to send it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) inbox: String,
    pub(crate) sid: String,
    pub(crate) status: Status,
}

#[derive(Debug)]
struct Pull {
    inbox: String,
    sid: String,
    left: u32,
    bytes_left: Option<usize>,
    served: bool,
    no_wait: bool,
    expires_at: Option<Instant>,
    heartbeat: Option<(Duration, Instant)>,
}

impl Pull {
    fn over(&self) -> Status {
        if self.no_wait && !self.served { Status::NoMessages } else { Status::Timeout { left: self.left } }
    }

    fn notice(self, status: Status) -> Notice {
        Notice { inbox: self.inbox, sid: self.sid, status }
    }

    fn expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// The open pulls of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pulls(VecDeque<Pull>);

impl Pulls {
    /// Adds a pull whose messages go to `sid`. Returns what to tell about the oldest one if it had to give way.
    pub(crate) fn open(&mut self, now: Instant, inbox: String, sid: String, request: &PullRequest) -> Option<Notice> {
        let evicted = if self.0.len() >= limits::MAX_OPEN_PULLS { self.0.pop_front() } else { None };
        let expires = match request.expires {
            None if request.no_wait => Some(limits::NO_WAIT_GRACE),
            expires => expires,
        };
        self.0.push_back(Pull {
            inbox,
            sid,
            left: request.batch,
            bytes_left: request.max_bytes,
            served: false,
            no_wait: request.no_wait,
            expires_at: expires.map(|expires| now + expires),
            heartbeat: request.heartbeat.map(|period| (period, now + period)),
        });
        evicted.map(|pull| {
            let status = pull.over();
            pull.notice(status)
        })
    }

    /// Takes one credit for a message of `size` bytes off the oldest pull that can hold it and returns its sid. Pulls
    /// the message does not fit into are closed and reported in `notices`.
    pub(crate) fn take(&mut self, now: Instant, size: usize, notices: &mut Vec<Notice>) -> Option<String> {
        loop {
            let at = self.0.iter().position(|pull| !pull.expired(now))?;
            let pull = &mut self.0[at];
            match &mut pull.bytes_left {
                Some(bytes_left) if *bytes_left < size => {
                    let left = pull.left;
                    notices.extend(self.0.remove(at).map(|pull| pull.notice(Status::TooLarge { left })));
                    continue;
                }
                Some(bytes_left) => *bytes_left -= size,
                None => {}
            }
            pull.left -= 1;
            pull.served = true;
            let (sid, inbox, spent) = (pull.sid.clone(), pull.inbox.clone(), pull.left == 0);
            if spent {
                self.0.remove(at);
            }
            self.beat(now, &inbox);
            return Some(sid);
        }
    }

    /// Closes every pull whose messages would go to `sid`; true if there were any.
    pub(crate) fn drop_sid(&mut self, sid: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|pull| pull.sid != sid);
        self.0.len() != before
    }

    /// Closes what has expired and finds the inboxes due a heartbeat; true if the credit changed.
    pub(crate) fn handle_timeout(&mut self, now: Instant, notices: &mut Vec<Notice>) -> bool {
        let before = self.0.len();
        while let Some(at) = self.0.iter().position(|pull| pull.expired(now)) {
            notices.extend(self.0.remove(at).map(|pull| {
                let status = pull.over();
                pull.notice(status)
            }));
        }
        while let Some(pull) = self.0.iter().find(|pull| pull.heartbeat.is_some_and(|(_, at)| at <= now)) {
            let (inbox, sid) = (pull.inbox.clone(), pull.sid.clone());
            self.beat(now, &inbox);
            notices.push(Notice { inbox, sid, status: Status::Heartbeat });
        }
        self.0.len() != before
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = |pull: &Pull| pull.expires_at.into_iter().chain(pull.heartbeat.map(|(_, at)| at)).min();
        self.0.iter().filter_map(deadlines).min()
    }

    /// The sum over all open pulls.
    pub(crate) fn credit(&self) -> u32 {
        self.0.iter().map(|pull| pull.left).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The client just heard something on the inbox, which is a heartbeat for all its pulls there.
    fn beat(&mut self, now: Instant, inbox: &str) {
        for pull in self.0.iter_mut().filter(|pull| pull.inbox == inbox) {
            if let Some((period, at)) = &mut pull.heartbeat {
                *at = now + *period;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> PullRequest {
        PullRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_is_read_and_bounded() {
        let stock = request(r#"{"batch":100,"max_bytes":0,"idle_heartbeat":15000000000,"expires":30000000000}"#);
        let expected = PullRequest {
            batch: 100,
            max_bytes: None,
            expires: Some(Duration::from_secs(30)),
            heartbeat: Some(Duration::from_secs(15)),
            no_wait: false,
        };
        assert_eq!(stock, expected);
        assert_eq!(request("").batch, 1);
        assert_eq!(request("7").batch, 7);
        assert_eq!(request(r#"{"batch":0}"#).batch, 1);
        assert_eq!(request(r#"{"batch":18446744073709551615}"#).batch, limits::MAX_BATCH);
        assert_eq!(request(r#"{"idle_heartbeat":1}"#).heartbeat, Some(limits::MIN_HEARTBEAT));
        assert_eq!(request(r#"{"expires":18446744073709551615}"#).expires, Some(limits::MAX_SPAN));
        for bad in [r#"{"batch":-1}"#, r#"{"batch":"x"}"#, "{", "[]x", "99999999999999999999999"] {
            assert_eq!(PullRequest::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_oldest_pull_is_used_up_first() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        let mut notices = Vec::new();
        pulls.open(now, "a".into(), "1".into(), &request("2"));
        pulls.open(now, "b".into(), "2".into(), &request("1"));
        let sids: Vec<_> = std::iter::from_fn(|| pulls.take(now, 10, &mut notices)).collect();
        assert_eq!(sids, ["1", "1", "2"]);
        assert_eq!(pulls.credit(), 0);
        assert!(notices.is_empty());
    }

    #[test]
    fn one_heartbeat_serves_all_pulls_of_an_inbox_and_a_delivery_counts_as_one() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        let mut notices = Vec::new();
        let beating = request(r#"{"batch":5,"idle_heartbeat":15000000000}"#);
        pulls.open(now, "a".into(), "1".into(), &beating);
        pulls.open(now, "a".into(), "1".into(), &beating);
        let later = now + Duration::from_secs(10);
        pulls.take(later, 1, &mut notices);
        assert_eq!(pulls.poll_timeout(), Some(later + Duration::from_secs(15)));
        pulls.handle_timeout(later + Duration::from_secs(15), &mut notices);
        assert_eq!(notices, [Notice { inbox: "a".into(), sid: "1".into(), status: Status::Heartbeat }]);
    }

    #[test]
    fn a_pull_that_does_not_wait_ends_soon_and_says_how() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        let mut notices = Vec::new();
        pulls.open(now, "a".into(), "1".into(), &request(r#"{"batch":2,"no_wait":true}"#));
        pulls.open(now, "b".into(), "2".into(), &request(r#"{"batch":2,"no_wait":true}"#));
        pulls.take(now, 1, &mut notices);
        assert!(pulls.handle_timeout(now + limits::NO_WAIT_GRACE, &mut notices));
        let statuses: Vec<_> = notices.iter().map(|notice| notice.status).collect();
        assert_eq!(statuses, [Status::Timeout { left: 1 }, Status::NoMessages]);
    }

    #[test]
    fn a_message_too_large_for_a_pull_goes_to_the_next() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        let mut notices = Vec::new();
        pulls.open(now, "a".into(), "1".into(), &request(r#"{"batch":5,"max_bytes":100}"#));
        pulls.open(now, "b".into(), "2".into(), &request("1"));
        assert_eq!(pulls.take(now, 60, &mut notices).as_deref(), Some("1"));
        assert_eq!(pulls.take(now, 60, &mut notices).as_deref(), Some("2"));
        assert_eq!(notices[0].status, Status::TooLarge { left: 4 });
    }

    #[test]
    fn pulls_are_bounded_and_the_oldest_gives_way() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        for _ in 0..limits::MAX_OPEN_PULLS {
            assert_eq!(pulls.open(now, "a".into(), "1".into(), &request("3")), None);
        }
        let notice = pulls.open(now, "a".into(), "1".into(), &request("3")).unwrap();
        assert_eq!(notice.status, Status::Timeout { left: 3 });
        assert_eq!(pulls.len(), limits::MAX_OPEN_PULLS);
    }
}
