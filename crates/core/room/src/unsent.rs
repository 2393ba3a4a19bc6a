//! Lines of chat that go no further. Publishing has no answer, so that their authors would think them sent.

use std::time::Instant;

use model::UserId;
use model::policy::Denial;
use prost::Message;
use wire::plenum::{NotSent, Notice, not_sent::Reason, notice::What};
use wire::pnm::{self, NatsSystemNotificationTypes as Severity};

use crate::forward::{Binding, ClientSubject, MAX_MESSAGE_ID, Unaffordable};
use crate::locks::LockService;
use crate::output::Moment;
use crate::person::Person;
use crate::state::Room;

/// Why a message is not what may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// The policy table says no.
    Denied(Denial),
    /// It is not what it claims to be, which no client of ours sends.
    Untrue,
}

impl From<Denial> for Unsendable {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Room {
    /// Somebody published more on a client subject than it takes.
    pub fn oversized(&mut self, now: Moment, conn: crate::output::ConnId, subject: ClientSubject) {
        if let Some(user) = self.conns.get(&conn).cloned().filter(|_| subject == ClientSubject::Chat) {
            self.tell_not_sent(now, &user, Reason::TooLong, &[], false);
        }
    }

    /// The same of a message that was too large or came too soon. Garbage is nobody's line.
    pub(crate) fn tell_unaffordable(
        &mut self,
        now: Moment,
        user: &UserId,
        why: Unaffordable,
        payload: &[u8],
        is_private: bool,
    ) {
        match why {
            Unaffordable::TooLarge => self.tell_not_sent(now, user, Reason::TooLong, payload, is_private),
            Unaffordable::TooMuch => self.tell_not_sent(now, user, Reason::TooFast, payload, is_private),
            Unaffordable::Garbage => {}
        }
    }

    /// Why a line may not be sent, if its author may be told.
    pub(crate) fn why_not_sent(&self, binding: &Binding<'_>, why: Unsendable) -> Option<Reason> {
        let Unsendable::Denied(denial) = why else { return None };
        match denial {
            Denial::Locked => {
                let one = if binding.to.is_some() { LockService::PrivateChat } else { LockService::SendChatMessage };
                let mut by_default = self.metadata.default_lock_settings.unwrap_or_default();
                let for_all = [LockService::Chat, one].into_iter().any(|lock| *lock.of(&mut by_default) == Some(true));
                Some(if for_all { Reason::LockedForAll } else { Reason::LockedForYou })
            }
            Denial::FeatureOff => Some(Reason::NotOffered),
            // Their clients have nothing to write with.
            Denial::Waiting | Denial::Spectator | Denial::NotModerator | Denial::NotPresenter | Denial::NoPart => None,
        }
    }

    /// At once, or together with others a moment later: every line is told of, and a flood is not answered with another.
    pub(crate) fn tell_not_sent(
        &mut self,
        now: Moment,
        user: &UserId,
        reason: Reason,
        payload: &[u8],
        is_private: bool,
    ) {
        let is_sealed = self.is_opaque(ClientSubject::Chat);
        let Some(person) = self.people.get_mut(user) else { return };
        let line = pnm::ChatMessage::decode(payload).ok().filter(|line| !is_sealed && line.id.len() <= MAX_MESSAGE_ID);
        let message_id = line.map(|line| line.id).unwrap_or_default();
        let refused = NotSent { reason: reason.into(), message_id, is_private, others: Vec::new() };
        if person.refused.is_empty() && person.allowance.notices.take(now.at) {
            return self.tell_of_lines(now, user, refused);
        }
        let due = person.allowance.notices.ready_at(now.at);
        person.refused.add(refused, due);
    }

    /// Tells those who wrote more than could be told of at once.
    pub(crate) fn tell_refused(&mut self, now: Moment) {
        let due = |person: &&Person| person.refused.due().is_some_and(|due| due <= now.at);
        let due: Vec<UserId> = self.people.values().filter(due).map(|person| person.id.clone()).collect();
        for user in due {
            let Some(person) = self.people.get_mut(&user) else { continue };
            person.allowance.notices.take(now.at);
            if let Some(refused) = person.refused.take() {
                self.tell_of_lines(now, &user, refused);
            }
        }
    }

    fn tell_of_lines(&mut self, now: Moment, user: &UserId, refused: NotSent) {
        let text = words(refused.reason(), refused.is_private);
        let notice = Notice { what: Some(What::NotSent(refused)) };
        let warning = Severity::NatsSystemNotificationWarning;
        self.notify_carrying(now, std::slice::from_ref(user), warning, text, false, notice.encode_to_vec());
    }
}

/// Most lines that one notice names.
const MAX_LINES: usize = 64;

/// Lines that went no further while their author had just been told of others. Those without an id and those beyond
/// [`MAX_LINES`] are left out: only who writes faster than anybody can gets so far, and no client of ours does.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    lines: Vec<NotSent>,
    due: Option<Instant>,
}

impl Refused {
    fn add(&mut self, line: NotSent, due: Instant) {
        if line.message_id.is_empty() || self.lines.len() >= MAX_LINES {
            return;
        }
        self.lines.push(line);
        self.due.get_or_insert(due);
    }

    const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// When they are to be told of.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// All of them in one notice, the latest first: its reason is what there is to do something about.
    fn take(&mut self) -> Option<NotSent> {
        self.due = None;
        let mut lines = std::mem::take(&mut self.lines);
        let latest = lines.pop()?;
        Some(NotSent { others: lines, ..latest })
    }
}

const fn words(reason: Reason, is_private: bool) -> &'static str {
    match (reason, is_private) {
        (Reason::TooLong, _) => "Your message is too long and was not sent.",
        (Reason::TooFast, _) => "You are writing too fast. Your message was not sent; try again in a moment.",
        (Reason::LockedForAll, false) => "A moderator has locked the chat for everybody. Your message was not sent.",
        (Reason::LockedForYou, false) => "A moderator has locked the chat for you. Your message was not sent.",
        (Reason::LockedForAll, true) => {
            "A moderator has locked private messages for everybody. Your message was not sent."
        }
        (Reason::LockedForYou, true) => "A moderator has locked private messages for you. Your message was not sent.",
        (Reason::NotOffered | Reason::Unspecified, _) => "This room has no chat. Your message was not sent.",
        (Reason::NotHere, _) => "Whom you wrote to is not here. Your message was not sent.",
    }
}
