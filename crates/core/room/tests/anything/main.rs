//! Everything that can be put into a room, in any order, in rooms of every kind: what holds whatever people do.
//!
//! Each person is played with the bookkeeping of the original client: what it was told must add up to what is so.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod client;
mod inputs;
mod listener;
mod promises;
#[path = "../scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::time::Duration;

use model::policy::Denial;
use proptest::prelude::*;
use room::{Phase, PollReport, Room};
use scene::{Mail, Scene, user};
use serde_json::Value;
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

use client::Client;
use inputs::Step;
use listener::Listener;

/// Who takes part; the last three only watch.
const NAMES: [&str; 8] = ["ana", "ben", "cem", "dan", "eva", "ghost", "boss", "RECORDER_BOT"];
const SECRET: [&str; 3] = ["ghost", "boss", "RECORDER_BOT"];

/// What kind of room it is, a bit for each feature.
fn furnish(new: &mut room::NewRoom, kind: u32) {
    let is = |bit: u32| kind >> bit & 1 == 1;
    new.empty_timeout = Some(100_000);
    new.max_participants = if is(0) { 6 } else { 0 };
    new.may_count = is(1);
    new.metadata.default_lock_settings = is(2).then(pnm::LockSettings::default);
    let features = new.metadata.room_features.as_mut().unwrap();
    features.enable_analytics = is(1);
    features.allow_view_other_users_list = !is(3);
    features.allow_view_other_webcams = !is(4);
    features.admin_only_webcams = is(5);
    features.mute_on_start = is(6);
    features.allow_raise_hand = Some(!is(7));
    features.allow_reactions = Some(!is(8));
    features.room_duration = is(9).then_some(90);
    let sealed = pnm::EndToEndEncryptionFeatures {
        is_enabled: is(10),
        included_chat_messages: is(11),
        included_whiteboard: is(12),
        ..Default::default()
    };
    features.end_to_end_encryption_features = Some(sealed);
    features.waiting_room_features =
        (!is(13)).then(|| pnm::WaitingRoomFeatures { is_active: is(14), ..Default::default() });
    features.polls_features = (!is(15)).then(|| pnm::PollsFeatures { is_allow: !is(16), is_active: false });
    features.breakout_room_features = (!is(17)).then(|| pnm::BreakoutRoomFeatures {
        is_allow: !is(18),
        allowed_number_rooms: 3,
        ..Default::default()
    });
    features.external_media_player_features =
        (!is(19)).then(|| pnm::ExternalMediaPlayerFeatures { is_allow: !is(20), ..Default::default() });
    features.display_external_link_features =
        (!is(21)).then(|| pnm::DisplayExternalLinkFeatures { is_allow: !is(22), ..Default::default() });
    features.shared_note_pad_features =
        (!is(23)).then(|| pnm::SharedNotePadFeatures { is_allow: !is(24), ..Default::default() });
    features.allow_virtual_bg = Some(!is(25));
}

/// A meeting, and what everybody's client believes of it.
pub(crate) struct Play {
    pub(crate) scene: Scene,
    clients: BTreeMap<&'static str, Client>,
    /// Ids of polls that were made.
    pub(crate) polls: Vec<String>,
    listener: Listener,
}

impl Play {
    fn new(kind: u32) -> Self {
        Self {
            scene: Scene::new(|new| furnish(new, kind)),
            clients: BTreeMap::new(),
            polls: Vec::new(),
            listener: Listener::default(),
        }
    }

    /// Somebody's page is opened, or finds its way back.
    pub(crate) fn come(&mut self, who: &'static str, reload: bool) {
        // As fast as a browser tries again.
        self.scene.secs(2);
        self.read_mail();
        if self.scene.try_connect(who).is_err() {
            return;
        }
        let is_known = self.clients.get(who).is_some_and(|known| known.generation == self.scene.generation(who));
        if reload || !is_known {
            self.scene.mail.remove(&user(who));
            let generation = self.scene.generation(who).to_owned();
            self.clients.insert(who, Client::new(who, generation));
            self.scene.request(who, room::Request::InitialData);
            self.scene.request(who, room::Request::JoinedUsers);
        }
    }

    /// The process dies.
    pub(crate) fn restart(mut self) -> Self {
        self.inform_listener();
        Self { scene: self.scene.restart(Duration::from_secs(1)), ..self }
    }

    /// Everybody's client takes in what it was told; who was let in asks for the list.
    fn read_mail(&mut self) {
        loop {
            let mail = std::mem::take(&mut self.scene.mail);
            if mail.is_empty() {
                return;
            }
            for (whose, letters) in mail {
                let Some(who) = NAMES.into_iter().find(|name| *name == whose.as_str()) else { continue };
                let Some(client) = self.clients.get_mut(who) else { continue };
                let was_waiting = client.is_waiting();
                // Whoever is let in has the room's metadata before the word that they are in (rule W2).
                let waits = self.scene.room.authorize(&whose, None).is_ok_and(|rank| rank.is_waiting);
                for letter in &letters {
                    check_letter(client, waits, letter);
                    client.take(letter);
                }
                if was_waiting && !client.is_waiting() && self.scene.is_online(who) {
                    client.wants_list();
                    self.scene.request(who, room::Request::JoinedUsers);
                }
            }
        }
    }

    fn inform_listener(&mut self) {
        for notification in std::mem::take(&mut self.scene.notified) {
            self.listener.hear(&notification);
        }
    }

    fn step(mut self, step: Step) -> Self {
        self = inputs::act(self, step);
        self.read_mail();
        self.inform_listener();
        self.scene.forwarded.clear();
        self
    }

    fn is_open(&self) -> bool {
        matches!(self.scene.phase(), Phase::Created | Phase::Active)
    }

    /// What must hold after every step.
    fn check(&mut self) {
        let (metadata, people) = shown(&mut self.scene.room);
        promises::check(&self.scene.room, &metadata, &people);
        assert_eq!(shown(&mut self.restored().room), (metadata, people.clone()), "the journal holds everything");
        let presenters =
            people.iter().filter(|(id, person)| self.scene.is_online(id) && person["is_presenter"] == true);
        assert!(presenters.count() <= 1, "one presenter");
        for name in NAMES {
            let Some(rights) = self.scene.room.media_permission(&user(name)) else { continue };
            let waits = self.scene.room.authorize(&user(name), None).is_ok_and(|rank| rank.is_waiting);
            assert!(!waits || (rights.publish.is_empty() && !rights.subscribe), "{name} waits");
            assert!(!SECRET.contains(&name) || (rights.publish.is_empty() && rights.hidden), "{name} only watches");
        }
    }

    /// What must hold once everything is quiet.
    fn check_quiet(&mut self) {
        // Longer than any grace, and everybody's application is alive and takes what there is.
        for _ in 0..4 {
            self.scene.ping_everybody();
            self.scene.take_everything();
            self.scene.secs(15);
        }
        self.read_mail();
        self.inform_listener();
        // As clients in a meeting do every half a minute; whoever was away for long is known again then.
        for who in NAMES {
            if self.scene.is_online(who) && self.clients[who].is_complete() {
                self.scene.request(who, room::Request::OnlineUsers);
            }
        }
        self.read_mail();
        for who in NAMES {
            if self.scene.is_online(who) && !self.clients[who].is_complete() {
                self.scene.request(who, room::Request::JoinedUsers);
            }
        }
        self.read_mail();
        if !self.is_open() {
            return;
        }
        let online: Vec<&str> = NAMES.into_iter().filter(|name| self.scene.is_online(name)).collect();
        let is_host = |name: &&str| {
            !SECRET.contains(name) && self.scene.room.authorize(&user(name), None).is_ok_and(|rank| rank.is_admin)
        };
        let has_host = online.iter().any(is_host);
        let (_, people) = shown(&mut self.scene.room);
        let presenters = people.iter().filter(|(_, person)| person["is_presenter"] == true).count();
        assert!(!has_host || presenters == 1, "one of {online:?} presents: {people:?}");
        for who in online {
            let believed = self.clients[who].clone();
            let mut fresh = Client::new(who, believed.generation.clone());
            for request in [room::Request::InitialData, room::Request::JoinedUsers] {
                self.scene.request(who, request);
            }
            let letters = self.scene.take_mail(who);
            letters.iter().for_each(|letter| fresh.take(letter));
            assert!(fresh.is_complete(), "{who} asked and was answered");
            assert!(believed == fresh, "{who} was not told everything: {}", believed.differs(&fresh));
        }
        self.check_journal();
    }

    fn restored(&self) -> room::Restored {
        let journal = self.scene.journal.clone();
        let (id, session) = ("room01".try_into().unwrap(), "sid-1".try_into().unwrap());
        Room::restore(id, session, 7, journal, 9, self.scene.now()).unwrap()
    }

    /// The next process knows what this one knows.
    fn check_journal(&mut self) {
        let mut restored = self.restored();
        assert!(restored.damaged.is_empty());
        let room = &mut self.scene.room;
        assert_eq!(shown(&mut restored.room), shown(room));
        assert_eq!(restored.room.breakout_rooms(), room.breakout_rooms());
        assert_eq!(restored.room.sent_out(), room.sent_out());
        for name in NAMES {
            let who = user(name);
            let polls = |room: &Room| -> Result<Vec<PollReport>, Denial> {
                room.poll_reports(&who, None).map_err(|_| Denial::NotModerator)
            };
            assert_eq!(polls(&restored.room), polls(room));
            assert_eq!(restored.room.media_permission(&who), room.media_permission(&who));
            assert_eq!(restored.room.authorize(&who, None), room.authorize(&who, None));
            assert_eq!(restored.room.blocked(&who), room.blocked(&who));
            let kind = pnm::RoomUploadedFileType::ChatFile;
            assert_eq!(restored.room.files_of(&who, kind), room.files_of(&who, kind));
        }
    }
}

/// What nobody may be told: of people who only watch, and while they wait of anything but themselves.
fn check_letter(to: &Client, waits: bool, letter: &Mail) {
    for secret in SECRET.into_iter().filter(|secret| *secret != to.me) {
        assert!(!letter.msg.contains(secret), "{} learns of {secret}: {letter:?}", to.me);
    }
    if !waits || !to.is_waiting() {
        return;
    }
    match letter.event {
        Event::ResInitialData | Event::RoomMetadataUpdate => {
            assert!(!letter.msg.contains(inputs::SHOWN), "{} sees what is shown: {letter:?}", to.me);
        }
        Event::UserMetadataUpdate => {
            let update: Value = serde_json::from_str(&letter.msg).unwrap();
            assert_eq!(update["user_id"], to.me.as_str(), "who waits learns of nobody");
        }
        Event::ResJoinedUsersList
        | Event::RespOnlineUsersList
        | Event::Pong
        | Event::SystemNotification
        | Event::SystemChatMsg
        | Event::SessionEnded
        | Event::RespRenewPnmToken => {}
        _ => panic!("{} waits and is told {letter:?}", to.me),
    }
}

/// The room and its people, as the API shows them.
fn shown(room: &mut Room) -> (Value, BTreeMap<String, Value>) {
    let view = room.view();
    let people = view.around.iter().map(|p| (p.id.to_string(), serde_json::from_str(&p.metadata).unwrap()));
    (serde_json::from_str(&view.info.metadata).unwrap(), people.collect())
}

/// A whole meeting, checked after every step, and closely now and then.
fn play(kind: u32, script: Vec<Step>) {
    let mut play = Play::new(kind);
    for (number, step) in script.into_iter().enumerate() {
        play = play.step(step);
        if !play.is_open() {
            break;
        }
        play.check();
        if number % 40 == 39 {
            play.check_quiet();
        }
    }
    play.check_quiet();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// Refusals change nothing; rights follow locks; hands have an order; hidden people are never told of; nobody who waits
    /// has media; one of those who are here presents; what clients and other servers were told adds up to what is so; and the
    /// journal holds it all.
    #[test]
    fn whatever_is_put_into_a_room_it_keeps_its_word(
        kind in any::<u32>(),
        script in prop::collection::vec(inputs::any_step(), 0..250),
    ) {
        play(kind, script);
    }

    /// The same where moderators are at it all the time.
    #[test]
    fn whatever_moderators_do_the_meeting_keeps_its_word(
        kind in any::<u32>(),
        script in prop::collection::vec(inputs::any_moderating_step(), 0..250),
    ) {
        play(kind, script);
    }
}
