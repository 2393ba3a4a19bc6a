//! What may be used once: nonces of launches and states of logins.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most that are remembered at once. Only what was signed is remembered, so nobody else can fill this.
const MOST: usize = 50_000;
/// Longest text that is remembered, in bytes.
const MAX_LENGTH: usize = 512;

/// Remembers until their end what was used. It forgets nothing early: when it is full of what is still valid, newcomers
/// are refused.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<String, i64>>);

impl Seen {
    /// Whether this is the first time, and remembers it until `until`. `kind` keeps namespaces apart.
    pub(super) fn is_new(&self, kind: &str, what: &str, now: i64, until: i64) -> bool {
        if what.is_empty() || what.len() > MAX_LENGTH {
            return false;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, until| *until >= now);
            if known.len() >= MOST {
                tracing::warn!("too many LTI launches at once, one is refused");
                return false;
            }
        }
        let key = format!("{kind}\n{what}");
        if known.get(&key).is_some_and(|until| *until >= now) {
            return false;
        }
        known.insert(key, until);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_new_twice_until_it_is_over() {
        let seen = Seen::default();
        assert!(seen.is_new("a", "x", 10, 20));
        assert!(!seen.is_new("a", "x", 20, 30));
        assert!(seen.is_new("b", "x", 20, 30));
        assert!(seen.is_new("a", "x", 21, 30));
    }

    #[test]
    fn nothing_and_too_much_are_never_new() {
        let seen = Seen::default();
        assert!(!seen.is_new("a", "", 1, 2));
        assert!(!seen.is_new("a", &"x".repeat(MAX_LENGTH + 1), 1, 2));
    }

    #[test]
    fn memory_is_bounded_and_fails_closed() {
        let seen = Seen::default();
        assert!((0..MOST).all(|index| seen.is_new("a", &index.to_string(), 1, 10)));
        assert!(!seen.is_new("a", "one more", 10, 20));
        assert!(seen.is_new("a", "one more", 11, 20));
        assert_eq!(seen.0.lock().unwrap().len(), 1);
    }
}
