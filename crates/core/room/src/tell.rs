//! Telling people things: what each may know, encoded once, put into their outboxes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use model::UserId;
use prost::Message;
use wire::pnm::{self, NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity};

use crate::ids::Ids;
use crate::outbox::{Keep, Letter, Put, Question, Route};
use crate::output::{ConnId, Farewell, Moment, Output};
use crate::person::{Person, Presence};
use crate::queue::QUEUE;
use crate::removal::BLOCKED;
use crate::rest::AT_REST_BY;
use crate::shared::SPOTLIGHT;
use crate::state::Room;

/// Who looks at the room's metadata; what is confidential differs (meeting-protocol.md section 9.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eyes {
    Moderator,
    Member,
    Waiting,
}

/// The room's metadata as JSON, per kind of reader, encoded when first asked for.
///
/// Each view has its own `metadata_id`, because a client ignores an update whose id it already has: somebody let in
/// from the waiting room must get a new one.
#[derive(Debug)]
pub(crate) struct Views {
    ids: [String; 3],
    json: [Option<Arc<str>>; 3],
    full: Option<Arc<str>>,
    /// Who waits, for those who do; see [`QUEUE`].
    queue: String,
}

impl Views {
    pub(crate) fn new(ids: &mut Ids) -> Self {
        Self { ids: [ids.uuid(), ids.uuid(), ids.uuid()], json: [None, None, None], full: None, queue: String::new() }
    }

    pub(crate) fn changed(&mut self, ids: &mut Ids) {
        let queue = std::mem::take(&mut self.queue);
        *self = Self { queue, ..Self::new(ids) };
    }

    /// The queue as those who wait see it; whether it is another one.
    pub(crate) fn show_queue(&mut self, queue: String, ids: &mut Ids) -> bool {
        let is_news = self.queue != queue;
        if is_news {
            self.queue = queue;
            self.ids[Eyes::Waiting as usize] = ids.uuid();
            self.json[Eyes::Waiting as usize] = None;
        }
        is_news
    }

    /// Everything, for the API.
    pub(crate) fn full(&mut self, metadata: &pnm::RoomMetadata) -> Arc<str> {
        self.full.get_or_insert_with(|| wire::json::encode(metadata).into()).clone()
    }

    fn of(&mut self, metadata: &pnm::RoomMetadata, eyes: Eyes) -> Arc<str> {
        let id = &self.ids[eyes as usize];
        self.json[eyes as usize]
            .get_or_insert_with(|| {
                let mut view = metadata.clone();
                view.metadata_id = Some(id.clone());
                conceal(&mut view, eyes);
                if eyes == Eyes::Waiting && !self.queue.is_empty() {
                    view.extra_data.insert(QUEUE.into(), self.queue.clone());
                }
                wire::json::encode(&view).into()
            })
            .clone()
    }
}

/// Blanks what these eyes must not see. A waiting person keeps the encryption key: the stock client needs it at its
/// first message and gets nothing it could decrypt before it is let in (decision W4).
fn conceal(view: &mut pnm::RoomMetadata, eyes: Eyes) {
    view.webhook_url = None;
    // It holds the passwords of the meeting.
    view.extra_data.remove(wire::bbb::EXTRA_KEY);
    if eyes == Eyes::Moderator {
        return;
    }
    view.extra_data.remove(BLOCKED);
    view.extra_data.remove(AT_REST_BY);
    let Some(features) = view.room_features.as_mut() else { return };
    if let Some(sip) = features.sip_dial_in_features.as_mut() {
        sip.phone_numbers.clear();
        sip.pin = None;
        sip.dispatch_rule_id = None;
    }
    if let Some(ingress) = features.ingress_features.as_mut() {
        ingress.url.clear();
        ingress.stream_key.clear();
    }
    if eyes == Eyes::Waiting {
        view.extra_data.remove(SPOTLIGHT);
        close(features);
    }
}

/// What is shown in a meeting, and who shows it, as if nothing were: for people who are not in it.
fn close(features: &mut pnm::RoomCreateFeatures) {
    if let Some(player) = features.external_media_player_features.as_mut() {
        *player = pnm::ExternalMediaPlayerFeatures { is_allow: player.is_allow, ..Default::default() };
    }
    if let Some(link) = features.display_external_link_features.as_mut() {
        *link = pnm::DisplayExternalLinkFeatures { is_allow: link.is_allow, ..Default::default() };
    }
    if let Some(pad) = features.shared_note_pad_features.as_mut() {
        *pad = pnm::SharedNotePadFeatures { is_allow: pad.is_allow, ..Default::default() };
    }
    if let Some(board) = features.whiteboard_features.as_mut() {
        // The path of a file is the key to it.
        let max_allowed_file_size = board.max_allowed_file_size;
        *board = pnm::WhiteboardFeatures { is_allow: board.is_allow, max_allowed_file_size, ..Default::default() };
    }
    let Some(insights) = features.insights_features.as_mut() else { return };
    if let Some(transcription) = insights.transcription_features.as_mut() {
        transcription.allowed_speech_users.clear();
    }
    if let Some(chat) = insights.ai_features.as_mut().and_then(|ai| ai.ai_text_chat_features.as_mut()) {
        chat.allowed_user_ids.clear();
    }
}

fn eyes(person: &Person) -> Eyes {
    if person.is_waiting() {
        Eyes::Waiting
    } else if person.is_admin() {
        Eyes::Moderator
    } else {
        Eyes::Member
    }
}

/// What must not be lost: what is said once and shown, and answers that are waited for without end. Everything else is
/// state, which whoever comes back gets anew, or is asked for again before long.
const fn keep(event: Event) -> Keep {
    match event {
        Event::ResInitialData => Keep::Answer(Question::InitialData),
        Event::ResJoinedUsersList => Keep::Answer(Question::JoinedUsers),
        Event::ResMediaServerData => Keep::Answer(Question::MediaServerData),
        Event::SystemNotification
        | Event::SystemChatMsg
        | Event::SessionEnded
        | Event::PollCreated
        | Event::PollClosed
        | Event::JoinBreakoutRoom
        | Event::BreakoutRoomEnded
        | Event::RespInsightsAiTextChat => Keep::Letter,
        Event::RoomMetadataUpdate
        | Event::UserMetadataUpdate
        | Event::UserJoined
        | Event::UserDisconnected
        | Event::UserOffline
        | Event::RespRenewPnmToken
        | Event::TranscriptionOutputText
        | Event::RespOnlineUsersList
        | Event::DeliveryPrivateData
        | Event::Pong => Keep::No,
    }
}

impl Room {
    /// Puts one event into several outboxes and sends what can be sent. People without a session yet get nothing: their
    /// first request brings them up to date.
    pub(crate) fn post(
        &mut self,
        now: Moment,
        to: &[UserId],
        route: Route,
        event: Event,
        msg: String,
        bin_msg: Vec<u8>,
    ) {
        if to.is_empty() {
            return;
        }
        let payload = self.envelope(event, msg, bin_msg);
        self.put(now, to, &Letter { route, unix_ms: now.unix_ms, payload, keep: keep(event), from: None });
    }

    /// Puts a message into several outboxes. Somebody who is here and lets more pile up than is kept does not read:
    /// their socket is closed, and the next one is brought up to date.
    pub(crate) fn put(&mut self, now: Moment, to: &[UserId], letter: &Letter) {
        let said = self.history.last_number();
        for user in to {
            let Some(person) = self.people.get_mut(user) else { continue };
            if matches!(person.presence, Presence::Added | Presence::Away) {
                continue;
            }
            let put = person.outbox.push(letter.clone());
            if person.outbox.set_numbers_aside() {
                self.changed.people.insert(user.clone());
            }
            if let (Put::Overflow, Some(conn)) = (put, person.conn()) {
                person.outbox.set_credit(0);
                self.outputs.push_back(Output::Hangup { conn, farewell: None });
            }
            Self::flush(person, now, said, &mut self.outputs);
            self.mail_changed(user);
        }
    }

    /// Tells one person.
    pub(crate) fn tell(&mut self, now: Moment, to: &UserId, event: Event, msg: String) {
        self.post(now, std::slice::from_ref(to), Route::Private, event, msg, Vec::new());
    }

    pub(crate) fn envelope(&mut self, event: Event, msg: String, bin_msg: Vec<u8>) -> Bytes {
        let message = pnm::NatsMsgServerToClient { id: self.ids.uuid(), event: event.into(), msg, bin_msg };
        message.encode_to_vec().into()
    }

    /// `said` is the number of the last public chat message.
    pub(crate) fn flush(person: &mut Person, now: Moment, said: u64, outputs: &mut VecDeque<Output>) {
        let Some(to) = person.conn() else { return };
        while let Some(delivery) = person.outbox.next_delivery(now.at, said) {
            outputs.push_back(Output::Deliver { to, delivery });
        }
    }

    pub(crate) fn flush_outboxes(&mut self, now: Moment) {
        let said = self.history.last_number();
        for person in self.people.values_mut() {
            person.outbox.handle_timeout(now.at);
            if person.outbox.is_touched() {
                self.changed.mail.insert(person.id.clone());
            }
            Self::flush(person, now, said, &mut self.outputs);
        }
    }

    /// The room's record as this person may see it.
    pub(crate) fn kv_room(&mut self, person: &UserId) -> pnm::NatsKvRoomInfo {
        let eyes = self.people.get(person).map_or(Eyes::Waiting, eyes);
        let metadata = self.views.of(&self.metadata, eyes).to_string();
        pnm::NatsKvRoomInfo {
            db_table_id: self.table_id,
            room_id: self.id.to_string(),
            room_sid: self.session.to_string(),
            status: self.life.phase().as_str().into(),
            empty_timeout: self.life.empty_timeout.unwrap_or(1800).into(),
            max_participants: self.max_participants.into(),
            metadata,
            created_at: u64::try_from(self.created_ms / 1000).unwrap_or_default(),
        }
    }

    pub(crate) fn kv_user(&self, person: &Person) -> pnm::NatsKvUserInfo {
        let ms = |at: i64| u64::try_from(at).unwrap_or_default();
        pnm::NatsKvUserInfo {
            user_id: person.id.to_string(),
            user_sid: person.generation.clone(),
            name: person.name.clone(),
            room_id: self.id.to_string(),
            is_admin: person.is_admin(),
            is_presenter: person.metadata.is_presenter,
            metadata: wire::json::encode(&person.metadata),
            joined_at: ms(person.joined_at),
            reconnected_at: ms(person.reconnected_at),
            disconnected_at: ms(person.disconnected_at),
            client_type: person.client_type,
        }
    }

    /// Everybody online whom this person may know of, as the JSON array of the two list events. After a restart those who
    /// are still on their way back count as well: nobody was told that they were gone.
    pub(crate) fn users_list(&self, now: Moment, viewer: &UserId) -> Option<String> {
        let viewer = self.people.get(viewer)?;
        let gathering = self.gathering_until.is_some_and(|until| now.at < until);
        let users: Vec<String> = self
            .people
            .values()
            .filter(|person| person.is_online() || (gathering && person.is_present()))
            .filter(|person| self.knows_of(viewer, person))
            .map(|person| wire::json::encode(&self.kv_user(person)))
            .collect();
        Some(format!("[{}]", users.join(",")))
    }

    /// Everybody online who may know of `about` and is not `about`.
    pub(crate) fn who_knows(&self, about: &UserId) -> Vec<UserId> {
        let Some(about) = self.people.get(about) else { return Vec::new() };
        self.people
            .values()
            .filter(|viewer| viewer.is_present() && viewer.id != about.id && self.knows_of(viewer, about))
            .map(|viewer| viewer.id.clone())
            .collect()
    }

    /// USER_JOINED, USER_DISCONNECTED or USER_OFFLINE to everybody who may know.
    pub(crate) fn tell_presence(&mut self, now: Moment, about: &UserId, event: Event) {
        let to = self.who_knows(about);
        if to.is_empty() {
            return;
        }
        let Some(person) = self.people.get(about) else { return };
        let msg = wire::json::encode(&self.kv_user(person));
        self.post(now, &to, Route::Private, event, msg, Vec::new());
    }

    /// New metadata id, journal, and USER_METADATA_UPDATE to the person and everybody who may know them.
    pub(crate) fn person_metadata_changed(&mut self, now: Moment, about: &UserId) {
        let id = self.ids.uuid();
        let Some(person) = self.people.get_mut(about) else { return };
        person.metadata.metadata_id = Some(id);
        person.metadata_changed_at = now.unix_ms;
        self.person_changed(about);
        let mut to = self.who_knows(about);
        to.push(about.clone());
        self.tell_metadata_of(now, &to, Route::Public, about);
    }

    pub(crate) fn tell_metadata_of(&mut self, now: Moment, to: &[UserId], route: Route, about: &UserId) {
        let Some(person) = self.people.get(about) else { return };
        let update =
            pnm::NatsUserMetadataUpdate { user_id: about.to_string(), metadata: wire::json::encode(&person.metadata) };
        self.post(now, to, route, Event::UserMetadataUpdate, wire::json::encode(&update), Vec::new());
    }

    /// The room's metadata, to one person.
    pub(crate) fn tell_room_metadata_to(&mut self, now: Moment, to: &UserId) {
        let Some(person) = self.people.get(to) else { return };
        let msg = self.views.of(&self.metadata, eyes(person)).to_string();
        self.tell(now, to, Event::RoomMetadataUpdate, msg);
    }

    /// The room's metadata, to everybody who is here.
    pub(crate) fn tell_room_metadata(&mut self, now: Moment) {
        for whose in [Eyes::Moderator, Eyes::Member, Eyes::Waiting] {
            self.tell_room_metadata_to_all(now, whose);
        }
    }

    /// The room's metadata, to everybody who waits to be let in.
    pub(crate) fn tell_room_metadata_to_waiting(&mut self, now: Moment) {
        self.tell_room_metadata_to_all(now, Eyes::Waiting);
    }

    fn tell_room_metadata_to_all(&mut self, now: Moment, whose: Eyes) {
        let to = self.people.values().filter(|person| person.is_present() && eyes(person) == whose);
        let to: Vec<UserId> = to.map(|person| person.id.clone()).collect();
        if !to.is_empty() {
            let msg = self.views.of(&self.metadata, whose).to_string();
            self.post(now, &to, Route::Public, Event::RoomMetadataUpdate, msg, Vec::new());
        }
    }

    pub(crate) fn notify(&mut self, now: Moment, to: &[UserId], severity: Severity, text: &str, with_sound: bool) {
        self.notify_carrying(now, to, severity, text, with_sound, Vec::new());
    }

    /// A notification with a `plenum.Notice` for clients that know more than its text.
    pub(crate) fn notify_carrying(
        &mut self,
        now: Moment,
        to: &[UserId],
        severity: Severity,
        text: &str,
        with_sound: bool,
        notice: Vec<u8>,
    ) {
        let notification = pnm::NatsSystemNotification {
            id: self.ids.uuid(),
            r#type: severity.into(),
            msg: text.into(),
            sent_at: now.unix_ms,
            with_sound,
        };
        self.post(now, to, Route::Private, Event::SystemNotification, wire::json::encode(&notification), notice);
    }

    pub(crate) fn tell_session_ended(&mut self, now: Moment) {
        let everybody: Vec<UserId> = self.people.values().filter(|p| p.is_present()).map(|p| p.id.clone()).collect();
        let msg = "notifications.room-disconnected-room-ended".to_owned();
        self.post(now, &everybody, Route::Public, Event::SessionEnded, msg, Vec::new());
    }

    /// Closes a socket with the reason as its last message.
    pub(crate) fn hangup(&mut self, conn: ConnId, msg: &str) {
        let payload = self.envelope(Event::SessionEnded, msg.into(), Vec::new());
        self.outputs.push_back(Output::Hangup { conn, farewell: Some(Farewell { payload }) });
    }
}
