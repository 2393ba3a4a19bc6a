//! Each of them lets something panic for ann. Sue speaks to lou all the while, and neither may notice.

use super::*;
use crate::plane::{Order, Signal};
use model::SessionId;
use model::media::{MediaPermission, Source, Sources};
use ports::media::inside::{
    Format, InsideEnd, InsideItem, InsideJoin, InsideKind, InsideOrder, ItemReceiver, SentFrame, items,
};
use ports::media::{MediaJoin, RemoveReason, Topology, TrackChoice};
use prost::Message;
use signal::{JoinRequest, Now};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use wire::lk;

fn name(who: &str) -> Identity {
    Identity::try_from(who).unwrap()
}

fn room() -> RoomId {
    RoomId::try_from("a").unwrap()
}

fn permission() -> MediaPermission {
    MediaPermission { update_own: false, ..MediaPermission::FREE }
}

struct Insider {
    link: u64,
    items: ItemReceiver,
}

impl Insider {
    fn told(&mut self) -> Vec<InsideItem> {
        std::iter::from_fn(|| self.items.try_recv()).collect()
    }
}

struct Scene {
    engine: Engine,
    events: mpsc::Receiver<MediaEvent>,
    now: Instant,
    sue: Insider,
    lou: Insider,
    key: RoomKey,
    sounds: u32,
}

impl Scene {
    fn new() -> Self {
        let (events, events_end) = mpsc::channel(1024);
        let (mut engine, now) = (Engine::new(Vec::new(), 1, events).unwrap(), Instant::now());
        let (sue, lou) = (enter(&mut engine, "sue", now).unwrap(), enter(&mut engine, "lou", now).unwrap());
        let key = engine.by_id[&room()];
        let mut scene = Self { engine, events: events_end, now, sue, lou, key, sounds: 0 };
        scene.publish(scene.sue.link);
        scene.hear_all(scene.lou.link);
        assert_eq!(scene.heard(), 1);
        scene
    }

    /// Ann as an insider: she speaks, hears sue and is heard by lou.
    fn ann(&mut self) -> Insider {
        let ann = enter(&mut self.engine, "ann", self.now).unwrap();
        self.publish(ann.link);
        self.hear_all(ann.link);
        self.hear_all(self.lou.link);
        ann
    }

    /// Ann with a browser: her connection is up.
    fn browser(&mut self) -> (u64, mpsc::Receiver<SignalDown>) {
        let (link, down) = self.connect().unwrap();
        let peer = self.peer("ann");
        let session = self.engine.rooms.get_mut(&self.key).unwrap().sessions.get_mut(&peer).unwrap();
        session.publisher.connected = true;
        self.engine.came_up(ConnectionKey { room: self.key, peer, subscriber: false }, self.now);
        (link, down)
    }

    fn connect(&mut self) -> Result<(u64, mpsc::Receiver<SignalDown>), ConnectError> {
        let join = MediaJoin {
            room: room(),
            session: SessionId::try_from("session").unwrap(),
            identity: name("ann"),
            name: String::new(),
            metadata: String::new(),
            attributes: Default::default(),
            permission: permission(),
            request: Bytes::new(),
            topology: Topology::Single,
            relays: Vec::new(),
            relay_only: false,
            kind: Default::default(),
            kind_details: Vec::new(),
        };
        let request = JoinRequest::read(&join.request).unwrap();
        let ((link, down), (reply, mut answer)) = (mpsc::channel(64), oneshot::channel());
        self.engine.order(Order::Connect { join: Box::new(join), request, link, reply }, self.now);
        answer.try_recv().unwrap().map(|link| (link, down))
    }

    fn publish(&mut self, link: u64) {
        let (name, source) = ("mic".into(), Source::Microphone);
        let publish = InsideOrder::Publish { name, source, format: Format::Opus, size: (0, 0), stereo: false };
        self.engine.inside_order(link, publish, self.now);
    }

    /// Subscribes an insider to every track of others.
    fn hear_all(&mut self, link: u64) {
        let sids: Vec<String> =
            self.everybody().into_iter().flat_map(|one| one.tracks).map(|track| track.sid).collect();
        for sid in sids {
            self.engine.inside_order(link, InsideOrder::Subscribe { sid, wanted: true }, self.now);
        }
        self.pass(Duration::from_secs(1));
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.handle_timeout(self.now);
        self.engine.drain(self.now, &mut |_, _, _| {});
    }

    /// Sue speaks. Returns how many packets of hers lou hears.
    fn heard(&mut self) -> usize {
        self.lou.told();
        self.sounds += 1;
        let data = Bytes::from_static(&[0xfc, 1, 2, 3]);
        let frame = SentFrame { timestamp: self.sounds * 960, captured: None, audio_level: Some(20), data };
        self.engine.inside_order(self.sue.link, InsideOrder::Send { name: "mic".into(), frame }, self.now);
        self.engine.drain(self.now, &mut |_, _, _| {});
        self.lou.told().iter().filter(|item| matches!(item, InsideItem::Frame(_))).count()
    }

    fn everybody(&self) -> Vec<lk::ParticipantInfo> {
        let known = self.engine.rooms[&self.key].machine.everybody();
        known.into_iter().map(|info| lk::ParticipantInfo::decode(info).unwrap()).collect()
    }

    fn peer(&self, who: &str) -> PeerKey {
        self.engine.called(self.key, &name(who))[0]
    }

    fn now(&self) -> Now {
        self.engine.now(self.now)
    }

    /// Who the meeting was told is gone since it was last asked. Rooms never are.
    fn gone(&mut self) -> Vec<String> {
        let events: Vec<MediaEvent> = std::iter::from_fn(|| self.events.try_recv().ok()).collect();
        assert!(events.iter().all(|event| event.kind != MediaEventKind::Closed));
        let is_gone = |event: &&MediaEvent| matches!(event.kind, MediaEventKind::Left | MediaEventKind::Aborted);
        events.iter().filter(is_gone).map(|event| event.identity.as_ref().unwrap().as_str().to_owned()).collect()
    }

    /// Nothing is left of ann, the meeting was told so once, and the others go on.
    fn is_without_ann(&mut self) {
        assert!(is_spent(), "it did panic");
        assert_eq!(self.gone(), ["ann"]);
        self.is_sound(&["lou", "sue"]);
    }

    /// Those are in the room and nobody else, in every table, and lou hears sue.
    fn is_sound(&mut self, who: &[&str]) {
        assert_eq!(self.engine.by_id[&room()], self.key, "it is the same room");
        let room = &self.engine.rooms[&self.key];
        let mut sessions: Vec<&str> = room.sessions.values().map(|session| session.identity.as_str()).collect();
        sessions.sort_unstable();
        assert_eq!(sessions, who);
        let mut known: Vec<String> = self.everybody().into_iter().map(|info| info.identity).collect();
        known.sort_unstable();
        assert_eq!(known, who);
        for track in room.forward.tracks.values() {
            assert!(room.sessions.contains_key(&track.owner));
            assert!(track.downs.iter().all(|down| room.sessions.contains_key(&down.peer)));
        }
        let downs = room.sessions.values().flat_map(|session| &session.publisher.downs);
        assert!(downs.flatten().all(|track| room.forward.tracks.contains_key(track)));
        assert!(self.engine.links.values().all(|(key, peer)| *key == self.key && room.sessions.contains_key(peer)));
        assert_eq!(self.engine.links.len(), who.len());
        assert!(self.engine.struck.is_empty() && !self.engine.mending);
        let told = self.sue.told().into_iter().chain(self.lou.told());
        assert!(told.into_iter().all(|item| !matches!(item, InsideItem::Left(_))));
        assert_eq!(self.heard(), 1);
    }

    /// She comes back as somebody new, and all is well also a while later.
    fn ann_comes_back(&mut self) {
        let next = self.engine.next_peer;
        let ann = self.connect().unwrap();
        self.is_sound(&["ann", "lou", "sue"]);
        assert!(self.peer("ann") >= PeerKey(next));
        self.pass(Duration::from_secs(6));
        self.is_sound(&["ann", "lou", "sue"]);
        drop(ann);
    }
}

fn enter(engine: &mut Engine, who: &str, at: Instant) -> Result<Insider, ConnectError> {
    let join = InsideJoin {
        room: room(),
        session: SessionId::try_from("session").unwrap(),
        identity: name(who),
        name: String::new(),
        metadata: String::new(),
        attributes: Default::default(),
        kind: InsideKind::Agent,
        permission: permission(),
    };
    let ((sender, items), (reply, mut answer)) = (items(256), oneshot::channel());
    engine.order(Order::Enter { join: Box::new(join), items: sender, reply }, at);
    answer.try_recv().unwrap().map(|link| Insider { link, items })
}

/// Whether a client was told to start over, and its socket closed.
fn is_sent_away(down: &mut mpsc::Receiver<SignalDown>) -> bool {
    let told: Vec<SignalDown> = std::iter::from_fn(|| down.try_recv().ok()).collect();
    let leaves = |message: &SignalDown| {
        let SignalDown::Message(bytes) = message else { return false };
        let message = lk::SignalResponse::decode(bytes.clone()).unwrap().message;
        let Some(lk::signal_response::Message::Leave(leave)) = message else { return false };
        leave.action == i32::from(lk::leave_request::Action::Reconnect)
    };
    told.iter().any(leaves) && told.last() == Some(&SignalDown::Close)
}

#[test]
fn a_join_that_panics_fails_for_the_newcomer_alone() {
    for point in [Point::Connected, Point::Joined, Point::Output] {
        let mut scene = Scene::new();
        arm(point, &name("ann"));

        let joined = scene.connect();

        if point == Point::Output {
            assert!(is_sent_away(&mut joined.unwrap().1), "the socket is there already");
        } else {
            assert_eq!(joined.err(), Some(ConnectError::Unavailable));
        }
        scene.is_without_ann();
        scene.ann_comes_back();
    }
}

#[test]
fn a_join_that_panics_takes_the_former_session_of_the_same_identity_with_it() {
    let mut scene = Scene::new();
    let (_, mut former) = scene.browser();
    arm(Point::Joined, &name("ann"));

    assert!(scene.connect().is_err());

    assert!(std::iter::from_fn(|| former.try_recv().ok()).any(|told| told == SignalDown::Close));
    assert!(is_spent());
    assert_eq!(scene.gone(), ["ann", "ann"], "one left, one never came");
    scene.is_sound(&["lou", "sue"]);
    scene.ann_comes_back();
}

#[test]
fn a_lost_socket_that_panics_ends_its_session_alone() {
    let mut scene = Scene::new();
    let (link, _down) = scene.browser();
    arm(Point::Lost, &name("ann"));

    scene.engine.signal(Signal::Lost(link), scene.now);

    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn the_regular_work_of_a_room_panics_for_one_session_alone() {
    for point in [Point::Liveness, Point::Share] {
        let mut scene = Scene::new();
        let (_, mut down) = scene.browser();
        let peer = scene.peer("ann");
        let session = scene.engine.rooms.get_mut(&scene.key).unwrap().sessions.get_mut(&peer).unwrap();
        session.budget.on_estimate(1_000_000, scene.now);
        arm(point, &name("ann"));

        scene.pass(Duration::from_secs(1));

        assert!(is_sent_away(&mut down));
        scene.is_without_ann();
        scene.ann_comes_back();
    }
}

#[test]
fn an_insider_s_order_that_panics_ends_that_insider_alone() {
    let mut scene = Scene::new();
    let mut ann = scene.ann();
    arm(Point::Order, &name("ann"));

    scene.engine.inside_order(ann.link, InsideOrder::Mute { name: "mic".into(), muted: true }, scene.now);

    assert!(ann.told().contains(&InsideItem::Left(InsideEnd::StartOver)));
    scene.is_without_ann();
    scene.engine.signal(Signal::InsideGone(ann.link), scene.now);
    scene.ann_comes_back();
}

#[test]
fn an_insider_that_lets_go_may_panic_for_itself_alone() {
    let mut scene = Scene::new();
    let ann = scene.ann();
    arm(Point::Output, &name("ann"));

    scene.engine.inside_gone(ann.link, scene.now);

    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn what_the_application_orders_of_somebody_panics_for_that_one_alone() {
    let orders: [fn(&mut Scene); 4] = [
        |scene| {
            let (reply, _) = oneshot::channel();
            let track = TrackChoice::Source(Source::Microphone);
            scene.engine.order(Order::Mute { room: room(), who: name("ann"), track, muted: true, reply }, scene.now);
        },
        |scene| {
            let permission = MediaPermission { publish: Sources::NONE, ..permission() };
            scene.engine.order(Order::Permission { room: room(), who: name("ann"), permission }, scene.now);
        },
        |scene| {
            let remove = Order::Remove { room: room(), who: name("ann"), why: RemoveReason::Removed };
            scene.engine.order(remove, scene.now);
        },
        // In the middle of it, with what it did so far not carried out yet.
        |scene| {
            let now = scene.now();
            scene.engine.on_identity(&room(), &name("ann"), scene.now, |room| {
                let nothing = MediaPermission { publish: Sources::NONE, ..permission() };
                room.machine.set_permission(&name("ann"), nothing, now);
                arm(Point::Order, &name("ann"));
                trip(Point::Order, &name("ann"));
            });
        },
    ];
    for (index, order) in orders.into_iter().enumerate() {
        let mut scene = Scene::new();
        let mut ann = scene.ann();
        if index < 3 {
            arm(Point::Output, &name("ann"));
        }

        order(&mut scene);

        // What panicked for a removal was that she is told of it: her queue only ends.
        assert_eq!(ann.told().contains(&InsideItem::Left(InsideEnd::StartOver)), index != 2, "{index}");
        scene.is_without_ann();
        scene.ann_comes_back();
    }
}

#[test]
fn who_cannot_even_be_told_to_go_is_put_out_all_the_same() {
    let mut scene = Scene::new();
    let ann = scene.ann();
    // The order, and then everything that is done for her because she goes: her track and her subscription stay behind.
    arm(Point::Order, &name("ann"));
    for _ in 0..100 {
        arm(Point::Output, &name("ann"));
    }

    scene.engine.inside_order(ann.link, InsideOrder::Unpublish { name: "mic".into() }, scene.now);

    let left = FAULTS.with_borrow_mut(std::mem::take);
    assert!(left.len() < 98 && left.iter().all(|(point, _)| *point == Point::Output));
    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn a_session_the_machine_lost_sight_of_half_way_is_put_out_without_it() {
    let mut scene = Scene::new();
    let mut ann = scene.ann();
    let (key, peer, now) = (scene.key, scene.peer("ann"), scene.now());
    arm(Point::Order, &name("ann"));

    scene.engine.serve(key, peer, scene.now, |engine| {
        let machine = &mut engine.rooms.get_mut(&key).unwrap().machine;
        machine.session_failed(peer, now);
        // As if it had not come to say so.
        while machine.poll().is_some() {}
        trip(Point::Order, &name("ann"));
    });

    assert!(ann.told().contains(&InsideItem::Left(InsideEnd::StartOver)));
    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn a_packet_that_panics_on_its_way_to_somebody_ends_the_receiver_and_not_the_publisher() {
    let mut scene = Scene::new();
    let mut ann = scene.ann();
    arm(Point::Packet, &name("ann"));

    scene.heard();

    assert!(ann.told().contains(&InsideItem::Left(InsideEnd::StartOver)));
    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn the_end_of_a_way_that_panics_ends_the_session_it_was_of_alone() {
    let mut scene = Scene::new();
    let (_, mut down) = scene.browser();
    let key = ConnectionKey { room: scene.key, peer: scene.peer("ann"), subscriber: false };
    let address = "198.51.100.9:4000".parse().unwrap();
    scene.engine.demux.by_address.insert(address, key);
    arm(Point::Closed, &name("ann"));

    assert!(scene.engine.handle_closed(scene.now, address), "it was somebody's");

    assert!(is_sent_away(&mut down));
    scene.is_without_ann();
    scene.ann_comes_back();
}

#[test]
fn in_work_for_many_those_whose_turn_panics_are_put_out_and_the_others_have_theirs() {
    let mut scene = Scene::new();
    let _ann = scene.ann();
    let (key, peers) = (scene.key, ["sue", "ann", "lou"].map(|who| scene.peer(who)));
    let mut served = Vec::new();

    scene.engine.each(key, scene.now, peers.map(|peer| (peer, ())), |_, peer, ()| {
        served.push(peer);
        assert_ne!(peer, peers[1], "as a bug would");
    });

    assert_eq!(served, peers);
    scene.is_without_ann();
}

#[test]
fn a_room_is_closed_that_cannot_be_settled_for_something_that_is_nobody_s() {
    let mut scene = Scene::new();

    scene.engine.by_turns(scene.key, scene.now, |_, _| panic!("as a bug would"));

    assert!(scene.engine.rooms.is_empty() && scene.engine.by_id.is_empty());
    assert!(scene.lou.told().contains(&InsideItem::Left(InsideEnd::StartOver)));
    let events: Vec<MediaEventKind> =
        std::iter::from_fn(|| scene.events.try_recv().ok()).map(|told| told.kind).collect();
    assert_eq!(events.last(), Some(&MediaEventKind::Closed));
    assert!(scene.connect().is_ok(), "they make another");
}

#[test]
fn a_question_that_panics_ends_nothing() {
    let mut scene = Scene::new();

    assert_eq!(scene.engine.ask(|_| -> usize { panic!("as a bug would") }), None);

    assert!(scene.gone().is_empty());
    scene.is_sound(&["lou", "sue"]);
}

#[test]
fn an_insider_that_is_muted_is_told_once_and_is_quiet_until_it_unmutes_itself() {
    let mut scene = Scene::new();
    let mute = |scene: &mut Scene| {
        let (reply, mut answer) = oneshot::channel();
        let track = TrackChoice::Source(Source::Microphone);
        scene.engine.order(Order::Mute { room: room(), who: name("sue"), track, muted: true, reply }, scene.now);
        answer.try_recv().unwrap().unwrap();
    };
    scene.sue.told();

    mute(&mut scene);
    for _ in 0..100 {
        scene.pass(Duration::from_millis(100));
    }

    let told = scene.sue.told();
    let mutes = |told: &[InsideItem]| told.iter().filter(|item| matches!(item, InsideItem::Muted { .. })).count();
    assert_eq!(mutes(&told), 1, "{told:?}");
    assert_eq!(scene.heard(), 0);
    let unmute = || InsideOrder::Mute { name: "mic".into(), muted: false };
    scene.engine.inside_order(scene.sue.link, unmute(), scene.now);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.heard(), 1, "it unmuted itself");
    scene.sue.told();

    mute(&mut scene);
    assert_eq!(mutes(&scene.sue.told()), 1);
    scene.engine.inside_order(scene.sue.link, unmute(), scene.now);
    scene.pass(Duration::from_secs(1));

    assert_eq!(scene.heard(), 1, "what it says itself counts at once");
    assert_eq!(mutes(&scene.sue.told()), 0, "it is not told again");
}
