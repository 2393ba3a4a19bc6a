//! A room, a clock we hold, and people whose mail we read.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test helper, of which each file uses its own part"
)]

pub(crate) mod moderating;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::media::Sources;
use model::{RoomId, SessionId, UserId};
use prost::Message;
use room::{
    Admission, AdmitRefusal, Claim, ClientSubject, ConnId, ConnectRefusal, EndReason, Moderation, ModerationRefusal,
    Moment, NewRoom, Notification, Output, Phase, Request, Room, Ticket,
};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

/// One event as somebody received it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mail {
    /// Stays with the message when it comes again.
    pub(crate) number: u64,
    pub(crate) event: Event,
    pub(crate) msg: String,
    pub(crate) bin_msg: Vec<u8>,
    pub(crate) from: Option<UserId>,
}

pub(crate) struct Scene {
    pub(crate) room: Room,
    pub(crate) journal: BTreeMap<String, Bytes>,
    pub(crate) mail: BTreeMap<UserId, Vec<Mail>>,
    pub(crate) forwarded: BTreeMap<UserId, Vec<Bytes>>,
    pub(crate) farewells: BTreeMap<ConnId, Option<String>>,
    pub(crate) ended: Option<EndReason>,
    pub(crate) media_closed: bool,
    pub(crate) media_tokens: Vec<UserId>,
    pub(crate) admitted: Vec<UserId>,
    pub(crate) media_rights: Vec<UserId>,
    /// Whose microphones were muted.
    pub(crate) muted: Vec<String>,
    /// Whose tracks were taken off the air.
    pub(crate) unpublished: Vec<(UserId, Sources)>,
    pub(crate) out_of_media: Vec<String>,
    /// Who is to leave the rooms that belong together, and whether they are blocked.
    pub(crate) sent_out_elsewhere: Vec<(UserId, bool)>,
    /// What other servers were told.
    pub(crate) notified: Vec<Notification>,
    conns: BTreeMap<UserId, ConnId>,
    owners: BTreeMap<ConnId, UserId>,
    /// Sockets that were closed, by either side.
    gone: BTreeSet<ConnId>,
    generations: BTreeMap<UserId, String>,
    next_conn: u64,
    now: Moment,
    /// Whether people confirm what they receive.
    pub(crate) polite: bool,
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::try_from(id).unwrap()
}

pub(crate) fn metadata() -> pnm::RoomMetadata {
    let features = pnm::RoomCreateFeatures {
        allow_webcams: true,
        allow_screen_share: true,
        allow_view_other_webcams: true,
        allow_view_other_users_list: true,
        chat_features: Some(pnm::ChatFeatures { is_allow: true, ..Default::default() }),
        whiteboard_features: Some(pnm::WhiteboardFeatures { is_allow: true, ..Default::default() }),
        ..Default::default()
    };
    pnm::RoomMetadata { room_title: "Test".into(), room_features: Some(features), ..Default::default() }
}

impl Scene {
    pub(crate) fn new(change: impl FnOnce(&mut NewRoom)) -> Self {
        let now = Moment { at: Instant::now(), unix_ms: 1_700_000_000_000 };
        let mut new = NewRoom {
            room: RoomId::try_from("room01").unwrap(),
            session: SessionId::try_from("sid-1").unwrap(),
            metadata: metadata(),
            max_participants: 0,
            empty_timeout: None,
            seed: 1,
            may_count: true,
        };
        change(&mut new);
        let mut room = Room::new(new, now);
        room.recorded_as(7);
        Self::around(room, now)
    }

    fn around(room: Room, now: Moment) -> Self {
        let mut scene = Self {
            room,
            journal: BTreeMap::new(),
            mail: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            farewells: BTreeMap::new(),
            ended: None,
            media_closed: false,
            media_tokens: Vec::new(),
            admitted: Vec::new(),
            media_rights: Vec::new(),
            muted: Vec::new(),
            unpublished: Vec::new(),
            out_of_media: Vec::new(),
            sent_out_elsewhere: Vec::new(),
            notified: Vec::new(),
            conns: BTreeMap::new(),
            owners: BTreeMap::new(),
            gone: BTreeSet::new(),
            generations: BTreeMap::new(),
            next_conn: 0,
            now,
            polite: true,
        };
        scene.drain();
        scene
    }

    /// The process dies and another takes the meeting up from the journal, `away` later.
    pub(crate) fn restart(self, away: Duration) -> Self {
        let now =
            Moment { at: self.now.at + away, unix_ms: self.now.unix_ms + i64::try_from(away.as_millis()).unwrap() };
        let id = RoomId::try_from("room01").unwrap();
        let session = SessionId::try_from("sid-1").unwrap();
        let room = Room::restore(id, session, 7, self.journal.clone(), 2, now).unwrap().room;
        let mut scene = Self::around(room, now);
        scene.journal = self.journal;
        scene.generations = self.generations;
        scene.next_conn = self.next_conn;
        scene
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn admit(&mut self, id: &str, change: impl FnOnce(&mut Ticket)) -> Result<Admission, AdmitRefusal> {
        let mut ticket = Ticket {
            user_id: id.into(),
            name: format!("Name of {id}"),
            is_admin: false,
            is_hidden: false,
            client_type: 0,
            metadata: pnm::UserMetadata::default(),
            generation: format!("gen-{}-{}", id, self.generations.len() + self.next_conn as usize),
            spare_id: user("spare"),
        };
        change(&mut ticket);
        let admission = self.room.admit(self.now, ticket)?;
        self.generations.insert(admission.user_id.clone(), admission.generation.clone());
        self.drain();
        Ok(admission)
    }

    /// Somebody comes, and into the meeting unless they have to wait.
    pub(crate) fn connect(&mut self, id: &str) -> ConnId {
        let conn = self.try_connect(id).unwrap();
        // Of what people do inside, the one thing that changes nothing else: a message to nobody.
        let delivery = pnm::PrivateDataDelivery::default();
        self.request(id, Request::PrivateDelivery { delivery, payload: Vec::new() });
        conn
    }

    pub(crate) fn try_connect(&mut self, id: &str) -> Result<ConnId, ConnectRefusal> {
        let id = user(id);
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        let generation = self.generations.get(&id).cloned();
        let claim = Claim { user: &id, generation: generation.as_deref(), expired: false };
        self.room.connect(self.now, conn, claim)?;
        self.conns.insert(id.clone(), conn);
        self.owners.insert(conn, id);
        self.room.set_credit(self.now, conn, 1000);
        self.drain();
        Ok(conn)
    }

    pub(crate) fn join(&mut self, id: &str) -> ConnId {
        self.admit(id, |_| {}).unwrap();
        self.connect(id)
    }

    pub(crate) fn join_admin(&mut self, id: &str) -> ConnId {
        self.admit(id, |ticket| ticket.is_admin = true).unwrap();
        self.connect(id)
    }

    pub(crate) fn conn(&self, id: &str) -> ConnId {
        self.conns[&user(id)]
    }

    /// Whether somebody has a socket.
    pub(crate) fn is_online(&self, id: &str) -> bool {
        self.conns.get(&user(id)).is_some_and(|conn| !self.gone.contains(conn))
    }

    pub(crate) fn generation(&self, id: &str) -> &str {
        &self.generations[&user(id)]
    }

    pub(crate) fn drop_socket(&mut self, id: &str) {
        let conn = self.conns.remove(&user(id)).unwrap();
        self.room.disconnect(self.now, conn);
        self.drain();
        self.gone.insert(conn);
    }

    pub(crate) fn close_conn(&mut self, conn: ConnId) {
        self.room.disconnect(self.now, conn);
        self.drain();
    }

    pub(crate) fn request(&mut self, id: &str, request: Request) {
        let conn = self.conns[&user(id)];
        self.room.request(self.now, conn, request);
        self.drain();
    }

    pub(crate) fn moderate(&mut self, by: &str, what: Moderation) -> Result<(), ModerationRefusal> {
        let done = self.room.moderate(self.now, &user(by), what);
        self.drain();
        done
    }

    pub(crate) fn publish(&mut self, id: &str, subject: ClientSubject, payload: Vec<u8>) {
        let conn = self.conns[&user(id)];
        self.room.publish(self.now, conn, subject, payload.into());
        self.drain();
    }

    pub(crate) fn say(&mut self, id: &str, message_id: &str, text: &str) {
        let message = chat(id, message_id, text, self.now.unix_ms);
        self.publish(id, ClientSubject::Chat, message.encode_to_vec());
    }

    pub(crate) fn end(&mut self) {
        self.room.end(self.now, EndReason::Asked);
        self.drain();
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let until = self.now.at + by;
        while let Some(due) = self.room.poll_timeout().filter(|due| *due <= until) {
            self.pass(due.saturating_duration_since(self.now.at));
            let before = self.room.poll_timeout();
            self.room.handle_timeout(self.now);
            self.drain();
            if self.room.poll_timeout() == before && before.is_some_and(|due| due <= self.now.at) {
                panic!("a timer does not move on");
            }
        }
        self.pass(until.saturating_duration_since(self.now.at));
    }

    fn pass(&mut self, by: Duration) {
        self.now = Moment { at: self.now.at + by, unix_ms: self.now.unix_ms + i64::try_from(by.as_millis()).unwrap() };
    }

    pub(crate) fn secs(&mut self, secs: u64) {
        self.advance(Duration::from_secs(secs));
    }

    /// Keeps people's applications alive over a long time.
    pub(crate) fn ping_everybody(&mut self) {
        let ids: Vec<UserId> = self.conns.keys().filter(|id| self.is_online(id.as_str())).cloned().collect();
        for id in ids {
            self.request(id.as_str(), Request::Ping);
        }
    }

    /// Everybody takes what there is for them.
    pub(crate) fn take_everything(&mut self) {
        for conn in self.conns.values() {
            self.room.set_credit(self.now, *conn, 1000);
        }
        self.drain();
    }

    pub(crate) fn take_mail(&mut self, id: &str) -> Vec<Mail> {
        self.mail.remove(&user(id)).unwrap_or_default()
    }

    pub(crate) fn events(&mut self, id: &str) -> Vec<Event> {
        self.take_mail(id).into_iter().map(|mail| mail.event).collect()
    }

    pub(crate) fn heard(&mut self, id: &str) -> Vec<Bytes> {
        self.forwarded.remove(&user(id)).unwrap_or_default()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.room.phase()
    }

    pub(crate) fn drain(&mut self) {
        let mut hung_up = Vec::new();
        while let Some(output) = self.room.poll_output() {
            assert!(self.ended.is_none(), "nothing follows the end, but {output:?} did");
            match output {
                Output::Store(entry) => match entry.value {
                    Some(value) => drop(self.journal.insert(entry.key, value)),
                    None => drop(self.journal.remove(&entry.key)),
                },
                Output::Deliver { to, delivery } => {
                    assert!(!self.gone.contains(&to), "nothing is sent to a socket that is gone");
                    let owner = self.owners[&to].clone();
                    let message = pnm::NatsMsgServerToClient::decode(delivery.payload.clone()).unwrap();
                    let mail = Mail {
                        number: delivery.stream_seq,
                        event: message.event(),
                        msg: message.msg,
                        bin_msg: message.bin_msg,
                        from: delivery.from.clone(),
                    };
                    self.mail.entry(owner).or_default().push(mail);
                    if self.polite {
                        self.room.acknowledge(self.now, to, delivery.stream_seq);
                    }
                }
                Output::Forward { to, message } => {
                    for conn in to {
                        assert!(!self.gone.contains(&conn), "nothing is sent to a socket that is gone");
                        let owner = self.owners[&conn].clone();
                        self.forwarded.entry(owner).or_default().push(message.payload.clone());
                    }
                }
                Output::Hangup { conn, farewell } => {
                    let text =
                        farewell.map(|farewell| pnm::NatsMsgServerToClient::decode(farewell.payload).unwrap().msg);
                    self.farewells.entry(conn).or_insert(text);
                    self.room.disconnect(self.now, conn);
                    hung_up.push(conn);
                }
                Output::MintMediaToken { user } => self.media_tokens.push(user),
                Output::Admit { conn } => self.admitted.push(self.owners[&conn].clone()),
                Output::UpdateMediaRights { user } => self.media_rights.push(user),
                Output::Mute { who } => self.muted.push(who.as_str().to_owned()),
                Output::Unpublish { user, sources } => self.unpublished.push((user, sources)),
                Output::RemoveFromMedia { who, .. } => self.out_of_media.push(who.as_str().to_owned()),
                Output::SendOutElsewhere { user, block, .. } => self.sent_out_elsewhere.push((user, block)),
                Output::RenewToken { .. } | Output::SetJoined(_) | Output::EndRooms(_) => {}
                Output::Notify(notification) => self.notified.push(*notification),
                Output::CloseMedia => self.media_closed = true,
                Output::Ended(why) => self.ended = Some(why),
            }
        }
        self.gone.extend(hung_up);
    }
}

pub(crate) fn chat(from: &str, id: &str, text: &str, at: i64) -> pnm::ChatMessage {
    pnm::ChatMessage {
        id: id.into(),
        from_user_id: from.into(),
        from_name: "whatever the client says".into(),
        sent_at: at,
        message: text.into(),
        ..Default::default()
    }
}

pub(crate) fn data(from: &str, kind: pnm::DataMsgBodyType, text: &str) -> pnm::DataChannelMessage {
    pnm::DataChannelMessage {
        id: "d1".into(),
        r#type: kind.into(),
        from_user_id: from.into(),
        message: text.into(),
        ..Default::default()
    }
}

pub(crate) fn private(to: &str, kind: pnm::PrivateDataDeliveryType) -> pnm::PrivateDataDelivery {
    pnm::PrivateDataDelivery { to_user_id: to.into(), echo_to_sender: false, r#type: kind.into() }
}
