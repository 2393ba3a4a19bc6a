//! The subscriptions of one connection.

use crate::limits;

/// One SUB.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) sid: String,
    subject: String,
    received: u64,
    /// Ends after so many messages in total.
    max: Option<u64>,
}

/// All SUBs in the order of their arrival; few enough to search.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Vec<Subscription>);

/// The connection has [`MAX_SUBSCRIPTIONS`](limits::MAX_SUBSCRIPTIONS) already.
#[derive(Debug)]
pub(crate) struct Full;

impl Subscriptions {
    /// Adds a subscription; an id in use is moved to the new subject.
    pub(crate) fn insert(&mut self, subject: String, sid: String) -> Result<(), Full> {
        self.0.retain(|subscription| subscription.sid != sid);
        if self.0.len() >= limits::MAX_SUBSCRIPTIONS {
            return Err(Full);
        }
        self.0.push(Subscription { sid, subject, received: 0, max: None });
        Ok(())
    }

    /// Removes a subscription, or bounds it to `max` messages in total.
    pub(crate) fn unsubscribe(&mut self, sid: &str, max: Option<u64>) {
        self.0.retain_mut(|subscription| {
            if subscription.sid != sid {
                return true;
            }
            subscription.max = max;
            max.is_some_and(|max| subscription.received < max)
        });
    }

    pub(crate) fn contains(&self, sid: &str) -> bool {
        self.0.iter().any(|subscription| subscription.sid == sid)
    }

    /// The oldest subscription that covers the subject.
    pub(crate) fn find(&self, subject: &str) -> Option<&Subscription> {
        self.0.iter().find(|subscription| matches(&subscription.subject, subject))
    }

    /// The ids subscribed to exactly this subject.
    pub(crate) fn exactly<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |entry| entry.subject == subject).map(|entry| entry.sid.as_str())
    }

    /// Counts a message; true if it was the last one of its subscription.
    pub(crate) fn count(&mut self, sid: &str) -> bool {
        let Some(at) = self.0.iter().position(|subscription| subscription.sid == sid) else { return false };
        let subscription = &mut self.0[at];
        subscription.received += 1;
        let last = subscription.max.is_some_and(|max| subscription.received >= max);
        if last {
            self.0.remove(at);
        }
        last
    }
}

/// True if the subject has only whole tokens and `>` only at the end.
pub(crate) fn well_formed(subject: &str) -> bool {
    let mut tokens = subject.split('.').peekable();
    while let Some(token) = tokens.next() {
        if token.is_empty() || (token == ">" && tokens.peek().is_some()) {
            return false;
        }
    }
    true
}

/// Token-wise match: `*` is any one token, a final `>` is one or more.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for expected in pattern.split('.') {
        match (expected, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (expected, Some(token)) if expected == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_token_by_token() {
        assert!(matches("_INBOX.A.*", "_INBOX.A.t1"));
        assert!(matches("_INBOX.>", "_INBOX.A.t1"));
        assert!(matches("chat.r", "chat.r"));
        for (pattern, subject) in
            [("_INBOX.A.*", "_INBOX.A"), ("_INBOX.A.*", "_INBOX.A.b.c"), ("_INBOX.>", "_INBOX"), ("chat.r", "chat.ro")]
        {
            assert!(!matches(pattern, subject), "{pattern} {subject}");
        }
    }

    #[test]
    fn malformed_subjects_are_noticed() {
        for good in ["a", "a.b", "_INBOX.>", "_INBOX.*.x"] {
            assert!(well_formed(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "_INBOX.>.x"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn unsubscribe_with_a_maximum_counts_what_was_received_before() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.insert("a".into(), "1".into()).unwrap();
        assert!(!subscriptions.count("1"));
        subscriptions.unsubscribe("1", Some(2));
        assert!(subscriptions.contains("1"));
        assert!(subscriptions.count("1"));
        assert!(!subscriptions.contains("1"));
    }

    #[test]
    fn a_reused_id_replaces_and_the_table_is_bounded() {
        let mut subscriptions = Subscriptions::default();
        for id in 0..limits::MAX_SUBSCRIPTIONS {
            subscriptions.insert("a".into(), id.to_string()).unwrap();
        }
        assert!(subscriptions.insert("a".into(), "999".into()).is_err());
        assert!(subscriptions.insert("b".into(), "0".into()).is_ok());
        assert_eq!(subscriptions.exactly("b").collect::<Vec<_>>(), ["0"]);
    }
}
