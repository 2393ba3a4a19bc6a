//! What becomes of a public line after it was said: edited, removed, answered with a sign.

use std::collections::BTreeMap;

use prost::Message;
use wire::pnm;

use crate::chat::{History, Line, as_json, from_json};

/// Signs one may put under a line; the reactions there are.
pub(crate) const SIGNS: [&str; 7] = ["👍", "❤️", "😂", "🎉", "👏", "🙌", "😯"];
/// How many signs one line bears, all people together.
const MAX_SIGNS: usize = 1000;
/// What a sign costs besides the name of who put it.
const SIGN_COST: usize = 24;
/// Largest part of the marks in one message.
const MAX_PART: usize = 256 * 1024;

/// Who put which sign under a line, by place in [`SIGNS`], in the order they came.
pub(crate) type Signs = BTreeMap<u8, Vec<Box<str>>>;

/// A line as who wants to change it must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) from_admin: bool,
}

/// The place of a sign among those there are.
fn place(emoji: &str) -> Option<u8> {
    SIGNS.iter().position(|sign| *sign == emoji).and_then(|at| u8::try_from(at).ok())
}

impl History {
    /// A line that was said and not removed.
    pub(crate) fn said(&self, id: &str) -> Option<Said> {
        let line = self.lines.iter().rev().find(|line| &*line.id == id && !line.removed)?;
        Some(Said { number: line.number, author: line.author.to_string(), from_admin: line.from_admin })
    }

    /// Gives a line another text: what the journal keeps of it then.
    pub(crate) fn edit(&mut self, number: u64, text: &str, at: i64) -> Option<pnm::ChatMessage> {
        self.rewrite(number, |message| {
            message.message = text.into();
            message.translations.clear();
            message.edited_at = at;
        })
    }

    /// Takes a line away; that it was there is remembered, for whoever has it still.
    pub(crate) fn remove(&mut self, number: u64) -> Option<pnm::ChatMessage> {
        let message = self.rewrite(number, |message| {
            message.message.clear();
            message.translations.clear();
            message.removed = true;
        });
        if let Some(line) = self.line_mut(number) {
            let signs = std::mem::take(&mut line.signs);
            self.bytes -= cost(&signs);
        }
        message
    }

    /// Puts somebody's sign under a line, or takes it back. `None` if that changes nothing or is too much.
    pub(crate) fn sign(&mut self, number: u64, who: &str, reaction: &pnm::ChatReaction) -> Option<pnm::ChatMark> {
        let place = place(&reaction.emoji)?;
        let line = self.line_mut(number)?;
        let before = cost(&line.signs);
        let there = line.signs.get(&place).is_some_and(|people| people.iter().any(|other| &**other == who));
        if there == reaction.on {
            return None;
        }
        if reaction.on {
            if line.signs.values().map(Vec::len).sum::<usize>() >= MAX_SIGNS {
                return None;
            }
            line.signs.entry(place).or_default().push(who.into());
        } else {
            let people = line.signs.entry(place).or_default();
            people.retain(|other| &**other != who);
            if people.is_empty() {
                line.signs.remove(&place);
            }
        }
        let after = cost(&line.signs);
        let mark = pnm::ChatMark { reactions: reactors(&line.signs), ..pnm::ChatMark::default() };
        self.bytes = self.bytes - before + after;
        Some(mark)
    }

    /// Signs from the journal.
    pub(crate) fn restore_signs(&mut self, number: u64, mark: &pnm::ChatMark) {
        let Some(line) = self.line_mut(number) else { return };
        line.signs = mark
            .reactions
            .iter()
            .filter_map(|sign| {
                let people = sign.user_ids.iter().map(|id| id.as_str().into()).collect();
                Some((place(&sign.emoji)?, people))
            })
            .collect();
        let added = cost(&line.signs);
        self.bytes += added;
    }

    /// What has become of the lines that may be read, as encoded [`pnm::ChatMarks`]. Lines nothing happened to are left
    /// out.
    pub(crate) fn marks(&self, may_read: impl Fn(&str, bool) -> bool) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let mut part = pnm::ChatMarks::default();
        let mut size = 0;
        for line in self.lines.iter().filter(|line| line.is_marked() && may_read(&line.author, line.from_admin)) {
            let mark = mark_of(line);
            let length = mark.encoded_len() + 8;
            if size > 0 && size + length > MAX_PART {
                parts.push(std::mem::take(&mut part).encode_to_vec());
                size = 0;
            }
            size += length;
            part.marks.push(mark);
        }
        if size > 0 {
            parts.push(part.encode_to_vec());
        }
        parts
    }

    fn line_mut(&mut self, number: u64) -> Option<&mut Line> {
        let at = self.lines.partition_point(|line| line.number < number);
        self.lines.get_mut(at).filter(|line| line.number == number)
    }

    fn rewrite(&mut self, number: u64, change: impl FnOnce(&mut pnm::ChatMessage)) -> Option<pnm::ChatMessage> {
        let line = self.line_mut(number)?;
        let before = line.json.len();
        let mut message = from_json(&line.json)?;
        message.reply_to = line.reply_to.to_string();
        message.edited_at = line.edited_at;
        change(&mut message);
        line.json = as_json(&message).to_string().into();
        line.edited_at = message.edited_at;
        line.removed = message.removed;
        let after = line.json.len();
        self.bytes = self.bytes - before + after;
        Some(message)
    }
}

impl Line {
    fn is_marked(&self) -> bool {
        self.removed || self.edited_at != 0 || !self.reply_to.is_empty() || !self.signs.is_empty()
    }
}

fn mark_of(line: &Line) -> pnm::ChatMark {
    let edited = line.edited_at != 0 && !line.removed;
    pnm::ChatMark {
        message_id: line.id.to_string(),
        reply_to: line.reply_to.to_string(),
        edited_at: line.edited_at,
        removed: line.removed,
        reactions: reactors(&line.signs),
        message: edited.then(|| from_json(&line.json)).flatten().map(|message| message.message).unwrap_or_default(),
    }
}

fn reactors(signs: &Signs) -> Vec<pnm::ChatReactors> {
    signs
        .iter()
        .filter_map(|(place, people)| {
            let emoji = SIGNS.get(usize::from(*place))?;
            let user_ids = people.iter().map(ToString::to_string).collect();
            Some(pnm::ChatReactors { emoji: (*emoji).into(), user_ids })
        })
        .collect()
}

/// How much of the history's room signs take.
pub(crate) fn cost(signs: &Signs) -> usize {
    signs.values().flatten().map(|who| who.len() + SIGN_COST).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(texts: &[&str]) -> History {
        let mut history = History::default();
        for (number, text) in texts.iter().enumerate() {
            let id = format!("m{}", number + 1);
            let message =
                pnm::ChatMessage { id, from_user_id: "ana".into(), message: (*text).into(), ..Default::default() };
            history.push(&message);
        }
        history
    }

    fn reaction(emoji: &str, on: bool) -> pnm::ChatReaction {
        pnm::ChatReaction { emoji: emoji.into(), on }
    }

    #[test]
    fn what_changes_a_line_keeps_the_count_of_bytes_true() {
        let mut history = history(&["a long first line", "second"]);
        history.edit(1, "short", 5).unwrap();
        history.sign(2, "ben", &reaction("👍", true)).unwrap();
        history.sign(2, "eva", &reaction("🎉", true)).unwrap();
        history.sign(2, "ben", &reaction("👍", false)).unwrap();
        history.remove(1).unwrap();

        assert_eq!(history.bytes, history.lines.iter().map(Line::size).sum::<usize>());
    }

    #[test]
    fn a_sign_is_put_once_and_only_one_of_those_there_are() {
        let mut history = history(&["hello"]);

        assert!(history.sign(1, "ben", &reaction("👍", true)).is_some());
        assert_eq!(history.sign(1, "ben", &reaction("👍", true)), None);
        assert_eq!(history.sign(1, "ben", &reaction("🙈", true)), None);
        assert_eq!(history.sign(1, "ben", &reaction("🎉", false)), None);
        for number in 1..MAX_SIGNS {
            history.sign(1, &format!("u{number}"), &reaction("👍", true)).unwrap();
        }
        assert_eq!(history.sign(1, "one too many", &reaction("👍", true)), None);
    }

    #[test]
    fn marks_name_only_lines_that_something_happened_to() {
        let mut history = history(&["plain", "edited", "gone"]);
        history.edit(2, "better", 7);
        history.remove(3);

        let parts = history.marks(|_, _| true);

        let marks = pnm::ChatMarks::decode(parts[0].as_slice()).unwrap().marks;
        let told: Vec<_> =
            marks.iter().map(|mark| (mark.message_id.as_str(), mark.message.as_str(), mark.removed)).collect();
        assert_eq!(told, [("m2", "better", false), ("m3", "", true)]);
        assert!(history.marks(|_, _| false).is_empty());
        assert_eq!(history.said("m3"), None);
    }
}
