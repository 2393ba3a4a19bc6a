//! Going through the rules of a request: what it breaks, or what there is to break.

use std::collections::BTreeMap;
use std::fmt;

use super::{FieldRule, Invalid, MAX_ENTRIES, MAX_EXTRA_DATA, MAX_ID_LENGTH, MAX_TAG, Rule, Rules, is_uri};

/// Checks a request.
///
/// # Errors
/// All violations at once.
pub fn check<M: Rules>(request: &M) -> Result<(), Invalid> {
    let mut check = Check::default();
    request.rules(&mut check);
    if check.violations.is_empty() { Ok(()) } else { Err(Invalid { violations: check.violations }) }
}

/// Hears of each rule and collects violations. `at` is the path of the message, empty or ending in a dot.
#[derive(Debug, Default)]
pub struct Check {
    violations: Vec<String>,
    /// The rules themselves, if somebody wants to know them.
    heard: Option<Vec<FieldRule>>,
}

impl Check {
    /// The rules a request has.
    pub(super) fn listen(request: &impl Rules) -> Vec<FieldRule> {
        let mut check = Self { violations: Vec::new(), heard: Some(Vec::new()) };
        request.rules(&mut check);
        check.heard.unwrap_or_default()
    }

    fn rule(&mut self, at: &str, field: &str, rule: Rule, holds: bool) {
        self.worded(at, field, rule, holds, |rule| rule.message(field));
    }

    fn worded<M: fmt::Display>(
        &mut self,
        at: &str,
        field: &str,
        rule: Rule,
        holds: bool,
        message: impl FnOnce(&Rule) -> M,
    ) {
        if !holds {
            self.violations.push(format!("{at}{field}: {}", message(&rule)));
        }
        if let Some(heard) = &mut self.heard {
            heard.push(FieldRule { path: format!("{at}{field}"), rule });
        }
    }

    /// A message that must be there, and the rules within.
    pub(super) fn present<M>(&mut self, at: &str, field: &str, message: Option<&M>, rules: impl FnOnce(&mut Self, &M)) {
        self.rule(at, field, Rule::Required, message.is_some());
        if let Some(message) = message {
            rules(self, message);
        }
    }

    pub(super) fn one_of(&mut self, members: &'static [&'static str], holds: bool) {
        let rule = Rule::OneOf(members);
        if !holds {
            self.violations.push(rule.message(""));
        }
        if let Some(heard) = &mut self.heard {
            heard.push(FieldRule { path: String::new(), rule });
        }
    }

    pub(super) fn id(&mut self, at: &str, field: &str, id: &str, text: &'static str) {
        self.rule(at, field, Rule::Id { text }, is_id(id));
    }

    pub(super) fn text(&mut self, at: &str, field: &str, text: &str) {
        self.rule(at, field, Rule::Required, !text.is_empty());
    }

    pub(super) fn above_zero(&mut self, at: &str, field: &str, value: Option<u32>) {
        self.rule(at, field, Rule::AboveZero, value != Some(0));
    }

    pub(super) fn off(&mut self, at: &str, field: &str, value: bool) {
        self.rule(at, field, Rule::Off, !value);
    }

    pub(super) fn zero(&mut self, at: &str, field: &str, is_zero: bool) {
        self.rule(at, field, Rule::Zero, is_zero);
    }

    pub(super) fn empty(&mut self, at: &str, field: &str, text: Option<&str>) {
        self.rule(at, field, Rule::Empty, text.is_none_or(str::is_empty));
    }

    pub(super) fn no_items<T>(&mut self, at: &str, field: &str, list: &[T]) {
        self.rule(at, field, Rule::MostItems(0), list.is_empty());
    }

    pub(super) fn items(&mut self, at: &str, field: &str, items: &[String]) {
        self.rule(at, field, Rule::MostItems(MAX_ENTRIES), items.len() <= MAX_ENTRIES);
    }

    pub(super) fn at_least(&mut self, at: &str, field: &str, items: &[String], least: usize) {
        self.rule(at, field, Rule::LeastItems(least), items.len() >= least);
    }

    pub(super) fn pairs(&mut self, at: &str, field: &str, pairs: usize) {
        self.rule(at, field, Rule::MostPairs(MAX_ENTRIES), pairs <= MAX_ENTRIES);
    }

    pub(super) fn key_bytes(&mut self, at: &str, field: &str, key: &str, most: usize) {
        self.rule(at, field, Rule::KeyBytes(most), key.len() <= most);
    }

    pub(super) fn characters(&mut self, at: &str, field: &str, text: &str, most: usize) {
        self.rule(at, field, Rule::Characters(most), text.chars().take(most + 1).count() <= most);
    }

    pub(super) fn no_nul(&mut self, at: &str, field: &str, text: &str) {
        self.rule(at, field, Rule::NoNul, !text.contains('\0'));
    }

    /// A list of ids.
    pub(super) fn ids(&mut self, at: &str, field: &str, ids: &[String]) {
        self.items(at, field, ids);
        self.rule(at, field, Rule::ItemBytes(MAX_ID_LENGTH), ids.iter().all(|id| id.len() <= MAX_ID_LENGTH));
    }

    pub(super) fn bytes(&mut self, at: &str, field: &str, text: &str, most: usize) {
        self.rule(at, field, Rule::Bytes(most), text.len() <= most);
    }

    pub(super) fn uri(&mut self, at: &str, field: &str, uri: Option<&str>) {
        let message = |rule: &Rule| match uri {
            Some("") => "value is empty, which is not a valid URI".to_owned(),
            _ => rule.message(field),
        };
        self.worded(at, field, Rule::Uri, uri.is_none_or(is_uri), message);
    }

    pub(super) fn extra_data(&mut self, at: &str, data: &BTreeMap<String, String>) {
        self.pairs(at, "extra_data", data.len());
        let bytes: usize = data.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.rule(at, "extra_data", Rule::TotalBytes(MAX_EXTRA_DATA), bytes <= MAX_EXTRA_DATA);
    }

    pub(super) fn tags(&mut self, at: &str, field: &str, tags: &[String]) {
        self.items(at, field, tags);
        self.rule(at, field, Rule::ItemBytes(MAX_TAG), tags.iter().all(|tag| tag.len() <= MAX_TAG));
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
