//! The public chat of a session, kept by the server so that a late joiner asks nobody else.

use std::collections::VecDeque;

use prost::Message;
use serde_json::json;
use wire::pnm;

/// How many messages a session keeps; the oldest go first.
const MAX_MESSAGES: usize = 5000;
/// How much text a session keeps, so that the whole history fits one message to a browser (8 MiB) twice over.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What keeping a message costs besides its text.
const ENTRY_COST: usize = 64;
/// Largest history handed on, as JSON; it must fit one message to a browser.
const MAX_JSON: usize = 6 * 1024 * 1024;

/// Messages in the order they were said.
#[derive(Debug, Default)]
pub(crate) struct History {
    messages: VecDeque<(u64, pnm::ChatMessage)>,
    bytes: usize,
    last_number: u64,
}

impl History {
    pub(crate) fn restored(messages: VecDeque<(u64, pnm::ChatMessage)>) -> Self {
        let bytes = messages.iter().map(|(_, message)| size(message)).sum();
        let last_number = messages.back().map_or(0, |(number, _)| *number);
        Self { messages, bytes, last_number }
    }

    /// Keeps a message: its number, and the numbers of those that had to go for it.
    pub(crate) fn push(&mut self, message: pnm::ChatMessage) -> (u64, Vec<u64>) {
        self.last_number += 1;
        self.bytes += size(&message);
        self.messages.push_back((self.last_number, message));
        let mut gone = Vec::new();
        while self.messages.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some((number, message)) = self.messages.pop_front() else { break };
            self.bytes -= size(&message);
            gone.push(number);
        }
        (self.last_number, gone)
    }

    /// Whether a message of this id was said before.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.messages.iter().rev().any(|(_, message)| message.id == id)
    }

    /// Number of the latest message; 0 if there is none.
    pub(crate) const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// What was said after message `number` and may be read, as the JSON array that browsers hand on; the newest if it
    /// is too much for one message. `None` if there is nothing.
    pub(crate) fn as_json(&self, after: u64, may_read: impl Fn(&pnm::ChatMessage) -> bool) -> Option<String> {
        let mut texts = Vec::new();
        let mut length = 0;
        for (number, message) in self.messages.iter().rev() {
            if *number <= after {
                break;
            }
            if !may_read(message) {
                continue;
            }
            let text = as_json(message).to_string();
            length += text.len() + 1;
            if length > MAX_JSON {
                break;
            }
            texts.push(text);
        }
        texts.reverse();
        (!texts.is_empty()).then(|| format!("[{}]", texts.join(",")))
    }
}

fn size(message: &pnm::ChatMessage) -> usize {
    message.encoded_len() + ENTRY_COST
}

/// One message as browsers write it into the history they hand on: lowerCamelCase, defaults left out, 64-bit numbers as
/// text (meeting-protocol.md section 8, row 19).
fn as_json(message: &pnm::ChatMessage) -> serde_json::Value {
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
