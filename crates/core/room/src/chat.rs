//! The public chat of a session, kept by the server so that a late joiner asks nobody else.

use std::collections::VecDeque;

use serde_json::json;
use wire::pnm;

use crate::chat_marks::{self, Signs};

/// How many messages a session keeps; the oldest go first.
const MAX_MESSAGES: usize = 5000;
/// How much text a session keeps, as it is handed on.
const MAX_BYTES: usize = 6 * 1024 * 1024;
/// What keeping a message costs besides its text.
const ENTRY_COST: usize = 64;
/// Largest part of the history in one message, so that what must not wait, such as a PONG, can go in between.
const MAX_PART: usize = 256 * 1024;
/// What was said so long before the latest message that a socket which was alive then has got it: the longest a dead
/// one goes unnoticed (25 s), and twice the clock skew a sender is allowed.
const LONG_AGO_MS: i64 = 160_000;

/// A message, ready to be handed on.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) id: Box<str>,
    pub(crate) author: Box<str>,
    pub(crate) from_admin: bool,
    sent_at: i64,
    pub(crate) json: Box<str>,
    /// The id of the line this one answers; empty if it is no answer.
    pub(crate) reply_to: Box<str>,
    /// Unix milliseconds; 0 if it never was.
    pub(crate) edited_at: i64,
    /// Not handed on any more.
    pub(crate) removed: bool,
    pub(crate) signs: Signs,
}

impl Line {
    fn new(number: u64, message: &pnm::ChatMessage) -> Self {
        Self {
            number,
            id: message.id.as_str().into(),
            author: message.from_user_id.as_str().into(),
            from_admin: message.from_admin,
            sent_at: message.sent_at,
            json: as_json(message).to_string().into(),
            reply_to: message.reply_to.as_str().into(),
            edited_at: message.edited_at,
            removed: message.removed,
            signs: Signs::new(),
        }
    }

    pub(crate) fn size(&self) -> usize {
        let texts = self.json.len() + self.id.len() + self.author.len() + self.reply_to.len();
        texts + chat_marks::cost(&self.signs) + ENTRY_COST
    }
}

/// Messages in the order they were said.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) lines: VecDeque<Line>,
    pub(crate) bytes: usize,
    last_number: u64,
}

impl History {
    /// From the journal, in order of their numbers.
    pub(crate) fn restored(messages: impl IntoIterator<Item = (u64, pnm::ChatMessage)>) -> Self {
        let lines: VecDeque<Line> = messages.into_iter().map(|(number, message)| Line::new(number, &message)).collect();
        let bytes = lines.iter().map(Line::size).sum();
        let last_number = lines.back().map_or(0, |line| line.number);
        Self { lines, bytes, last_number }
    }

    /// Keeps a message: its number, and the numbers of those that had to go for it.
    pub(crate) fn push(&mut self, message: &pnm::ChatMessage) -> (u64, Vec<u64>) {
        self.last_number += 1;
        let line = Line::new(self.last_number, message);
        self.bytes += line.size();
        self.lines.push_back(line);
        (self.last_number, self.shrink())
    }

    /// Forgets the oldest until the rest fits: their numbers.
    pub(crate) fn shrink(&mut self) -> Vec<u64> {
        let mut gone = Vec::new();
        while self.lines.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes -= line.size();
            gone.push(line.number);
        }
        gone
    }

    /// Whether a message of this id was said before.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.lines.iter().rev().any(|line| &*line.id == id)
    }

    /// Number of the latest message; 0 if there is none.
    pub(crate) const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Number of the last message that was said so long before the latest one that whoever had a live socket then has
    /// got it; 0 if there is none.
    pub(crate) fn long_ago(&self) -> u64 {
        let Some(latest) = self.lines.back() else { return 0 };
        let bound = latest.sent_at.saturating_sub(LONG_AGO_MS);
        self.lines.iter().take_while(|line| line.sent_at < bound).last().map_or(0, |line| line.number)
    }

    /// What was said after message `number` and may be read (by author, and whether the author was a moderator), as JSON
    /// arrays of the form that browsers hand on. They merge by id, so the parts may arrive one by one.
    pub(crate) fn parts(&self, after: u64, may_read: impl Fn(&str, bool) -> bool) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        let first = self.lines.partition_point(|line| line.number <= after);
        for line in self.lines.range(first..).filter(|line| !line.removed && may_read(&line.author, line.from_admin)) {
            match parts.last_mut() {
                Some(part) if part.len() + line.json.len() + 2 <= MAX_PART => {
                    part.push(',');
                    part.push_str(&line.json);
                }
                _ => parts.push(format!("[{}", line.json)),
            }
        }
        for part in &mut parts {
            part.push(']');
        }
        parts
    }
}

/// One message as browsers write it into the history they hand on: lowerCamelCase, defaults left out, 64-bit numbers as
/// text (meeting-protocol.md section 8, row 19).
pub(crate) fn as_json(message: &pnm::ChatMessage) -> serde_json::Value {
    let mut value = json!({
        "id": message.id,
        "fromName": message.from_name,
        "fromUserId": message.from_user_id,
        "sentAt": message.sent_at.to_string(),
        "message": message.message,
    });
    if message.from_admin {
        value["fromAdmin"] = true.into();
    }
    if let Some(lang) = &message.source_lang {
        value["sourceLang"] = lang.as_str().into();
    }
    if !message.translations.is_empty() {
        value["translations"] = json!(message.translations);
    }
    value
}

/// The message that was written with [`as_json`].
pub(crate) fn from_json(json: &str) -> Option<pnm::ChatMessage> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    let text = |key: &str| value.get(key).and_then(|text| text.as_str()).map(str::to_owned);
    Some(pnm::ChatMessage {
        id: text("id")?,
        from_name: text("fromName")?,
        from_user_id: text("fromUserId")?,
        sent_at: text("sentAt")?.parse().ok()?,
        message: text("message")?,
        from_admin: value.get("fromAdmin").is_some_and(|admin| admin == true),
        source_lang: text("sourceLang"),
        translations: value
            .get("translations")
            .and_then(|map| serde_json::from_value(map.clone()).ok())
            .unwrap_or_default(),
        ..pnm::ChatMessage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64, sent_at: i64, text: &str) -> pnm::ChatMessage {
        pnm::ChatMessage {
            id: format!("m{number}"),
            from_user_id: "ana".into(),
            message: text.into(),
            sent_at,
            ..Default::default()
        }
    }

    #[test]
    fn a_long_history_comes_in_parts_that_are_each_a_whole_array() {
        let mut history = History::default();
        for number in 1..=40 {
            history.push(&message(number, 0, &"x".repeat(20_000)));
        }

        let parts = history.parts(3, |_, _| true);

        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= MAX_PART));
        let ids: Vec<String> = parts
            .iter()
            .flat_map(|part| serde_json::from_str::<Vec<serde_json::Value>>(part).unwrap())
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids, (4..=40).map(|number| format!("m{number}")).collect::<Vec<_>>());
        assert!(history.parts(40, |_, _| true).is_empty());
        assert!(history.parts(0, |_, _| false).is_empty());
    }

    #[test]
    fn a_history_is_bounded_and_forgets_the_oldest() {
        let mut history = History::default();
        let mut gone = Vec::new();
        for number in 1..=MAX_MESSAGES as u64 + 2 {
            gone.extend(history.push(&message(number, 0, "hello")).1);
        }
        assert_eq!(gone, [1, 2]);

        for number in 0..200 {
            history.push(&message(10_000 + number, 0, &"x".repeat(60_000)));
        }
        assert!(history.bytes <= MAX_BYTES);
    }

    #[test]
    fn what_was_said_long_before_the_latest_message_is_known_to_be_heard() {
        let mut history = History::default();
        assert_eq!(history.long_ago(), 0);
        for (number, seconds) in [(1, 0), (2, 50), (3, 100), (4, 220)] {
            history.push(&message(number, seconds * 1000, "hello"));
        }
        assert_eq!(history.long_ago(), 2);
    }
}
