use super::*;
use model::media::{CameraView, MediaPermission, Sources};
use ports::media::MediaJoin;
use prost::Message;
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
        permission: MediaPermission {
            publish: Sources::all(),
            subscribe: true,
            publish_data: true,
            hidden: false,
            moderator: false,
            cameras: CameraView::Everyone,
        },
        request: Bytes::new(),
        topology: ports::media::Topology::Single,
        relays: Vec::new(),
        relay_only: false,
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
    assert_eq!(come(&mut engine, "bob"), Err(ports::media::ConnectError::Unavailable));
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
    engine.join(&join, link, now).unwrap();

    let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
    assert!(session.primary().is_up() && !session.publisher.is_up());
    // Beyond the time in which somebody without a connection is put out; our offer would be answered by then.
    engine.rooms.get_mut(&room).unwrap().machine.answer_taken(PeerKey(0), true, engine_now(now));
    for _ in 0..120 {
        now += Duration::from_secs(1);
        let room = engine.rooms.get_mut(&room).expect("the room is there");
        room.sessions.get_mut(&PeerKey(0)).unwrap().subscriber.as_mut().unwrap().last_heard = now;
        engine.handle_timeout(now);
    }
    assert!(engine.rooms.contains_key(&room));
}

fn engine_now(at: Instant) -> Now {
    Now { at, unix_micros: 1_700_000_000_000_000 }
}
