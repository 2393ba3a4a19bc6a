//! What participants say to each other: sender binding and the rules per message type (meeting-protocol.md sections 8
//! and 20, rules I1 to I4).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use model::UserId;
use model::policy::{Capability, Role};
use prost::Message;
use serde_json::json;
use wire::pnm::{self, DataMsgBodyType as Body};

use crate::admission::SYSTEM_ID;
use crate::analytics::report;
use crate::chat_marks::SIGNS;
use crate::journal;
use crate::limits;
use crate::output::{ConnId, CoreMessage, Moment, Output};
use crate::person::Person;
use crate::rules;
use crate::state::Room;
use crate::unsent::Unsendable;

/// Longest id of a message, in bytes.
pub(crate) const MAX_MESSAGE_ID: usize = 64;
/// How many translations a chat message may carry.
const MAX_TRANSLATIONS: usize = 16;
/// Longest language tag, in bytes (RFC 5646 section 4.4.1 gives 35 characters as enough).
const MAX_LANGUAGE_TAG: usize = 35;
/// A sender's clock may be off by this much; beyond it the server's time is used.
const MAX_CLOCK_SKEW_MS: u64 = 60_000;
/// The one D message of a moderator besides `ALERT`: notices about a local recording are translation keys of this kind.
const LOCAL_RECORDING: &str = "notifications.local-recording";

/// The subjects participants publish on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientSubject {
    /// `chat.<room>`
    Chat,
    /// `whiteboard.<room>`
    Whiteboard,
    /// `dataChannel.<room>`
    Data,
}

/// Why a message goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unaffordable {
    /// It is larger than its kind may be.
    TooLarge,
    /// It comes too soon after others.
    TooMuch,
    /// It is no message.
    Garbage,
}

/// Whom a message to everybody is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearers {
    Everybody,
    /// Moderators.
    Hosts,
    /// Who may know that its sender is there (rule M2).
    Acquainted,
    /// Who may not.
    Strangers,
}

/// Who says something, when, and to whom if it is private.
pub(crate) struct Binding<'a> {
    pub(crate) now: Instant,
    pub(crate) sender: &'a Person,
    pub(crate) to: Option<&'a Person>,
}

impl Room {
    /// Somebody published on a client subject. What may not be said, is too much, or is not what it claims, is dropped.
    /// Hidden people and bots say nothing to everybody: it would tell that they are there.
    pub fn publish(&mut self, now: Moment, conn: ConnId, subject: ClientSubject, payload: Bytes) {
        let Some(sender) = self.conns.get(&conn).and_then(|user| self.people.get(user)) else { return };
        let role = rules::actor(sender, &self.metadata).role;
        if !matches!(role, Role::Moderator | Role::Attendee) {
            return;
        }
        let opaque = self.is_opaque(subject);
        let from = sender.id.clone();
        self.step_inside(now, &from);
        let droppable = match self.afford(now, &from, subject, opaque, &payload) {
            Ok(droppable) => droppable,
            Err(why) if subject == ClientSubject::Chat => {
                return self.tell_unaffordable(now, &from, why, &payload, false);
            }
            Err(Unaffordable::TooLarge | Unaffordable::TooMuch | Unaffordable::Garbage) => return,
        };
        if subject == ClientSubject::Data && !opaque && self.act_on_chat(now, &from, &payload) {
            return;
        }
        let Some(sender) = self.people.get(&from) else { return };
        let binding = Binding { now: now.at, sender, to: None };
        let bound = match subject {
            ClientSubject::Chat => match self.bind_chat(now, &binding, payload.clone().into()) {
                Ok(bound) => Some(bound),
                Err(why) => match self.why_not_sent(&binding, why) {
                    Some(reason) => return self.tell_not_sent(now, &from, reason, &payload, false),
                    None => None,
                },
            },
            ClientSubject::Whiteboard => self.bind_whiteboard(&binding, payload.into()),
            ClientSubject::Data => self.bind_data(&binding, payload.into()),
        };
        let Some(bound) = bound else { return };
        if subject == ClientSubject::Chat && !opaque && !self.keep(&bound) {
            return;
        }
        self.record_said(now, &from, subject, opaque, &bound);
        if subject == ClientSubject::Data && !opaque {
            self.note_player(now, &bound);
        }
        let hearers = match kind_of(subject, opaque, &bound) {
            // Whether somebody looks at the page is for those who run the meeting.
            Ok(Some(Body::UserVisibilityChange)) => Hearers::Hosts,
            Ok(Some(Body::UserConnectionQualityChange)) => Hearers::Acquainted,
            Ok(Some(Body::Reaction)) => {
                if let Some(nameless) = nameless_reaction(&bound) {
                    let message = CoreMessage { subject, payload: nameless.into(), from: None, droppable };
                    self.forward(&from, Hearers::Strangers, message);
                }
                Hearers::Acquainted
            }
            _ => Hearers::Everybody,
        };
        self.forward(
            &from,
            hearers,
            CoreMessage { subject, payload: bound.into(), from: opaque.then(|| from.clone()), droppable },
        );
    }

    /// Whether browsers encrypt what they say on a subject among themselves.
    pub(crate) fn is_opaque(&self, subject: ClientSubject) -> bool {
        let encrypted = rules::encrypted(&self.metadata);
        match subject {
            ClientSubject::Chat => encrypted.chat,
            ClientSubject::Whiteboard => encrypted.whiteboard,
            ClientSubject::Data => encrypted.data,
        }
    }

    /// Takes a message out of its sender's allowance: whether it may be left out for slow readers.
    fn afford(
        &mut self,
        now: Moment,
        from: &UserId,
        subject: ClientSubject,
        opaque: bool,
        payload: &[u8],
    ) -> Result<bool, Unaffordable> {
        let kind = kind_of(subject, opaque, payload)?;
        if payload.len() > kind.map_or(limits::size_of_opaque(subject), limits::size_of_kind) {
            return Err(Unaffordable::TooLarge);
        }
        let droppable = kind.is_some_and(limits::is_droppable);
        let allowance = &mut self.people.get_mut(from).ok_or(Unaffordable::Garbage)?.allowance;
        let bucket = match kind {
            None if subject == ClientSubject::Chat => &mut allowance.chat,
            Some(Body::ChatAction) => &mut allowance.chat,
            Some(Body::ChatTyping) => &mut allowance.typing,
            Some(Body::Reaction) => &mut allowance.reactions,
            Some(_) if !droppable => &mut allowance.messages,
            None | Some(_) => &mut allowance.movements,
        };
        let affordable = bucket.take(now.at) && allowance.bytes.take_bytes(now.at, payload.len());
        if affordable { Ok(droppable) } else { Err(Unaffordable::TooMuch) }
    }

    /// The same for a message to one person.
    pub(crate) fn afford_privately(
        &mut self,
        now: Moment,
        from: &UserId,
        subject: ClientSubject,
        payload: &[u8],
    ) -> Result<(), Unaffordable> {
        let opaque = self.is_opaque(subject);
        let allowance = &mut self.people.get_mut(from).ok_or(Unaffordable::Garbage)?.allowance;
        if !allowance.private.take(now.at) {
            return Err(Unaffordable::TooMuch);
        }
        let kind = kind_of(subject, opaque, payload)?;
        if payload.len() > kind.map_or(limits::size_of_opaque(subject), limits::size_of_kind) {
            return Err(Unaffordable::TooLarge);
        }
        let chatty = subject != ClientSubject::Chat || allowance.chat.take(now.at);
        let affordable = chatty && allowance.bytes.take_bytes(now.at, payload.len());
        if affordable { Ok(()) } else { Err(Unaffordable::TooMuch) }
    }

    fn forward(&mut self, from: &UserId, hearers: Hearers, message: CoreMessage) {
        let Some(sender) = self.people.get(from) else { return };
        let to: Vec<ConnId> = self
            .people
            .values()
            .filter(|person| person.id != *from && self.may(person, Capability::Listen).is_ok())
            .filter(|person| match hearers {
                Hearers::Everybody => true,
                Hearers::Hosts => person.is_admin(),
                Hearers::Acquainted => self.knows_of(person, sender),
                Hearers::Strangers => !self.knows_of(person, sender),
            })
            .filter(|person| {
                message.subject != ClientSubject::Chat
                    || self.may_read_chat_of(person, from.as_str(), sender.is_admin())
            })
            .filter_map(Person::conn)
            .collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Forward { to, message: Arc::new(message) });
        }
    }

    /// Without the list of users, attendees read moderators and themselves only (rule M2).
    pub(crate) fn may_read_chat_of(&self, reader: &Person, author: &str, author_is_admin: bool) -> bool {
        author_is_admin || reader.id.as_str() == author || self.may(reader, Capability::SeeUsers).is_ok()
    }

    /// Keeps a public message in the history and the journal. `false` if it was said before.
    fn keep(&mut self, bound: &[u8]) -> bool {
        let Ok(message) = pnm::ChatMessage::decode(bound) else { return false };
        if self.history.contains(&message.id) {
            return false;
        }
        let (number, gone) = self.history.push(&message);
        self.store(journal::chat_entry(number, &message));
        self.forget(gone);
        true
    }

    /// Lines that are too old to be kept leave the journal.
    pub(crate) fn forget(&mut self, gone: Vec<u64>) {
        for number in gone {
            self.store(journal::chat_removed(number));
            self.store(journal::signs_removed(number));
        }
    }

    /// A chat message as its true sender's.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub(crate) fn bind_chat(
        &self,
        now: Moment,
        binding: &Binding<'_>,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, Unsendable> {
        let Binding { sender, to, .. } = binding;
        let capability = match to {
            None => Capability::PublicChat,
            Some(target) if target.is_admin() => Capability::PrivateChatToModerator,
            Some(_) => Capability::PrivateChatToAttendee,
        };
        self.may(sender, capability)?;
        if rules::encrypted(&self.metadata).chat {
            return Ok(payload);
        }
        let mut message = pnm::ChatMessage::decode(payload.as_slice()).map_err(|_| Unsendable::Untrue)?;
        let addressed = message.to_user_id.as_deref().filter(|id| !id.is_empty());
        let fits = message.from_user_id == sender.id.as_str()
            && message.is_private == to.is_some()
            && to.is_none_or(|target| addressed == Some(target.id.as_str()))
            && !message.id.is_empty()
            && message.id.len() <= MAX_MESSAGE_ID
            && message.reply_to.len() <= MAX_MESSAGE_ID
            && message.source_lang.as_ref().is_none_or(|tag| tag.len() <= MAX_LANGUAGE_TAG)
            && message.translations.len() <= MAX_TRANSLATIONS
            && message.translations.keys().all(|tag| tag.len() <= MAX_LANGUAGE_TAG);
        if !fits {
            return Err(Unsendable::Untrue);
        }
        message.message = plain(&message.message);
        message.edited_at = 0;
        message.removed = false;
        message.from_name.clone_from(&sender.name);
        message.from_admin = sender.is_admin();
        if message.sent_at.abs_diff(now.unix_ms) > MAX_CLOCK_SKEW_MS {
            message.sent_at = now.unix_ms;
        }
        Ok(message.encode_to_vec())
    }

    /// A data message if its sender may send it.
    pub(crate) fn bind_data(&self, binding: &Binding<'_>, payload: Vec<u8>) -> Option<Vec<u8>> {
        if rules::encrypted(&self.metadata).data {
            return Some(payload);
        }
        let mut message = bound_to(binding, &payload)?;
        match message.r#type() {
            Body::Reaction => message.message = true_reaction(&message.message, binding.sender)?,
            Body::ChatAction | Body::ChatTyping => return self.bind_private_action(binding, message),
            Body::UserVisibilityChange => drop(report::visibility(&message.message)?),
            Body::UserConnectionQualityChange => drop(report::quality(&message.message)?),
            _ => {}
        }
        // It says that a count changed; who voted is nobody's business.
        if message.r#type() == Body::NewPollResponse {
            if !self.polls.has(&message.message) {
                return None;
            }
            message.from_user_id = SYSTEM_ID.into();
        }
        let private = binding.to.is_some();
        let capability = match message.r#type() {
            Body::UserVisibilityChange | Body::UserConnectionQualityChange | Body::NewPollResponse if !private => {
                Capability::ReportSelf
            }
            Body::NotepadSyncRequest if private => Capability::ReportSelf,
            Body::Reaction if !private => Capability::React,
            Body::ExternalMediaPlayerEvents if !private => Capability::Present,
            Body::Info if private || message.message.starts_with(LOCAL_RECORDING) => Capability::Instruct,
            Body::Alert => Capability::Instruct,
            Body::PushJoinBreakoutRoom if private => Capability::Instruct,
            Body::NotepadUpdate => Capability::EditNotepad,
            Body::NotepadAwareness if !private => Capability::EditNotepad,
            Body::NotepadSyncResponse
                if !private && binding.sender.asked.had_id(binding.now, &message.id, Body::NotepadSyncRequest) =>
            {
                Capability::EditNotepad
            }
            _ => return None,
        };
        self.may(binding.sender, capability).ok()?;
        let is_rewritten = matches!(message.r#type(), Body::Reaction | Body::NewPollResponse);
        Some(if is_rewritten { message.encode_to_vec() } else { payload })
    }

    /// A whiteboard message if its sender may send it.
    pub(crate) fn bind_whiteboard(&self, binding: &Binding<'_>, payload: Vec<u8>) -> Option<Vec<u8>> {
        if rules::encrypted(&self.metadata).whiteboard {
            let draws = || self.may(binding.sender, Capability::EditWhiteboard).is_ok();
            let presents = || self.may(binding.sender, Capability::Present).is_ok();
            // To one person it may be a question, which everybody may ask.
            return (binding.to.is_some() || draws() || presents()).then_some(payload);
        }
        let message = bound_to(binding, &payload)?;
        let private = binding.to.is_some();
        let capability = match message.r#type() {
            Body::WhiteboardSyncRequest if private => Capability::ReportSelf,
            Body::WhiteboardSyncResponse
                if binding.to.is_some_and(|to| {
                    binding.sender.asked.came_from(binding.now, &to.id, Body::WhiteboardSyncRequest)
                }) =>
            {
                Capability::EditWhiteboard
            }
            Body::SceneUpdate => Capability::EditWhiteboard,
            Body::PointerUpdate if !private => Capability::EditWhiteboard,
            Body::WhiteboardAppStateChange
            | Body::PageChange
            | Body::FileChange
            | Body::UpdateCurrentOfficeFilePages
                if !private =>
            {
                Capability::Present
            }
            _ => return None,
        };
        self.may(binding.sender, capability).ok()?;
        Some(payload)
    }
}

/// What was written without what cannot be seen.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// What kind a message is, if we can read it and it has one.
fn kind_of(subject: ClientSubject, opaque: bool, payload: &[u8]) -> Result<Option<Body>, Unaffordable> {
    if opaque || subject == ClientSubject::Chat {
        return Ok(None);
    }
    let message = pnm::DataChannelMessage::decode(payload).map_err(|_| Unaffordable::Garbage)?;
    Ok(Some(message.r#type()))
}

/// A reaction as its true sender's, or `None` if it is not one of the seven.
fn true_reaction(message: &str, sender: &Person) -> Option<String> {
    let said: serde_json::Value = serde_json::from_str(message).ok()?;
    let emoji = said.get("emoji")?.as_str().filter(|emoji| SIGNS.contains(emoji))?;
    let id = said.get("id").and_then(|id| id.as_str()).filter(|id| id.len() <= MAX_MESSAGE_ID).unwrap_or_default();
    let created_at = said.get("createdAt").and_then(serde_json::Value::as_i64).unwrap_or_default();
    let reaction = json!({
        "id": id,
        "emoji": emoji,
        "fromUserId": sender.id.as_str(),
        "fromName": sender.name,
        "createdAt": created_at,
    });
    Some(reaction.to_string())
}

/// The same reaction as nobody's: that somebody is pleased may be seen by whoever may not know who is there.
fn nameless_reaction(bound: &[u8]) -> Option<Vec<u8>> {
    let mut message = pnm::DataChannelMessage::decode(bound).ok()?;
    let mut reaction: serde_json::Value = serde_json::from_str(&message.message).ok()?;
    for whose in ["fromUserId", "fromName"] {
        *reaction.get_mut(whose)? = "".into();
    }
    message.message = reaction.to_string();
    message.from_user_id = SYSTEM_ID.into();
    Some(message.encode_to_vec())
}

/// Decodes a data message that says truthfully who sent it and to whom.
pub(crate) fn bound_to(binding: &Binding<'_>, payload: &[u8]) -> Option<pnm::DataChannelMessage> {
    let message = pnm::DataChannelMessage::decode(payload).ok()?;
    let addressed = message.to_user_id.as_deref().filter(|id| !id.is_empty());
    let fits = message.from_user_id == binding.sender.id.as_str()
        && message.id.len() <= MAX_MESSAGE_ID
        && match (binding.to, addressed) {
            (Some(target), Some(addressed)) => target.id.as_str() == addressed,
            (Some(_) | None, None) => true,
            (None, Some(_)) => false,
        };
    fits.then_some(message)
}
