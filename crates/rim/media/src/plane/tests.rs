use super::*;
use crate::config::TurnSettings;
use crate::drops::ask_relay;
use crate::drops::counted::Drops;
use crate::pulse::Pulse;
use ports::media::MediaEventKind;
use ports::media::inside::{InsideEnd, InsideItem, InsideKind};
use ports::media_control::ControlError;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use turn::{attribute, method};

fn config(threads: usize) -> MediaConfig {
    MediaConfig {
        port: 0,
        bind: Some(Ipv4Addr::LOCALHOST.into()),
        advertise: Vec::new(),
        include_loopback: true,
        seed: 1,
        threads,
        spread: None,
        stream_port: None,
        dscp: None,
        turn: None,
    }
}

fn room(name: &str) -> RoomId {
    RoomId::try_from(name).unwrap()
}

fn join(name: &str) -> MediaJoin {
    MediaJoin {
        room: room(name),
        session: model::SessionId::try_from("session").unwrap(),
        identity: Identity::try_from("ann").unwrap(),
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

/// Records in the studio.
fn recorder() -> InsideJoin {
    let of = join("studio");
    InsideJoin {
        room: of.room,
        session: of.session,
        identity: of.identity,
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        kind: InsideKind::Egress,
        permission: MediaPermission { hidden: true, ..of.permission },
    }
}

/// Waits until that shard's thread has ended.
fn wait_for_end(plane: &Plane, shard: ShardIndex) {
    while plane.runs(shard) {
        std::thread::yield_now();
    }
}

#[test]
fn a_plane_whose_thread_ended_says_so() {
    let mut plane = Arc::into_inner(start(&config(1)).unwrap().plane).unwrap();
    assert!(plane.is_alive());

    plane.shards[0].orders = mpsc::channel(1).0;
    plane.shards[0].thread.wake.wake();
    wait_for_end(&plane, 0);

    assert!(!plane.is_alive());
}

#[tokio::test]
async fn rooms_live_on_different_shards_and_orders_find_them() {
    let Started { plane, mut events, .. } = start(&config(2)).unwrap();
    let mut links = Vec::new();
    for name in ["a", "b", "c"] {
        links.push(plane.connect(join(name)).await.unwrap());
    }

    let places = ["a", "b", "c"].map(|name| plane.registry.find(&room(name)));
    assert_eq!(places, [Some(0), Some(1), Some(0)]);
    for name in ["a", "b", "c"] {
        assert_eq!(plane.participants(&room(name)).await.len(), 1);
    }
    assert!(plane.participants(&room("d")).await.is_empty());
    let muted = plane.mute(&room("b"), &Identity::try_from("ann").unwrap(), TrackChoice::Sid("x".into()), true).await;
    assert_eq!(muted, Err(MuteError::NoTrack));

    // Carried out by the shard that has it, and by it alone.
    plane.close_room(&room("b"));
    while links[1].down.recv().await.is_some_and(|message| message != SignalDown::Close) {}
    assert!(plane.participants(&room("b")).await.is_empty());
    assert_eq!(plane.participants(&room("a")).await.len(), 1);
    assert_eq!(plane.registry.find(&room("b")), None);

    assert_eq!(plane.refusal(&join("e")).await, None);
    assert_eq!(plane.registry.find(&room("e")), None, "asking places nobody");

    plane.drain().await;
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let closed: BTreeSet<_> =
        told.filter(|event| event.kind == MediaEventKind::Closed).map(|event| event.room.to_string()).collect();
    assert_eq!(closed, ["a", "b", "c"].map(str::to_owned).into(), "told by the time it is drained");
    assert_eq!(plane.registry.find(&room("a")), None);
    for name in ["a", "e"] {
        assert_eq!(plane.refusal(&join(name)).await, Some(ConnectError::Unavailable));
    }
    assert_eq!(plane.connect(join("e")).await.unwrap_err(), ConnectError::Unavailable);
    assert_eq!(plane.registry.find(&room("e")), None);
}

#[tokio::test]
async fn a_shard_that_panics_takes_no_other_with_it_and_its_rooms_begin_anew_elsewhere() {
    let Started { plane, .. } = start(&config(2)).unwrap();
    let mut first = plane.connect(join("a")).await.unwrap();
    let _second = plane.connect(join("b")).await.unwrap();
    assert_eq!([plane.registry.find(&room("a")), plane.registry.find(&room("b"))], [Some(0), Some(1)]);

    plane.order(0, Order::Panic);
    wait_for_end(&plane, 0);

    assert!(!plane.is_alive(), "somebody should look at it");
    while first.down.recv().await.is_some() {}
    assert_eq!(plane.participants(&room("b")).await.len(), 1, "the other goes on");
    let _again = plane.connect(join("a")).await.unwrap();
    assert_eq!(plane.registry.find(&room("a")), Some(1));
    assert_eq!(plane.participants(&room("a")).await.len(), 1);
}

#[test]
fn a_shard_that_panicked_is_neither_busy_nor_waited_for() {
    for gauge in ["media_shard_load_percent", "media_orders_waiting"] {
        let shown = Drops::of(gauge);
        shown.record(|| {
            thread::guarded(1, &Registry::new(2), || {
                metrics::gauge!(gauge, "shard" => "1").set(64.0);
                panic!("a fault");
            });
        });
        assert_eq!(shown.by_reason().get("1"), Some(&0), "{gauge}");
    }
}

#[tokio::test]
async fn of_a_room_on_two_shards_only_those_end_whose_connections_are_on_the_one_that_panics() {
    let Started { plane, .. } = start(&MediaConfig { spread: Some(1), ..config(2) }).unwrap();
    let with = |name: &str| MediaJoin { identity: Identity::try_from(name).unwrap(), ..join("a") };
    let mut ann = plane.connect(with("ann")).await.unwrap();
    let mut bob = plane.connect(with("bob")).await.unwrap();
    assert_eq!(plane.participants(&room("a")).await.len(), 2);

    plane.order(1, Order::Panic);
    wait_for_end(&plane, 1);

    while bob.down.recv().await.is_some_and(|message| message != SignalDown::Close) {}
    assert_eq!(plane.participants(&room("a")).await.len(), 1);
    assert!(std::iter::from_fn(|| ann.down.try_recv().ok()).all(|message| message != SignalDown::Close));
    let _bob = plane.connect(with("bob")).await.unwrap();
    assert_eq!(plane.participants(&room("a")).await.len(), 2, "he is where the room is");
}

#[tokio::test]
async fn who_was_in_a_room_of_a_shard_that_panicked_takes_no_place_on_others() {
    let Started { plane, .. } = start(&MediaConfig { spread: Some(1), ..config(3) }).unwrap();
    let mut links = Vec::new();
    // One on each shard, and one more on the second.
    for name in ["ann", "bob", "cid", "dan"] {
        let identity = Identity::try_from(name).unwrap();
        links.push(plane.connect(MediaJoin { identity, ..join("a") }).await.unwrap());
    }
    assert_eq!(plane.registry.likely(&room("b"), |shard| shard > 0), 2);

    plane.order(0, Order::Panic);
    wait_for_end(&plane, 0);

    let _link = plane.connect(join("b")).await.unwrap();
    assert_eq!(plane.registry.find(&room("b")), Some(1), "nobody is left on either");
}

/// A plane of one shard that does nothing, with room for so many orders; and what it is told.
fn hanging(backlog: usize) -> (Plane, mpsc::Receiver<Order>, mpsc::Receiver<Signal>) {
    let (orders, orders_end) = mpsc::channel(backlog + COMMAND_BACKLOG);
    let (signals, signals_end) = mpsc::channel(4);
    let poll = mio::Poll::new().unwrap();
    let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
    let thread = Running { wake, thread: std::thread::spawn(|| {}), pulse: Arc::new(Pulse::new(Instant::now())) };
    let plane = Plane {
        shards: vec![Shard::new(orders, signals, thread)],
        registry: Arc::new(Registry::new(1)),
        place: Place { port: 8080, families: [true, false], stream_port: Some(443) },
    };
    (plane, orders_end, signals_end)
}

#[tokio::test]
async fn every_shard_hears_of_new_addresses_unless_there_is_a_socket_at_none_of_them() {
    let (plane, mut orders_end, _signals) = hanging(16);
    let [other, four, six] = ["127.0.0.9", "203.0.113.7", "2001:db8::7"].map(|text| text.parse::<IpAddr>().unwrap());
    assert_eq!(plane.set_addresses(&[six]), []);
    assert!(orders_end.try_recv().is_err());

    assert_eq!(plane.set_addresses(&[six, four]), [SocketAddr::new(four, 8080)]);

    let Ok(Order::Reach(reach)) = orders_end.try_recv() else { panic!("nobody was told") };
    assert_eq!(reach.datagrams, [SocketAddr::new(four, 8080)]);
    assert_eq!(reach.streams, [SocketAddr::new(four, 443)]);

    let Started { plane, addresses, .. } = start(&config(2)).unwrap();
    let moved = plane.set_addresses(&[other]);
    assert_eq!(moved, [SocketAddr::new(other, addresses[0].port())]);
    let _link = plane.connect(join("a")).await.unwrap();
}

#[tokio::test]
async fn the_relay_reaches_our_media_at_new_addresses_too() {
    let secret = turn::Secret::new("a secret of thirty-two characters");
    let settings = TurnSettings { realm: "plenum".into(), secret: secret.clone(), nonce_key: [3; 32] };
    let Started { plane, addresses, .. } = start(&MediaConfig { turn: Some(settings), ..config(1) }).unwrap();
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = |request: &[u8]| {
        client.send_to(request, addresses[0]).unwrap();
        let mut reply = vec![0; 2048];
        let length = client.recv(&mut reply).unwrap();
        reply.truncate(length);
        reply
    };
    let allocated = ask_relay(&secret, method::ALLOCATE, (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), ask);
    assert_eq!(allocated[..2], [1, 3]);
    // 203.0.113.7 as it stands there, mixed with the cookie; of a permission the port says nothing.
    let there = [0, 1, 0, 0, 203 ^ 0x21, 0x12, 113 ^ 0xa4, 7 ^ 0x42];
    let permit = || ask_relay(&secret, method::CREATE_PERMISSION, (attribute::XOR_PEER_ADDRESS, &there), ask);
    assert_eq!(permit()[..2], [1, 0x18]);

    plane.set_addresses(&[IpAddr::from([203, 0, 113, 7])]);
    // It has carried out what it was told before.
    assert_eq!(plane.refusal(&join("a")).await, None);

    assert_eq!(permit()[..2], [1, 8]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_for_a_shard_that_hangs() {
    let (plane, _orders, _signals) = hanging(16);

    let questions = async {
        assert_eq!(plane.connect(join("room")).await.err(), Some(ConnectError::Unavailable));
        assert!(MediaPlane::rooms(&plane).await.is_empty() && plane.participants(&room("room")).await.is_empty());
        assert!(plane.report(&room("room"), Page::default()).await.is_none());
        assert_eq!(ports::media_control::MediaControl::rooms(&plane).await, Err(ControlError::Unavailable));
    };
    timeout(PATIENCE * 10, questions).await.unwrap();
}

#[tokio::test]
async fn a_join_that_nobody_waits_for_leaves_no_ghost() {
    let (plane, mut orders_end, mut signals_end) = hanging(1);

    let asked = tokio::select! {
        biased;
        _ = plane.connect(join("room")) => None,
        order = orders_end.recv() => order,
    };
    let Some(Order::Connect { reply, .. }) = asked else { panic!("an order") };
    reply.send(Ok(7)).unwrap();

    assert!(matches!(signals_end.recv().await, Some(Signal::Lost(7))));
}

/// Lets the shard wait until what is returned is dropped.
fn hold_up(plane: &Plane) -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (tell, held) = std::sync::mpsc::channel();
    let work = Box::new(move |_: Option<&mut signal::MediaRoom>, _| {
        tell.send(()).unwrap();
        assert!(released.recv().is_err());
    });
    assert!(plane.order(0, Order::Control(Control::On { room: room("nowhere"), who: None, work })));
    held.recv_timeout(PATIENCE * 6).unwrap();
    release
}

#[tokio::test]
async fn a_shard_with_too_many_orders_is_well_again_when_it_has_worked_them_off_and_no_command_is_lost() {
    let Started { plane, .. } = start(&config(1)).unwrap();
    let mut link = plane.connect(join("room")).await.unwrap();
    let release = hold_up(&plane);
    let question = || Order::Participants { room: room("room"), reply: oneshot::channel().0 };
    let taken = (0..=ORDER_BACKLOG).take_while(|_| plane.order(0, question())).count();
    assert_eq!(taken, ORDER_BACKLOG);
    assert!(!plane.is_alive());
    assert_eq!(plane.connect(join("other")).await.err(), Some(ConnectError::Unavailable), "at once");
    assert_eq!(plane.refusal(&join("room")).await, Some(ConnectError::Unavailable));

    plane.close_room(&room("room"));
    drop(release);

    let closed = async { while link.down.recv().await.is_some_and(|message| message != SignalDown::Close) {} };
    timeout(PATIENCE * 6, closed).await.unwrap();
    assert!(plane.is_alive());
    assert!(plane.connect(join("other")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_mute_that_a_shard_has_not_carried_out_yet_is_not_refused() {
    let (plane, mut orders, _signals) = hanging(1);
    let ann = Identity::try_from("ann").unwrap();
    let mute = async || plane.mute(&room("room"), &ann, TrackChoice::Sid("x".into()), true).await;
    assert_eq!(mute().await, Err(MuteError::NoParticipant), "there is no such room");
    plane.place(&room("room"));
    assert!(plane.order(0, Order::Rooms { reply: oneshot::channel().0 }));
    assert!(!plane.order(0, Order::Rooms { reply: oneshot::channel().0 }));

    assert_eq!(mute().await, Err(MuteError::Unanswered));

    assert!(matches!(orders.try_recv(), Ok(Order::Rooms { .. })));
    assert!(matches!(orders.try_recv(), Ok(Order::Mute { .. })), "it is carried out later");
}

#[tokio::test]
async fn an_insider_is_reported_in_its_room_until_it_lets_go() {
    let started = start(&config(3)).unwrap();
    let plane = started.plane;
    let of = join("studio");
    let insider = recorder();
    let Insider { orders, mut items } = plane.enter(insider).await.unwrap();

    let report = plane.report(&of.room, Page::default()).await.unwrap();
    let rooms = plane.rooms().await;
    assert_eq!((rooms.len(), rooms[0].participants), (1, 1));
    assert_eq!(report.participants[0].identity, of.identity);
    assert!(plane.participants(&of.room).await.is_empty(), "it is hidden");

    drop(orders);
    while let Some(item) = items.recv().await {
        assert!(matches!(item, InsideItem::Left(_)), "{item:?}");
    }
    while plane.report(&of.room, Page::default()).await.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_insider_that_is_put_out_is_told_why() {
    let plane = start(&config(1)).unwrap().plane;
    let (room, who) = (room("studio"), recorder().identity);

    let mut first = plane.enter(recorder()).await.unwrap();
    let mut second = plane.enter(recorder()).await.unwrap();
    assert_eq!(end_of(&mut first).await, InsideEnd::Replaced);
    plane.remove(&room, &who, RemoveReason::Removed);
    assert_eq!(end_of(&mut second).await, InsideEnd::Removed);
    let mut third = plane.enter(recorder()).await.unwrap();
    plane.close_room(&room);
    assert_eq!(end_of(&mut third).await, InsideEnd::Over);
    let mut fourth = plane.enter(recorder()).await.unwrap();
    plane.drain().await;
    assert_eq!(end_of(&mut fourth).await, InsideEnd::StartOver);
}

async fn end_of(insider: &mut Insider) -> InsideEnd {
    loop {
        match insider.items.recv().await {
            Some(InsideItem::Left(why)) => return why,
            Some(_) => {}
            None => panic!("nothing was said"),
        }
    }
}
