use super::*;
use crate::arrivals::Arrived;
use crate::control::Control;
use crate::fallback::Offer;
use crate::forward::{Binding, Published, Takes};
use crate::neighbours::{self, Owner, Received};
use crate::plane::Wake;
use crate::post::Work;
use crate::session::Connection;
use crate::sweep::tests::sound_to;
use bytes::Bytes;
use model::media::MediaPermission;
use ports::media::report::Page;
use ports::media::{MediaEventKind, MediaJoin, SignalDown};
use ports::media_control::{ControlError, FREE_SESSION, RoomSettings};
use prost::Message;
use sfu::demand::Setting;
use signal::{Codec, Kind, TrackKey};
use std::collections::BTreeMap;
use std::time::Duration;
use wire::lk;

fn join(room: &str, who: &str) -> MediaJoin {
    MediaJoin {
        room: RoomId::try_from(room).unwrap(),
        session: SessionId::try_from("session").unwrap(),
        identity: Identity::try_from(who).unwrap(),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        permission: MediaPermission { update_own: false, ..MediaPermission::FREE },
        request: Bytes::new(),
        topology: ports::media::Topology::Single,
        relays: Vec::new(),
        relay_only: false,
        kind: Default::default(),
        kind_details: Vec::new(),
    }
}

#[test]
fn a_panic_in_one_room_closes_that_room_and_no_other() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let links: Vec<_> = [("a", "ann"), ("a", "bob"), ("b", "cid")]
        .into_iter()
        .map(|(room, who)| {
            let (link, down) = mpsc::channel(64);
            engine.join(&join(room, who), link, now).unwrap();
            down
        })
        .collect();
    let broken = engine.by_id[&RoomId::try_from("a").unwrap()];

    engine.guarded(broken, now, |_| panic!("as a bug would"));

    assert_eq!(engine.rooms.len(), 1);
    let closed: Vec<bool> = links
        .into_iter()
        .map(|mut link| std::iter::from_fn(|| link.try_recv().ok()).any(|message| message == SignalDown::Close))
        .collect();
    assert_eq!(closed, [true, true, false]);
    let (link, _down) = mpsc::channel(64);
    assert!(engine.join(&join("a", "ann"), link, now).is_ok(), "they come back");
    assert_eq!(engine.rooms.len(), 2);
}

#[test]
fn a_shard_without_time_refuses_who_is_new_and_takes_back_who_is_there() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let come = |engine: &mut Engine, who| {
        let (link, _down) = mpsc::channel(64);
        engine.join(&join("a", who), link, now).map(drop)
    };
    assert_eq!(come(&mut engine, "ann"), Ok(()));

    engine.set_full(true);
    assert_eq!(come(&mut engine, "bob"), Err(ports::media::ConnectError::Full));
    assert_eq!(come(&mut engine, "ann"), Ok(()));
    assert_eq!(engine.rooms.values().map(|room| room.sessions.len()).sum::<usize>(), 1);

    engine.set_full(false);
    assert_eq!(come(&mut engine, "bob"), Ok(()));
}

#[test]
fn a_resume_after_the_publisher_connection_failed_keeps_the_session_of_two_connections() {
    let (events, _events_end) = mpsc::channel(64);
    let mut now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let mut join = join("a", "ann");
    join.topology = ports::media::Topology::Dual;
    let (link, _down) = mpsc::channel(64);
    engine.join(&join, link, now).unwrap();
    let room = engine.by_id[&join.room];
    let key = |subscriber| ConnectionKey { room, peer: PeerKey(0), subscriber };
    for subscriber in [true, false] {
        let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
        session.connection(subscriber).unwrap().connected = true;
        engine.came_up(key(subscriber), now);
    }

    engine.failed(key(false), now);
    join.request = lk::JoinRequest { reconnect: true, ..Default::default() }.encode_to_vec().into();
    let (link, _down) = mpsc::channel(64);
    let id = engine.join(&join, link, now).unwrap();

    let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
    assert!(session.primary().is_up() && !session.publisher.is_up());
    // The client knows nothing of our offer, and answers the one that is made instead.
    let state = lk::signal_request::Message::SyncState(lk::SyncState::default());
    engine.message(id, &lk::SignalRequest { message: Some(state) }.encode_to_vec().into(), now);
    engine.rooms.get_mut(&room).unwrap().machine.answer_taken(PeerKey(0), true, engine_now(now));
    // Beyond the time in which somebody without a connection is put out.
    for _ in 0..120 {
        now += Duration::from_secs(1);
        let room = engine.rooms.get_mut(&room).expect("the room is there");
        room.sessions.get_mut(&PeerKey(0)).unwrap().subscriber.as_mut().unwrap().heard(now);
        engine.handle_timeout(now);
    }
    assert!(engine.rooms.contains_key(&room));
}

fn simulate(engine: &mut Engine, link: u64, scenario: lk::simulate_scenario::Scenario, at: Instant) {
    let simulate = lk::SimulateScenario { scenario: Some(scenario) };
    let request = lk::SignalRequest { message: Some(lk::signal_request::Message::Simulate(simulate)) };
    engine.message(link, &request.encode_to_vec().into(), at);
}

#[test]
fn whoever_asks_for_a_protocol_is_offered_nothing_else_from_then_on_if_there_is_such_a_way() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let mut relayed = join("a", "bob");
    relayed.relays = vec![ports::media::IceServer {
        urls: vec!["turns:relay.example.org".into()],
        username: String::new(),
        credential: String::new(),
    }];
    let come = |engine: &mut Engine, join: &MediaJoin| {
        let (link, down) = mpsc::channel(64);
        (engine.join(join, link, now).unwrap(), down)
    };
    let (ann, _ann_down) = come(&mut engine, &join("a", "ann"));
    let (bob, _bob_down) = come(&mut engine, &relayed);
    let ask = |engine: &mut Engine, link, protocol: lk::CandidateProtocol| {
        simulate(engine, link, lk::simulate_scenario::Scenario::SwitchCandidateProtocol(protocol.into()), now);
    };
    let offers = |engine: &Engine| {
        ["ann", "bob"].map(|who| {
            let join = join("a", who);
            engine.fallback.offer(&join.room, &join.identity, now)
        })
    };

    ask(&mut engine, ann, lk::CandidateProtocol::Tcp);
    ask(&mut engine, ann, lk::CandidateProtocol::Tls);
    assert_eq!(offers(&engine), [Offer::Everything, Offer::Everything], "there is neither");
    ask(&mut engine, bob, lk::CandidateProtocol::Tls);
    assert_eq!(offers(&engine), [Offer::Everything, Offer::Relay]);
    engine.set_stream_addresses(vec!["192.0.2.1:8080".parse().unwrap()]);
    ask(&mut engine, ann, lk::CandidateProtocol::Tcp);
    assert_eq!(offers(&engine), [Offer::Streams, Offer::Relay]);
    ask(&mut engine, ann, lk::CandidateProtocol::Udp);
    assert_eq!(offers(&engine), [Offer::Everything, Offer::Relay]);
}

#[test]
fn a_resume_that_is_cut_off_unheard_gets_a_socket_that_closes_and_the_next_one_goes_on() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let mut ann = join("a", "ann");
    let (link, _down) = mpsc::channel(64);
    let link = engine.join(&ann, link, now).unwrap();
    let room = engine.by_id[&ann.room];
    let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
    session.publisher.connected = true;
    engine.came_up(ConnectionKey { room, peer: PeerKey(0), subscriber: false }, now);
    simulate(&mut engine, link, lk::simulate_scenario::Scenario::DisconnectSignalOnResumeNoMessages(true), now);
    engine.link_lost(link, now);
    ann.request = lk::JoinRequest { reconnect: true, ..Default::default() }.encode_to_vec().into();

    let (again, mut cut_off) = mpsc::channel(64);
    let again = engine.join(&ann, again, now).unwrap();
    assert_eq!(cut_off.try_recv(), Ok(SignalDown::Close));
    engine.link_lost(again, now);

    let (third, mut down) = mpsc::channel(64);
    engine.join(&ann, third, now).unwrap();
    assert!(matches!(down.try_recv(), Ok(SignalDown::Message(_))));
    assert_eq!(engine.holdings().sessions, 1);
}

#[test]
fn who_asks_beforehand_is_told_why_a_join_would_be_refused() {
    use ports::media::ConnectError;
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let free = |who| MediaJoin { session: SessionId::try_from(FREE_SESSION).unwrap(), ..join("a", who) };
    assert_eq!(engine.refusal(&free("ann")), None, "there is no such room yet");
    let (link, _down) = mpsc::channel(64);
    engine.join(&free("ann"), link, now).unwrap();
    let change = signal::RoomChange { max_participants: Some(1), ..Default::default() };
    let room = engine.by_id[&free("ann").room];
    engine.rooms.get_mut(&room).unwrap().machine.change_room(change, engine_now(now)).unwrap();

    let asked = |engine: &Engine| ["ann", "bob"].map(|who| engine.refusal(&free(who)));
    assert_eq!(asked(&engine), [None, Some(ConnectError::NoPlace)]);
    let (link, _down) = mpsc::channel(64);
    assert_eq!(engine.join(&free("bob"), link, now), Err(ConnectError::NoPlace), "and so it is");
    engine.set_full(true);
    assert_eq!(asked(&engine), [None, Some(ConnectError::Full)]);
    let (reply, _answer) = tokio::sync::oneshot::channel();
    engine.order(crate::plane::Order::Drain { reply }, now);
    assert_eq!(asked(&engine), [Some(ConnectError::Unavailable); 2]);
}

#[test]
fn a_room_that_only_the_refused_came_to_closes_all_the_same() {
    let (events, mut told) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let free = |room| MediaJoin { session: SessionId::try_from(FREE_SESSION).unwrap(), ..join(room, "ann") };
    let back = lk::JoinRequest { reconnect: true, ..Default::default() };
    let back = MediaJoin { request: back.encode_to_vec().into(), ..free("back") };
    let long = MediaJoin { metadata: "x".repeat(1 << 20), ..free("long") };
    for (join, answered) in [(back, true), (long, false)] {
        let (link, _down) = mpsc::channel(64);
        assert_eq!(engine.join(&join, link, now).is_ok(), answered, "{}", join.room);
    }
    let mut told = || -> Vec<_> {
        let closed = |event: MediaEvent| matches!(event.kind, MediaEventKind::Closed).then(|| event.room.to_string());
        std::iter::from_fn(|| told.try_recv().ok()).filter_map(closed).collect()
    };
    assert_eq!((told(), engine.rooms.len()), (Vec::new(), 2));

    // An hour, as the timers have it.
    let end = now + Duration::from_secs(3600);
    while let Some(due) = engine.poll_timeout().filter(|due| *due < end) {
        engine.handle_timeout(due);
    }
    let mut closed = told();
    closed.sort();
    assert_eq!((closed, engine.rooms.len()), (vec!["back".to_owned(), "long".to_owned()], 0));
}

#[test]
fn who_comes_without_a_meeting_ends_no_meetings_room_and_a_meeting_takes_the_name_of_a_free_one() {
    let (events, mut told) = mpsc::channel(64);
    let now = Instant::now();
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let free = |room| MediaJoin { session: SessionId::try_from(FREE_SESSION).unwrap(), ..join(room, "eve") };
    let come = |engine: &mut Engine, join: &MediaJoin| {
        let (link, _down) = mpsc::channel(64);
        engine.join(join, link, now).map(drop)
    };
    let open = |engine: &mut Engine, join: &MediaJoin| {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        let (room, session) = (join.room.clone(), join.session.clone());
        engine.control(Control::Open { room, session, set: RoomSettings::default(), reply }, now);
        answer.try_recv().unwrap().map(drop)
    };
    let closed = |told: &mut mpsc::Receiver<MediaEvent>| {
        std::iter::from_fn(|| told.try_recv().ok()).filter(|event| matches!(event.kind, MediaEventKind::Closed)).count()
    };
    come(&mut engine, &join("a", "ann")).unwrap();

    assert_eq!(come(&mut engine, &free("a")), Err(ports::media::ConnectError::Taken));
    assert_eq!(open(&mut engine, &free("a")), Err(ControlError::Taken));
    assert_eq!((engine.holdings().sessions, closed(&mut told)), (1, 0));

    come(&mut engine, &free("b")).unwrap();
    assert_eq!(open(&mut engine, &free("b")), Ok(()));
    assert_eq!(closed(&mut told), 0);
    come(&mut engine, &join("b", "ann")).unwrap();
    assert_eq!((engine.holdings().sessions, closed(&mut told)), (2, 1), "the free room is gone with whoever was there");
    let another = MediaJoin { session: SessionId::try_from("next").unwrap(), ..join("a", "ann") };
    assert_eq!(open(&mut engine, &another), Ok(()));
    assert_eq!((engine.holdings().sessions, closed(&mut told)), (1, 1), "of an earlier meeting");
}

fn engine_now(at: Instant) -> Now {
    Now { at, unix_micros: 1_700_000_000_000_000 }
}

fn check(ufrag: &str) -> Vec<u8> {
    let name = format!("{ufrag}:theirs");
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    message.extend([7; 12]);
    message.extend([0, 6, 0, u8::try_from(name.len()).unwrap()]);
    message.extend(name.as_bytes());
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

#[test]
fn an_address_that_is_now_another_shards_client_s_is_not_taken_for_the_former_one_s() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let registry = Arc::new(Registry::new(2));
    let mut engine = Engine::of_many(Vec::new(), 1, events, Arc::clone(&registry), 0).unwrap();
    let (link, _down) = mpsc::channel(64);
    engine.join(&join("a", "ann"), link, now).unwrap();
    let room = engine.by_id[&RoomId::try_from("a").unwrap()];
    let address: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let ann = ConnectionKey { room, peer: PeerKey(0), subscriber: false };
    engine.demux.by_address.insert(address, ann);
    registry.note_name("theirs".into(), 1);
    let mut takes = |contents: &[u8]| {
        let datagram = Datagram { source: address, destination: address, contents };
        engine.accept(now, datagram, || false)
    };

    assert!(takes(&check("nobody")), "whatever that is, it comes from ann");
    assert!(!takes(&check("theirs")));
    assert!(takes(&[0x80; 40]), "nothing is proven yet");

    engine.forget_address(&address);
    let datagram = Datagram { source: address, destination: address, contents: &[0x80; 40] };
    assert!(!engine.accept(now, datagram, || false));
}

/// Two shards that share every room's people: the first one's connection is not where the room is.
#[test]
fn a_guest_with_two_connections_is_offered_one_and_taken_back_offers_are_not_sent() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut shards = crate::Shards::new(2, &["192.0.2.1:8080".parse().unwrap()], 1, &events).unwrap();
    shards.set_spread(0);
    let mut join = join("a", "ann");
    join.topology = ports::media::Topology::Dual;
    let (link, mut down) = mpsc::channel(64);
    shards.join(&join, link, now).unwrap();
    assert_eq!(offers(&mut down), 0, "it is made elsewhere");

    // Before it is made the client's socket breaks and it comes back: what is made then is of no use.
    join.request = lk::JoinRequest { reconnect: true, ..Default::default() }.encode_to_vec().into();
    let (link, mut down) = mpsc::channel(64);
    shards.join(&join, link, now).unwrap();
    shards.drain(now, &mut |_, _, _| {});
    assert_eq!(offers(&mut down), 0);
    // It does not say what it knows, so the offer is taken back.
    let later = now + Duration::from_secs(9);
    shards.handle_timeout(later);
    shards.drain(later, &mut |_, _, _| {});
    assert_eq!(offers(&mut down), 1);
    assert_eq!(shards.holdings().guests, 2);
}

#[test]
fn who_comes_to_sixty_silent_people_is_served_by_the_shard_with_the_fewest() {
    let (events, _events_end) = mpsc::channel(64);
    let now = Instant::now();
    let mut shards = crate::Shards::new(2, &["192.0.2.1:8080".parse().unwrap()], 1, &events).unwrap();
    let mut links = Vec::new();
    let mut guests = Vec::new();
    for person in 0..100 {
        let (link, down) = mpsc::channel(64);
        links.push(down);
        shards.join(&join("a", &format!("p{person}")), link, now).unwrap();
        shards.drain(now, &mut |_, _, _| {});
        guests.push(shards.holdings().guests);
    }
    assert_eq!((guests[59], guests[60], guests[99]), (0, 1, 40), "they will see and hear one another");
}

fn offers(down: &mut mpsc::Receiver<SignalDown>) -> usize {
    let messages = std::iter::from_fn(|| down.try_recv().ok());
    let responses = messages.filter_map(|message| match message {
        SignalDown::Message(bytes) => lk::SignalResponse::decode(bytes).unwrap().message,
        _ => None,
    });
    responses.filter(|response| matches!(response, lk::signal_response::Message::Offer(_))).count()
}

/// Somebody joined a room, and as many people receive each of so many tracks of the first one.
fn crowd(people: u64, tracks: u64, now: Instant) -> (Engine, RoomId) {
    let (events, _) = mpsc::channel(64);
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let (id, session) = (RoomId::try_from("a").unwrap(), SessionId::try_from("session").unwrap());
    let when = engine.now(now);
    let key = engine.make_room(&id, &session, when);
    let room = engine.rooms.get_mut(&key).unwrap();
    let peers = || (0..people).map(PeerKey);
    for peer in peers() {
        let identity = Identity::try_from(format!("p{}", peer.0).as_str()).unwrap();
        let far = Connection::far(0, ConnectionKey { room: key, peer, subscriber: false }, now);
        room.sessions.insert(peer, Session::new(identity, far, now));
    }
    for track in (0..tracks).map(TrackKey) {
        let up = Published {
            owner: PeerKey(0),
            section: 0,
            kind: Kind::Video,
            codec: Codec::Vp8,
            layers: Vec::new(),
            screen: false,
            muted: false,
        };
        room.forward.publish(track, up, now);
        for peer in peers() {
            let (setting, takes) = (Setting::initial(false), Takes::ask(|_| true));
            room.forward.bind(track, Binding { peer, section: 0, setting, ready: false, takes, far: false }, now);
        }
    }
    (engine, id)
}

/// The number of the first participant that is told of from there on, and how many there are.
fn told(engine: &mut Engine, room: &RoomId, from: usize, now: Instant) -> (String, usize) {
    let report = engine.room_report(room, Page { from, most: 100 }, now).unwrap();
    let first = report.participants.first().map_or_else(String::new, |one| one.identity.to_string());
    (first, report.participants.len())
}

#[test]
fn a_report_has_no_more_tracks_than_are_told_of_at_once() {
    let now = Instant::now();
    let (mut engine, room) = crowd(120, 100, now);
    assert_eq!(told(&mut engine, &room, 0, now), ("p0".to_owned(), 99), "she sends 100 and each of them receives 100");
    assert_eq!(told(&mut engine, &room, 1, now), ("p1".to_owned(), 100), "they receive 10,000 together");
    assert_eq!(told(&mut engine, &room, 99, now), ("p99".to_owned(), 21));
    assert_eq!(told(&mut engine, &room, 120, now), (String::new(), 0));
}

#[test]
fn somebody_with_ever_so_many_tracks_is_told_of_alone() {
    let now = Instant::now();
    let (mut engine, room) = crowd(2, 10_001, now);
    assert_eq!(told(&mut engine, &room, 0, now), ("p0".to_owned(), 1));
    assert_eq!(told(&mut engine, &room, 1, now), ("p1".to_owned(), 1));
}

/// A packet as it arrives.
pub(crate) fn packet(codec: rtc::Codec, sequence: u64, payload: u8, now: Instant) -> rtc::UpPacket {
    rtc::UpPacket {
        section: 0,
        layer: 0,
        alone: true,
        codec,
        profile: 0,
        sequence,
        timestamp: 1,
        marker: false,
        payload: [payload].into(),
        arrival: now,
        captured: None,
        audio_level: None,
        sender_report: None,
        extensions: rtc::Extensions::default(),
    }
}

/// A track of sound.
fn microphone(owner: PeerKey) -> Published {
    Published {
        owner,
        section: 0,
        kind: Kind::Audio,
        codec: Codec::Opus,
        layers: Vec::new(),
        screen: false,
        muted: false,
    }
}

/// So many people and some speakers, one of three on another shard. What of the sound of these tracks, which arrives at once, another
/// shard is sent: for each letter who gets which track's.
fn letters(people: u64, tracks: &[u64]) -> Vec<Vec<(u64, u8)>> {
    let now = Instant::now();
    let poll = mio::Poll::new().unwrap();
    let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
    let registry = Arc::new(Registry::new(2));
    let mut ways = neighbours::connect(&registry, &[wake.clone(), wake]).into_iter();
    let (own, mut other) = (ways.next().unwrap(), ways.next().unwrap());
    let (events, _events_end) = mpsc::channel(64);
    let mut engine = Engine::of_many(Vec::new(), 1, events, registry, 0).unwrap();
    engine.set_carrier(own.carrier());
    let (id, session) = (RoomId::try_from("a").unwrap(), SessionId::try_from("session").unwrap());
    let when = engine.now(now);
    let key = engine.make_room(&id, &session, when);
    let room = engine.rooms.get_mut(&key).unwrap();
    let owner = |track: u64| PeerKey(people + track);
    for track in tracks {
        room.forward.publish(TrackKey(*track), microphone(owner(*track)), now);
    }
    for peer in 0..people {
        // The connections of all are elsewhere, so that what each gets is seen; some are said to be here.
        let far = Connection::far(1, ConnectionKey { room: key, peer: PeerKey(peer), subscriber: false }, now);
        let identity = Identity::try_from(format!("p{peer}").as_str()).unwrap();
        room.sessions.insert(PeerKey(peer), Session::new(identity, far, now));
        let (setting, takes) = (Setting::initial(true), Takes::ask(|_| true));
        let binding =
            |section| Binding { peer: PeerKey(peer), section, setting, ready: true, takes, far: is_far(peer) };
        for (section, track) in (0..).zip(tracks) {
            assert!(room.forward.bind(TrackKey(*track), binding(section), now));
        }
    }
    for (sequence, track) in (1..).zip(tracks) {
        let from = ConnectionKey { room: key, peer: owner(*track), subscriber: false };
        let payload = u8::try_from(*track).unwrap();
        let packet = packet(rtc::Codec::Opus, sequence, payload, now);
        engine.arrived.push(Arrived { from, track: TrackKey(*track), packet });
    }

    engine.drain(now, &mut |_, _, _| {});

    let letters = std::iter::from_fn(|| match other.receive(now, |_, _, _, _| Owner::Nobody) {
        Received::Work(work) => {
            Some(work.writes().map(|(write, packet)| (write.key.peer.0, packet.payload[0])).collect())
        }
        _ => None,
    });
    letters.collect()
}

fn is_far(peer: u64) -> bool {
    peer % 3 == 2
}

#[test]
fn packets_for_other_shards_leave_before_anybody_here_is_served() {
    let (first, rest): (Vec<_>, Vec<_>) = (0..20).map(|peer| (peer, 7)).partition(|(peer, _)| is_far(*peer));
    assert_eq!(letters(20, &[7]), [first, rest]);
}

/// Somebody is in a room, and sound is on its way to a hundred people.
fn sweeping(now: Instant) -> (Engine, ConnectionKey) {
    let (events, _) = mpsc::channel(64);
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    let (link, _down) = mpsc::channel(64);
    engine.join(&join("a", "ann"), link, now).unwrap();
    let room = engine.by_id[&RoomId::try_from("a").unwrap()];
    let people: Vec<u64> = (0..100).collect();
    engine.sweep.join(sound_to(room, 1, &people));
    (engine, ConnectionKey { room, peer: PeerKey(0), subscriber: false })
}

/// So many are in a room and hear one of whom a packet arrives whenever it is asked for.
fn choir(people: u64, now: Instant) -> (Engine, RoomKey, impl Fn(&mut Engine, u64)) {
    let (events, _) = mpsc::channel(64);
    let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
    for person in 0..=people {
        let (link, _down) = mpsc::channel(64);
        engine.join(&join("a", &format!("p{person}")), link, now).unwrap();
    }
    let key = engine.by_id[&RoomId::try_from("a").unwrap()];
    let room = engine.rooms.get_mut(&key).unwrap();
    let (owner, track) = (PeerKey(people), TrackKey(0));
    room.forward.publish(track, microphone(owner), now);
    for peer in (0..people).map(PeerKey) {
        let (setting, takes) = (Setting::initial(true), Takes::ask(|_| true));
        let binding = Binding { peer, section: 0, setting, ready: true, takes, far: false };
        assert!(room.forward.bind(track, binding, now));
    }
    let sings = move |engine: &mut Engine, sequence| {
        let from = ConnectionKey { room: key, peer: owner, subscriber: false };
        engine.arrived.push(Arrived { from, track, packet: packet(rtc::Codec::Opus, sequence, 7, now) });
        engine.hand_out(now);
    };
    (engine, key, sings)
}

#[test]
fn what_is_for_many_stays_so_when_they_become_fewer() {
    let now = Instant::now();
    let (mut engine, room, sings) = choir(15, now);
    sings(&mut engine, 1);
    assert!(engine.sweep.is_empty(), "fifteen are few");

    let (mut engine, _, sings) = choir(16, now);
    sings(&mut engine, 1);
    let room = engine.rooms.get_mut(&room).unwrap();
    room.forward.unbind(TrackKey(0), PeerKey(3), now);
    engine.sweep(now, usize::MAX, &mut |_| {});
    assert!(engine.sweep.is_empty());
    sings(&mut engine, 2);
    assert!(!engine.sweep.is_empty(), "else it could overtake what came before on another shard");
}

#[test]
fn a_panic_while_it_is_written_down_for_many_leaves_nothing_behind() {
    let now = Instant::now();
    let (mut engine, room, sings) = choir(20, now);
    faults::arm(faults::Point::Packet, &Identity::try_from("p10").unwrap());
    sings(&mut engine, 1);
    assert!(!engine.rooms[&room].sessions.contains_key(&PeerKey(10)));
    assert_eq!(engine.rooms[&room].sessions.len(), 20);
    assert!(engine.post.take_own(Work::default).is_none());
    sings(&mut engine, 2);
    assert!(engine.sweep.is_at(room), "the others hear what comes next");
}

#[test]
fn of_what_is_on_its_way_to_many_a_part_is_sent_at_a_time() {
    let now = Instant::now();
    let (mut engine, _) = sweeping(now);
    let parts = std::iter::from_fn(|| engine.drain_some(now, &mut |_, _, _| {}).then_some(()));
    assert_eq!(parts.count(), 2, "a hundred are 48, 48 and the rest");
    let (mut engine, _) = sweeping(now);
    engine.drain(now, &mut |_, _, _| {});
    assert!(engine.sweep.is_empty(), "or all of it");
}

#[test]
fn no_more_is_taken_in_than_can_be_on_its_way() {
    let now = Instant::now();
    let (mut engine, key) = sweeping(now);
    for _ in 0..200 {
        let mut work = sound_to(key.room, 1, &[key.peer.0]);
        work.for_many = true;
        engine.take(work, now);
    }
    assert!(!engine.sweep.is_full(key.room), "what was there was sent before more was taken in");
}

#[test]
fn nothing_is_on_its_way_when_sections_may_change() {
    let now = Instant::now();
    let (mut engine, _) = sweeping(now);
    let mut dual = join("a", "bob");
    dual.topology = ports::media::Topology::Dual;
    let (link, _down) = mpsc::channel(64);
    engine.join(&dual, link, now).unwrap();
    assert!(engine.sweep.is_empty(), "somebody is made an offer");
    let (mut engine, key) = sweeping(now);
    engine.settle(key.room, now);
    assert!(!engine.sweep.is_empty(), "nothing changes");

    let (mut engine, key) = sweeping(now);
    let mut post = Post::new(1);
    post.task(0, key, crate::far::Task::Rest(now));
    engine.take(post.take(0).unwrap(), now);
    assert!(!engine.sweep.is_empty(), "that changes no section");
    post.task(0, key, crate::far::Task::MakeOffer { changes: Vec::new(), ice_restart: false });
    engine.take(post.take(0).unwrap(), now);
    assert!(engine.sweep.is_empty());
}

#[test]
fn the_time_follows_a_clock_that_is_ahead_and_never_goes_back() {
    let (events, _events) = mpsc::channel(1);
    let (mut engine, start) = (Engine::new(Vec::new(), 1, events).unwrap(), Instant::now());
    let hour = Duration::from_secs(3600);
    let began = engine.now(start).unix_micros;
    let unix = |behind: Duration| Duration::from_micros(began) + behind;
    let shown = |engine: &Engine, at: Duration| Duration::from_micros(engine.now(start + at).unix_micros - began);
    let second = Duration::from_secs(1);

    engine.follow_clock(start + second, unix(second * 3));
    assert_eq!(shown(&engine, second), second, "it is set a little all the time");

    engine.follow_clock(start + second, unix(second + hour));
    assert_eq!(shown(&engine, second), second + hour);
    assert_eq!(shown(&engine, second * 5), second * 5 + hour);

    engine.follow_clock(start + second * 5, unix(second * 5));
    assert_eq!(shown(&engine, second * 6), second * 6 + hour);
}
