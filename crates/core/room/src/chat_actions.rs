//! Editing, removing and answering lines of chat with a sign, and "is writing". Stock clients do not know these messages
//! and skip them; what they ask for later has the new text.

use std::sync::Arc;

use model::UserId;
use model::policy::Capability;
use prost::Message;
use wire::pnm::{self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event, chat_action::Action};

use crate::chat_marks::{SIGNS, Said};
use crate::forward::{Binding, ClientSubject, MAX_MESSAGE_ID, bound_to, plain};
use crate::journal;
use crate::outbox::{Keep, Letter, Route};
use crate::output::{ConnId, CoreMessage, Moment, Output};
use crate::person::Person;
use crate::state::Room;

impl Room {
    /// Does what a data message to everybody asks of the public chat: `false` if it is another kind of message. What may
    /// not be done changes nothing; who asked hears of it by not getting the message back.
    pub(crate) fn act_on_chat(&mut self, now: Moment, from: &UserId, payload: &[u8]) -> bool {
        let Ok(kind) = pnm::DataChannelMessage::decode(payload).map(|message| message.r#type()) else { return false };
        match kind {
            Body::ChatAction => drop(self.change_line(now, from, payload)),
            Body::ChatTyping => drop(self.tell_typing(now, from, payload)),
            _ => return false,
        }
        true
    }

    fn change_line(&mut self, now: Moment, from: &UserId, payload: &[u8]) -> Option<()> {
        let sender = self.people.get(from)?;
        let mut message = bound_to(&Binding { now: now.at, sender, to: None }, payload)?;
        let mut action = action_in(&message)?;
        let line = self.history.said(&action.message_id)?;
        self.may_change(sender, &line, action.action.as_ref()?).ok()?;
        self.apply(now, from, &line, action.action.as_ref()?)?;
        action.at = now.unix_ms;
        message.bin_message = Some(action.encode_to_vec());
        message.message.clear();
        self.tell_readers(&line.author, line.from_admin, None, message.encode_to_vec(), false);
        Some(())
    }

    fn may_change(&self, sender: &Person, line: &Said, action: &Action) -> Result<(), model::policy::Denial> {
        let own = line.author == sender.id.as_str();
        let capability = match action {
            Action::Edit(_) if own => Capability::PublicChat,
            Action::Edit(_) => return Err(model::policy::Denial::NotModerator),
            Action::Remove(_) if own => Capability::Listen,
            Action::Remove(_) => Capability::RemoveOthersChat,
            Action::React(_) if self.may_read_chat_of(sender, &line.author, line.from_admin) => Capability::ReactToChat,
            Action::React(_) => return Err(model::policy::Denial::Locked),
        };
        self.may(sender, capability)
    }

    fn apply(&mut self, now: Moment, from: &UserId, line: &Said, action: &Action) -> Option<()> {
        match action {
            Action::Edit(text) => {
                let message = self.history.edit(line.number, text, now.unix_ms)?;
                self.store(journal::chat_entry(line.number, &message));
            }
            Action::Remove(_) => {
                let message = self.history.remove(line.number)?;
                self.store(journal::chat_entry(line.number, &message));
                self.store(journal::signs_removed(line.number));
            }
            Action::React(reaction) => {
                let mark = self.history.sign(line.number, from.as_str(), reaction)?;
                self.store(journal::signs_entry(line.number, &mark));
            }
        }
        let gone = self.history.shrink();
        self.forget(gone);
        Some(())
    }

    fn tell_typing(&mut self, now: Moment, from: &UserId, payload: &[u8]) -> Option<()> {
        let sender = self.people.get(from)?;
        let mut message = bound_to(&Binding { now: now.at, sender, to: None }, payload)?;
        self.may(sender, Capability::PublicChat).ok()?;
        message.message.clear();
        message.bin_message = None;
        let is_admin = sender.is_admin();
        self.tell_readers(from.as_str(), is_admin, Some(from), message.encode_to_vec(), true);
        Some(())
    }

    /// Everybody who reads an author's lines, the one who asked included: that is how they know it was done.
    fn tell_readers(
        &mut self,
        author: &str,
        from_admin: bool,
        except: Option<&UserId>,
        payload: Vec<u8>,
        droppable: bool,
    ) {
        let to: Vec<ConnId> = self
            .people
            .values()
            .filter(|person| Some(&person.id) != except && self.may(person, Capability::Listen).is_ok())
            .filter(|person| self.may_read_chat_of(person, author, from_admin))
            .filter_map(Person::conn)
            .collect();
        if !to.is_empty() {
            let message = CoreMessage { subject: ClientSubject::Data, payload: payload.into(), from: None, droppable };
            self.outputs.push_back(Output::Forward { to, message: Arc::new(message) });
        }
    }

    /// The same to one person. We keep no private lines: whoever receives it knows whose line it is about, and the sender
    /// is true.
    pub(crate) fn bind_private_action(
        &self,
        binding: &Binding<'_>,
        mut message: pnm::DataChannelMessage,
    ) -> Option<Vec<u8>> {
        let target = binding.to?;
        let write =
            if target.is_admin() { Capability::PrivateChatToModerator } else { Capability::PrivateChatToAttendee };
        message.message.clear();
        if message.r#type() == Body::ChatTyping {
            self.may(binding.sender, write).ok()?;
            message.bin_message = None;
            return Some(message.encode_to_vec());
        }
        let action = action_in(&message)?;
        let capability = match action.action.as_ref()? {
            Action::Edit(_) => write,
            Action::Remove(_) => Capability::Listen,
            Action::React(_) => Capability::ReactToChat,
        };
        self.may(binding.sender, capability).ok()?;
        message.bin_message = Some(action.encode_to_vec());
        Some(message.encode_to_vec())
    }

    /// What has become of the lines of the history, to a client that knows what that is.
    pub(crate) fn send_marks(&mut self, now: Moment, to: &UserId, donor: &str) {
        let Some(viewer) = self.people.get(to) else { return };
        let parts = self.history.marks(|author, is_admin| self.may_read_chat_of(viewer, author, is_admin));
        let delivery = pnm::PrivateDataDelivery {
            to_user_id: to.to_string(),
            echo_to_sender: false,
            r#type: pnm::PrivateDataDeliveryType::DataMsg.into(),
        };
        let msg = wire::json::encode(&delivery);
        for part in parts {
            let answer = pnm::DataChannelMessage {
                id: self.ids.uuid(),
                r#type: Body::ChatMarks.into(),
                from_user_id: donor.into(),
                to_user_id: Some(to.to_string()),
                message: String::new(),
                bin_message: Some(part),
            };
            let payload = self.envelope(Event::DeliveryPrivateData, msg.clone(), answer.encode_to_vec());
            let letter = Letter { route: Route::Private, unix_ms: now.unix_ms, payload, keep: Keep::No, from: None };
            self.put(now, std::slice::from_ref(to), &letter);
        }
    }
}

/// What a message asks for, if it is within bounds.
fn action_in(message: &pnm::DataChannelMessage) -> Option<pnm::ChatAction> {
    let mut action = pnm::ChatAction::decode(message.bin_message.as_deref()?).ok()?;
    let sound = !action.message_id.is_empty()
        && action.message_id.len() <= MAX_MESSAGE_ID
        && match action.action.as_mut()? {
            Action::Edit(text) => {
                *text = plain(text);
                !text.is_empty()
            }
            Action::Remove(remove) => *remove,
            Action::React(reaction) => SIGNS.contains(&reaction.emoji.as_str()),
        };
    sound.then_some(action)
}
