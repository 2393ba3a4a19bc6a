//! What a client asks of the server: the worker events (meeting-protocol.md sections 7 and 14.1).

use std::time::Duration;

use model::UserId;
use model::policy::Capability;
use prost::Message;
use wire::plenum::not_sent::Reason;
use wire::pnm::{
    self, AnalyticsEvents, DataMsgBodyType, NatsMsgServerToClientEvents as Event,
    NatsSystemNotificationTypes as Severity, PrivateDataDeliveryType,
};

use crate::analytics::{About, ClientReport, Measure};
use crate::forward::{Binding, ClientSubject, Unaffordable};
use crate::moderation::Whom;
use crate::outbox::{Keep, Letter, Question, Route};
use crate::output::{ConnId, Moment, Output};
use crate::rules;
use crate::state::Room;

/// Longest text a raised hand may carry to the moderators, in characters.
const MAX_HAND_TEXT: usize = 200;
/// A socket gets the history once in this time.
const HISTORY_SPACING: Duration = Duration::from_secs(30);
/// Who history comes from when the asker named themselves.
const SYSTEM_SENDER: &str = "system";

/// What a request for the history says when its client knows marks.
const WITH_MARKS: &str = "plenum:marks";

/// How the history is asked for.
struct Asked {
    /// Who it shall seem to come from.
    donor: String,
    /// Also what has become of its lines.
    with_marks: bool,
}

/// One client event, decoded and bounded by `meeting::inbox`.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Room and own record.
    InitialData,
    /// A media token.
    MediaServerData,
    /// Who is here, once after joining.
    JoinedUsers,
    /// Who is here, every half minute.
    OnlineUsers,
    /// A token of the same kind, fresh.
    RenewToken { token: String },
    /// I am here.
    Ping,
    /// The text is what moderators read.
    RaiseHand { text: String },
    /// Own hand.
    LowerHand,
    /// Somebody else's hand, or every hand.
    LowerOthersHand { whose: Whom },
    /// Chat, data or whiteboard message to one person.
    PrivateDelivery { delivery: pnm::PrivateDataDelivery, payload: Vec<u8> },
    /// Something for the analytics that only the client knows.
    Report(ClientReport),
}

/// Where somebody is who asks for something (meeting-protocol.md section 1.6).
enum Place {
    Anywhere,
    /// On the page before the meeting, where every page begins.
    Before,
    Inside,
}

impl Request {
    const fn place(&self) -> Place {
        match self {
            Self::RenewToken { .. } | Self::Ping | Self::Report(_) => Place::Anywhere,
            Self::InitialData => Place::Before,
            Self::MediaServerData
            | Self::JoinedUsers
            | Self::OnlineUsers
            | Self::RaiseHand { .. }
            | Self::LowerHand
            | Self::LowerOthersHand { .. }
            | Self::PrivateDelivery { .. } => Place::Inside,
        }
    }
}

impl Room {
    /// Does what the owner of a socket asks. What is not allowed is left undone; the clients that we serve only ask
    /// when their own interface says that they may, so a refusal has no answer on this channel.
    pub fn request(&mut self, now: Moment, conn: ConnId, request: Request) {
        let Some(user) = self.conns.get(&conn).cloned() else { return };
        match request.place() {
            Place::Anywhere => {}
            Place::Before => self.step_outside(now, &user),
            Place::Inside => self.step_inside(now, &user),
        }
        match request {
            Request::InitialData => self.answer(now, &user, Question::InitialData),
            Request::MediaServerData => self.answer(now, &user, Question::MediaServerData),
            Request::JoinedUsers => self.answer(now, &user, Question::JoinedUsers),
            Request::OnlineUsers => self.list_users(now, &user, Event::RespOnlineUsersList),
            Request::RenewToken { token } => self.outputs.push_back(Output::RenewToken { user, token }),
            Request::Ping => {
                self.pinged(now, &user);
                self.tell(now, &user, Event::Pong, now.unix_ms.to_string());
            }
            Request::RaiseHand { text } => self.raise_hand(now, &user, &text),
            Request::LowerHand => self.lower_hand(now, &user),
            Request::LowerOthersHand { whose } => self.lower_hands(now, &user, whose),
            Request::PrivateDelivery { delivery, payload } => self.deliver_privately(now, &user, delivery, payload),
            Request::Report(report) => self.report_for_certain(now, conn, report),
        }
    }

    pub(crate) fn is_allowed(&self, user: &UserId, capability: Capability) -> bool {
        self.people.get(user).is_some_and(|person| self.may(person, capability).is_ok())
    }

    /// Answers what clients ask once and wait for.
    pub(crate) fn answer(&mut self, now: Moment, user: &UserId, question: Question) {
        match question {
            Question::InitialData => self.initial_data(now, user),
            Question::JoinedUsers => {
                self.list_users(now, user, Event::ResJoinedUsersList);
                self.tell_player(now, user);
            }
            Question::MediaServerData => self.media_server_data(user),
        }
    }

    fn initial_data(&mut self, now: Moment, user: &UserId) {
        let room = self.kv_room(user);
        let Some(person) = self.people.get(user) else { return };
        let data = pnm::NatsInitialData { room: Some(room), local_user: Some(self.kv_user(person)) };
        self.tell(now, user, Event::ResInitialData, wire::json::encode(&data));
    }

    fn list_users(&mut self, now: Moment, user: &UserId, event: Event) {
        if !self.people.get_mut(user).is_some_and(|person| person.allowance.lists.take(now.at)) {
            return;
        }
        if let Some(list) = self.users_list(now, user) {
            self.tell(now, user, event, list);
        }
    }

    fn media_server_data(&mut self, user: &UserId) {
        if self.is_allowed(user, Capability::Subscribe) {
            self.outputs.push_back(Output::MintMediaToken { user: user.clone() });
        }
    }

    /// The answer to [`Output::MintMediaToken`].
    pub fn send_media_token(
        &mut self,
        now: Moment,
        user: &UserId,
        url: String,
        token: String,
        turn_credentials: Option<pnm::TurnCredentials>,
    ) {
        let info = pnm::MediaServerConnInfo {
            url,
            token,
            enabled_e2ee: self.is_encrypted(),
            turn_credentials,
            native_token: String::new(),
        };
        self.tell(now, user, Event::ResMediaServerData, wire::json::encode(&info));
    }

    /// The answer to [`Output::RenewToken`].
    pub fn send_renewed_token(&mut self, now: Moment, user: &UserId, token: String) {
        self.tell(now, user, Event::RespRenewPnmToken, token);
    }

    fn raise_hand(&mut self, now: Moment, user: &UserId, text: &str) {
        if !self.is_allowed(user, Capability::RaiseHand) {
            return;
        }
        let Some(person) = self.people.get_mut(user) else { return };
        let raised = person.metadata.raised_hand.is_some_and(|hand| hand.is_raised);
        if raised || !person.allowance.hands.take(now.at) {
            return;
        }
        let own_words: String =
            text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).take(MAX_HAND_TEXT).collect();
        let text = match own_words.trim() {
            "" => format!("{} raised a hand", person.name),
            words => words.to_owned(),
        };
        // No two hands go up at the same time, so that the queue is the same for everybody.
        let raised_at = now.unix_ms.max(self.last_hand_ms + 1);
        person.metadata.raised_hand = Some(pnm::UserRaisedHand { is_raised: true, raised_at });
        self.last_hand_ms = raised_at;
        self.changed.info = true;
        self.record(now, About::Person(user), AnalyticsEvents::AnalyticsEventUserRaiseHand, Measure::Happened);
        self.person_metadata_changed(now, user);
        let moderators: Vec<UserId> = self
            .people
            .values()
            .filter(|p| p.is_online() && p.is_admin() && p.id != *user)
            .map(|p| p.id.clone())
            .collect();
        self.notify(now, &moderators, Severity::NatsSystemNotificationInfo, &text, true);
    }

    pub(crate) fn lower_hand(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.people.get_mut(user) else { return };
        let raised = person.metadata.raised_hand.is_some_and(|hand| hand.is_raised);
        if raised {
            person.metadata.raised_hand = Some(pnm::UserRaisedHand::default());
            self.person_metadata_changed(now, user);
        }
    }

    fn lower_hands(&mut self, now: Moment, by: &UserId, whose: Whom) {
        if !self.is_allowed(by, Capability::LowerOthersHand) {
            return;
        }
        match whose {
            Whom::One(user) => self.lower_hand(now, &user),
            Whom::All => {
                for user in self.people.keys().cloned().collect::<Vec<_>>() {
                    self.lower_hand(now, &user);
                }
            }
        }
    }

    fn deliver_privately(&mut self, now: Moment, from: &UserId, delivery: pnm::PrivateDataDelivery, payload: Vec<u8>) {
        let Ok(to) = UserId::try_from(delivery.to_user_id.as_str()) else { return };
        let Ok(kind) = PrivateDataDeliveryType::try_from(delivery.r#type) else { return };
        let subject = match kind {
            PrivateDataDeliveryType::Chat => ClientSubject::Chat,
            PrivateDataDeliveryType::DataMsg => ClientSubject::Data,
            PrivateDataDeliveryType::WhiteboardMsg => ClientSubject::Whiteboard,
        };
        match self.afford_privately(now, from, subject, &payload) {
            Ok(()) => {}
            Err(why) if subject == ClientSubject::Chat => {
                return self.tell_unaffordable(now, from, why, &payload, true);
            }
            Err(Unaffordable::TooLarge | Unaffordable::TooMuch | Unaffordable::Garbage) => return,
        }
        let Some(sender) = self.people.get(from) else { return };
        if self.may(sender, Capability::Listen).is_err() {
            return;
        }
        // The server answers, whether who was asked is still here or not.
        if subject == ClientSubject::Data
            && let Some(donor) = self.history_request(from, &to, &payload)
        {
            return self.answer_with_history(now, from, &donor);
        }
        let reached = self.people.get(&to).filter(|target| {
            self.may(target, Capability::Listen).is_ok() && target.is_around() && self.knows_of(sender, target)
        });
        let Some(target) = reached else {
            // Nobody learns whether there is somebody whom they may not know of.
            if subject == ClientSubject::Chat {
                self.tell_not_sent(now, from, Reason::NotHere, &payload, true);
            }
            return;
        };
        let binding = Binding { now: now.at, sender, to: Some(target) };
        let payload = match subject {
            ClientSubject::Chat => match self.bind_chat(now, &binding, payload.clone()) {
                Ok(bound) => Some(bound),
                Err(why) => match self.why_not_sent(&binding, why) {
                    Some(reason) => return self.tell_not_sent(now, from, reason, &payload, true),
                    None => None,
                },
            },
            ClientSubject::Data => self.bind_data(&binding, payload),
            ClientSubject::Whiteboard => self.bind_whiteboard(&binding, payload),
        };
        let Some(payload) = payload else { return };
        let msg = wire::json::encode(&delivery);
        let mut receivers = vec![to];
        if delivery.echo_to_sender && receivers[0] != *from {
            receivers.push(from.clone());
        }
        let keep = self.keep_private(delivery.r#type(), &payload);
        let opaque = self.is_opaque(subject);
        if !opaque {
            self.remember_ask(now, from, &receivers[0], subject, &payload);
        }
        let payload = self.envelope(Event::DeliveryPrivateData, msg, payload);
        if subject == ClientSubject::Chat {
            self.record(now, About::Person(from), AnalyticsEvents::AnalyticsEventUserPrivateChat, Measure::Counted(1));
        }
        let from = opaque.then(|| from.clone());
        self.put(now, &receivers, &Letter { route: Route::Private, unix_ms: now.unix_ms, payload, keep, from });
    }

    /// Whoever is asked for the board or the notes may answer.
    fn remember_ask(&mut self, now: Moment, from: &UserId, to: &UserId, subject: ClientSubject, payload: &[u8]) {
        if subject == ClientSubject::Chat {
            return;
        }
        let Ok(message) = pnm::DataChannelMessage::decode(payload) else { return };
        let is_question =
            matches!(message.r#type(), DataMsgBodyType::WhiteboardSyncRequest | DataMsgBodyType::NotepadSyncRequest);
        if let Some(donor) = self.people.get_mut(to).filter(|_| is_question) {
            donor.asked.remember(now.at, from, &message);
        }
    }

    /// A line of chat and a word from a moderator are said once. Sync messages are asked for again by whoever comes back.
    fn keep_private(&self, kind: PrivateDataDeliveryType, payload: &[u8]) -> Keep {
        let word = || {
            !rules::encrypted(&self.metadata).data
                && pnm::DataChannelMessage::decode(payload).is_ok_and(|message| {
                    matches!(
                        message.r#type(),
                        DataMsgBodyType::Info
                            | DataMsgBodyType::Alert
                            | DataMsgBodyType::PushJoinBreakoutRoom
                            | DataMsgBodyType::ChatAction
                    )
                })
        };
        match kind {
            PrivateDataDeliveryType::Chat => Keep::Letter,
            PrivateDataDeliveryType::DataMsg if word() => Keep::Letter,
            PrivateDataDeliveryType::DataMsg | PrivateDataDeliveryType::WhiteboardMsg => Keep::No,
        }
    }

    /// If this is a request for the public chat of a room whose chat we can read: the sender to answer as.
    fn history_request(&self, from: &UserId, donor: &UserId, payload: &[u8]) -> Option<Asked> {
        if rules::encrypted(&self.metadata).data {
            return None;
        }
        let message = pnm::DataChannelMessage::decode(payload).ok()?;
        if message.r#type() != DataMsgBodyType::ReqPublicChatData {
            return None;
        }
        let donor = if donor == from { SYSTEM_SENDER.into() } else { donor.to_string() };
        Some(Asked { donor, with_marks: message.message == WITH_MARKS })
    }

    /// The server is the first donor: stock clients merge what seems to come from the participant they asked. A socket
    /// gets it once in half a minute, however many donors it asks.
    fn answer_with_history(&mut self, now: Moment, to: &UserId, asked: &Asked) {
        let Some(person) = self.people.get_mut(to) else { return };
        if person.history_given.is_some_and(|at| now.at.saturating_duration_since(at) < HISTORY_SPACING) {
            return;
        }
        person.history_given = Some(now.at);
        self.send_history(now, to, &asked.donor, 0);
        if asked.with_marks {
            self.send_marks(now, to, &asked.donor);
        }
    }

    /// What was said while somebody was gone; their client does not ask again.
    pub(crate) fn send_missed_chat(&mut self, now: Moment, to: &UserId, heard_upto: u64) {
        if !rules::encrypted(&self.metadata).data && self.is_allowed(to, Capability::Listen) {
            self.send_history(now, to, SYSTEM_SENDER, heard_upto);
        }
    }

    fn send_history(&mut self, now: Moment, to: &UserId, donor: &str, after: u64) {
        let Some(viewer) = self.people.get(to) else { return };
        let parts = self.history.parts(after, |author, is_admin| self.may_read_chat_of(viewer, author, is_admin));
        let delivery = pnm::PrivateDataDelivery {
            to_user_id: to.to_string(),
            echo_to_sender: false,
            r#type: PrivateDataDeliveryType::DataMsg.into(),
        };
        let msg = wire::json::encode(&delivery);
        if let Some(person) = self.people.get_mut(to) {
            person.outbox.expect_missed_chat(parts.len() as u64);
        }
        for message in parts {
            let answer = pnm::DataChannelMessage {
                id: self.ids.uuid(),
                r#type: DataMsgBodyType::ResPublicChatData.into(),
                from_user_id: donor.into(),
                to_user_id: Some(to.to_string()),
                message,
                bin_message: None,
            };
            let payload = self.envelope(Event::DeliveryPrivateData, msg.clone(), answer.encode_to_vec());
            let letter = Letter { route: Route::Private, unix_ms: now.unix_ms, payload, keep: Keep::No, from: None };
            self.put(now, std::slice::from_ref(to), &letter);
        }
    }
}
