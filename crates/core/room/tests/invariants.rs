//! Random meetings of hundreds of steps: what holds whatever people and moderators do.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use model::media::Source;
use proptest::prelude::*;
use room::{Device, Guests, LockService, MediaStep, Moderation, OnMedia, Phase, Request, Room, Whom};
use scene::{Scene, user};
use serde_json::Value;
use wire::livekit::{TrackInfo, TrackSource};
use wire::pnm;

const NAMES: [&str; 5] = ["ana", "ben", "cem", "dan", "eva"];
const SERVICES: [&str; 10] = [
    "mic",
    "webcam",
    "screenShare",
    "chat",
    "sendChatMsg",
    "chatFile",
    "privateChat",
    "whiteboard",
    "sharedNotepad",
    "reactions",
];

#[derive(Debug, Clone)]
enum Step {
    Admit(usize, bool),
    Connect(usize),
    Drop(usize),
    Hand(usize, bool),
    LowerHands(usize, Option<usize>),
    LetIn(usize, Option<usize>),
    Media(usize, MediaStep, bool),
    Moderate(usize, Moderation),
    Wait(u16),
    Restart,
}

fn who() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![who().prop_map(|who| Whom::One(user(NAMES[who]))), Just(Whom::All)]
}

fn any_moderation() -> impl Strategy<Value = Moderation> {
    let one = || who().prop_map(|who| user(NAMES[who]));
    let device = || prop_oneof![Just(Device::Microphone), Just(Device::Camera), Just(Device::ScreenShare)];
    prop_oneof![
        3 => (whom(), 0..SERVICES.len(), any::<bool>()).prop_map(|(whom, service, locked)| Moderation::Lock {
            whom,
            service: LockService::named(SERVICES[service]).unwrap(),
            locked,
        }),
        1 => any::<bool>().prop_map(|including_moderators| Moderation::MuteAll { including_moderators }),
        1 => (one(), any::<bool>()).prop_map(|(user, block)| Moderation::Remove { user, msg: "out".into(), block }),
        1 => one().prop_map(|user| Moderation::Unblock { user }),
        1 => one().prop_map(|user| Moderation::Promote { user }),
        1 => one().prop_map(|user| Moderation::Demote { user }),
        1 => any::<(Option<bool>, Option<bool>)>()
            .prop_map(|(notepad, whiteboard)| Moderation::ChangeVisibility { notepad, whiteboard }),
        1 => prop::collection::vec(one(), 0..4).prop_map(Moderation::Spotlight),
        1 => any::<bool>().prop_map(Moderation::AllowSelfUnmute),
        1 => (one(), device()).prop_map(|(user, device)| Moderation::Ask { user, device }),
        1 => (one(), device()).prop_map(|(user, device)| Moderation::Stop { user, device }),
        1 => any::<bool>().prop_map(Moderation::Lobby),
        1 => any::<bool>().prop_map(Moderation::Rest),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let media = prop_oneof![
        Just(MediaStep::Published),
        Just(MediaStep::Muted),
        Just(MediaStep::Unpublished),
        Just(MediaStep::Left)
    ];
    prop_oneof![
        3 => (who(), any::<bool>()).prop_map(|(who, admin)| Step::Admit(who, admin)),
        4 => who().prop_map(Step::Connect),
        1 => who().prop_map(Step::Drop),
        2 => (who(), any::<bool>()).prop_map(|(who, up)| Step::Hand(who, up)),
        1 => (who(), prop::option::of(who())).prop_map(|(by, whose)| Step::LowerHands(by, whose)),
        1 => (who(), prop::option::of(who())).prop_map(|(by, guest)| Step::LetIn(by, guest)),
        3 => (who(), media, any::<bool>()).prop_map(|(who, step, muted)| Step::Media(who, step, muted)),
        8 => (who(), any_moderation()).prop_map(|(by, what)| Step::Moderate(by, what)),
        1 => (0..600u16).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// A meeting and who of its people has a socket.
struct Play {
    scene: Scene,
    online: [bool; NAMES.len()],
}

impl Play {
    fn new() -> Self {
        let scene = Scene::new(|new| {
            new.empty_timeout = Some(100_000);
            new.metadata.default_lock_settings = Some(pnm::LockSettings::default());
            let features = new.metadata.room_features.as_mut().unwrap();
            features.waiting_room_features = Some(pnm::WaitingRoomFeatures::default());
        });
        Self { scene, online: [false; NAMES.len()] }
    }

    fn step(mut self, step: Step) -> Self {
        match step {
            Step::Admit(who, admin) => {
                if self.scene.admit(NAMES[who], |ticket| ticket.is_admin = admin).is_ok() {
                    self.online[who] = false;
                }
            }
            Step::Connect(who) => {
                // As fast as a browser tries again.
                self.scene.secs(2);
                if self.scene.room.authorize(&user(NAMES[who]), None).is_ok() {
                    self.scene.connect(NAMES[who]);
                    self.online[who] = true;
                }
            }
            Step::Drop(who) if self.online[who] => {
                self.scene.drop_socket(NAMES[who]);
                self.online[who] = false;
            }
            Step::Hand(who, up) if self.online[who] => {
                let request = if up { Request::RaiseHand { text: String::new() } } else { Request::LowerHand };
                self.scene.request(NAMES[who], request);
            }
            Step::LowerHands(by, whose) if self.online[by] => {
                let whose = whose.map_or(Whom::All, |who| Whom::One(user(NAMES[who])));
                self.scene.request(NAMES[by], Request::LowerOthersHand { whose });
            }
            Step::LetIn(by, guest) => {
                let guests = guest.map_or(Guests::All, |who| Guests::One(user(NAMES[who])));
                let now = self.scene.now();
                let _ = self.scene.room.let_in(now, &user(NAMES[by]), &guests);
                self.scene.drain();
            }
            Step::Media(who, what, muted) => {
                let track = TrackInfo { source: TrackSource::Microphone.into(), muted, ..TrackInfo::default() };
                let now = self.scene.now();
                let who = model::Identity::from(&user(NAMES[who]));
                let step = OnMedia { who, what, participant: None, track: Some(track), forwarded: None };
                self.scene.room.on_media(now, step);
                self.scene.drain();
            }
            Step::Moderate(by, what) => {
                let before = self.scene.journal.clone();
                if self.scene.moderate(NAMES[by], what.clone()).is_err() {
                    assert_eq!(self.scene.journal, before, "a refusal changes nothing");
                } else if let Moderation::Remove { user, .. } = what {
                    self.online[NAMES.iter().position(|name| *name == user.as_str()).unwrap()] = false;
                }
            }
            Step::Wait(tenths) => {
                // Whose application is silent for two minutes is gone, which is not what this is about.
                self.scene.advance(Duration::from_millis(u64::from(tenths) * 100));
                self.scene.ping_everybody();
            }
            Step::Restart => {
                self.scene = self.scene.restart(Duration::from_secs(1));
                self.online = [false; NAMES.len()];
            }
            Step::Drop(_) | Step::Hand(..) | Step::LowerHands(..) => {}
        }
        self.scene.mail.clear();
        self
    }

    fn check(&mut self) {
        let room = &mut self.scene.room;
        let shown = |room: &mut Room| -> (Value, Vec<(String, Value)>) {
            let view = room.view();
            let people = view.around.iter().map(|p| (p.id.to_string(), serde_json::from_str(&p.metadata).unwrap()));
            (serde_json::from_str(&view.info.metadata).unwrap(), people.collect())
        };
        let (metadata, people) = shown(room);
        let extra = &metadata["extra_data"];
        let mut hands = BTreeSet::new();
        for (id, person) in &people {
            let hand = &person["raised_hand"];
            if hand["is_raised"] == true {
                assert!(hands.insert(hand["raised_at"].clone().to_string()), "two hands at the same time");
            }
            let admin = person["is_admin"] == true;
            let publish = room.media_permission(&user(id)).unwrap().publish;
            let locks = &person["lock_settings"];
            let defaults = &metadata["default_lock_settings"];
            let locked = |name: &str| locks.get(name).or_else(|| defaults.get(name)).is_some_and(|on| on == true);
            for (lock, source) in [
                ("lock_microphone", Source::Microphone),
                ("lock_webcam", Source::Camera),
                ("lock_screen_sharing", Source::ScreenShare),
            ] {
                let waits = person["wait_for_approval"] == true;
                assert_eq!(publish.contains(source), !waits && (admin || !locked(lock)), "{id} {lock}");
            }
            let held = person["extra_data"].get("plenum_held").is_some();
            assert!(!held || (!admin && locks["lock_microphone"] == true), "what is held is locked");
            assert!(!held || extra.get("plenum_self_unmute").is_some(), "nobody is held without reason");
        }
        let is_here = |id: &str| NAMES.iter().zip(self.online).any(|(name, online)| *name == id && online);
        let presenters = people.iter().filter(|(id, person)| is_here(id) && person["is_presenter"] == true).count();
        assert!(presenters <= 1, "one presenter");
        let blocked =
            NAMES.iter().filter(|name| room.authorize(&user(name), None) == Err(room::AuthorizeRefusal::Blocked));
        let blocked = blocked.count();
        assert_eq!(extra.get("plenum_blocked"), (blocked > 0).then(|| Value::from(blocked.to_string())).as_ref());
        for shown in extra["plenum_spotlight"].as_str().into_iter().flat_map(|list| list.split(',')) {
            assert!(room.authorize(&user(shown), None).is_ok(), "nobody in the spotlight was sent out");
        }
        let journal = self.scene.journal.clone();
        let restored =
            Room::restore("room01".try_into().unwrap(), "sid-1".try_into().unwrap(), 7, journal, 9, self.scene.now());
        let (again, others) = shown(&mut restored.unwrap().room);
        assert_eq!((again, others), (metadata, people), "the journal holds everything");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Refusals change nothing, rights follow locks, hands have an order, at most one of those who are here presents,
    /// and the journal holds it all.
    #[test]
    fn whatever_moderators_do_the_meeting_keeps_its_word(script in prop::collection::vec(any_step(), 0..300)) {
        let mut play = Play::new();
        for step in script {
            play = play.step(step);
            if !matches!(play.scene.phase(), Phase::Created | Phase::Active) {
                break;
            }
            play.check();
        }
    }
}
