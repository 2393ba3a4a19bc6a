//! Who may send data to whom, and what is not passed on.

use crate::support::{World, all, join_request, placeholders, seconds};
use model::media::{MediaPermission, ParticipantKind};
use prost::Message;
use signal::{Dropped, PeerKey};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn data_carries_the_true_sender_and_reaches_only_those_meant() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let mut packet = lk::DataPacket {
        participant_identity: "cid".into(),
        participant_sid: "PA_forged".into(),
        sequence: 1,
        value: Some(lk::data_packet::Value::User(lk::UserPacket { payload: b"hi".to_vec(), ..Default::default() })),
        ..Default::default()
    };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(!world.data.contains_key(&ann));
    for receiver in [bob, cid] {
        let got = world.data.remove(&receiver).unwrap();
        assert_eq!(got.len(), 1, "a repeated sequence is dropped");
        let got = lk::DataPacket::decode(got[0].1.clone()).unwrap();
        assert_eq!(got.participant_identity, "ann");
        assert!(got.participant_sid.starts_with("PA_") && got.participant_sid != "PA_forged");
    }
    packet.destination_identities = vec!["cid".into()];
    world.room.message(ann, false, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.contains_key(&cid) && !world.data.contains_key(&bob));
}

#[test]
fn data_for_sids_reaches_those_of_them() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let Response::Join(join) = &world.take(cid)[0] else { panic!("join") };
    #[allow(deprecated)]
    let user = lk::UserPacket {
        destination_sids: vec![join.participant.as_ref().unwrap().sid.clone()],
        ..lk::UserPacket::default()
    };
    let packet = lk::DataPacket { value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.contains_key(&cid) && !world.data.contains_key(&bob));
}

#[test]
fn agents_write_down_what_others_say_and_speak_for_them() {
    use lk::data_packet::Value;
    use lk::data_stream::header::ContentHeader;
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let agent = world.join_kind("agent", ParticipantKind::Agent, all());
    let text = |content_header| lk::data_stream::Header { content_header, ..lk::data_stream::Header::default() };
    let said = |world: &mut World, from, value| {
        let packet = lk::DataPacket { participant_identity: "ann".into(), value: Some(value), ..Default::default() };
        let now = world.now();
        let dropped = world.room.message(from, true, &packet.encode_to_vec(), now);
        world.settle();
        let got = world.data.remove(&bob).and_then(|mut got| got.pop());
        assert_eq!(dropped.is_some(), got.is_none());
        got.map(|(_, message)| lk::DataPacket::decode(message).unwrap())
    };

    let transcription = Value::Transcription(lk::Transcription::default());
    assert_eq!(said(&mut world, ann, transcription.clone()), None);
    assert!(said(&mut world, agent, transcription).is_some_and(|packet| packet.participant_identity == "agent"));

    let chat = said(&mut world, agent, Value::ChatMessage(lk::ChatMessage::default())).unwrap();
    assert_eq!(chat.participant_identity, "ann");
    assert!(matches!(chat.value, Some(Value::ChatMessage(chat)) if chat.generated));
    let header = text(Some(ContentHeader::TextHeader(Default::default())));
    let stream = said(&mut world, agent, Value::StreamHeader(header.clone())).unwrap();
    assert_eq!(stream.participant_identity, "ann");
    assert!(matches!(stream.value, Some(Value::StreamHeader(lk::data_stream::Header {
        content_header: Some(ContentHeader::TextHeader(text)), ..
    })) if text.generated));
    let bytes = text(Some(ContentHeader::ByteHeader(Default::default())));
    assert_eq!(said(&mut world, agent, Value::StreamHeader(bytes)).unwrap().participant_identity, "agent");
    let forged = world.join("eve");
    assert_eq!(said(&mut world, forged, Value::StreamHeader(header)).unwrap().participant_identity, "eve");
    assert_eq!(said(&mut world, agent, Value::Metrics(lk::MetricsBatch::default())), None);
}

#[test]
fn what_is_not_passed_on_of_data_is_told_with_the_reason() {
    let mut world = World::new();
    let ann = world.join("ann");
    let mute = world.join_as("mute", MediaPermission { publish_data: false, ..all() });
    let now = world.now();
    let packet = lk::DataPacket {
        sequence: 1,
        value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
        ..Default::default()
    };
    let bytes = packet.encode_to_vec();
    assert_eq!(world.room.message(ann, true, &bytes, now), None);
    assert_eq!(world.room.message(ann, true, &bytes, now), None, "a repetition is no fault");
    assert_eq!(world.room.message(mute, true, &bytes, now), Some(Dropped::DataForbidden));
    assert_eq!(world.room.message(ann, true, &[0xff; 9], now), Some(Dropped::DataGarbage));
    assert_eq!(world.room.message(ann, true, &vec![0; 64 * 1024 + 1], now), Some(Dropped::DataTooLong));
    let last = (0..3000).map(|_| world.room.message(ann, false, &[0xff], now)).last().unwrap();
    assert_eq!(last, Some(Dropped::DataFlood));
    world.settle();

    let ping = |world: &mut World| {
        let bytes = lk::SignalRequest { message: Some(Request::Ping(1)) }.encode_to_vec();
        let message = signal::ClientMessage::read(&bytes).unwrap();
        world.room.client_message(ann, message, now)
    };
    let flood = (0..2000).map(|_| ping(&mut world)).find(Option::is_some).flatten();
    assert_eq!(flood, Some(Dropped::SignalFlood));
}

#[test]
fn data_of_the_silenced_and_of_the_hidden() {
    let mut world = World::new();
    let bob = world.join("bob");
    let ann = world.join_as("ann", MediaPermission { publish_data: false, ..all() });
    let bot = world.join_as("bot", MediaPermission { hidden: true, ..all() });
    let packet =
        lk::DataPacket { value: Some(lk::data_packet::Value::User(lk::UserPacket::default())), ..Default::default() };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.is_empty());
    world.room.message(bot, true, &packet.encode_to_vec(), now);
    world.settle();
    let got = lk::DataPacket::decode(world.data[&bob][0].1.clone()).unwrap();
    assert!(got.participant_identity.is_empty() && got.participant_sid.is_empty());
}

#[test]
fn what_is_said_while_a_socket_is_away_waits_in_the_channel_and_comes_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let bot = world.join_as("bot", MediaPermission { hidden: true, ..all() });
    let Response::Join(join) = &world.take(ann)[0] else { panic!("join") };
    let ann_sid = join.participant.as_ref().unwrap().sid.clone();
    say(&mut world, ann, 1);
    let now = world.now();
    world.room.link_lost(bob, now);
    say(&mut world, ann, 2);
    say(&mut world, bot, 1);
    assert_eq!(heard(&mut world, bob), [1, 2, 1]);

    world.connect("bob", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    let seen = lk::DataChannelReceiveState { publisher_sid: ann_sid, last_seq: 1 };
    world.request(
        bob,
        Request::SyncState(lk::SyncState { datachannel_receive_states: vec![seen], ..Default::default() }),
    );
    assert!(heard(&mut world, bob).is_empty());
    say(&mut world, ann, 3);
    assert_eq!(heard(&mut world, bob), [3]);
}

/// Sends a reliable message of that number.
fn say(world: &mut World, from: PeerKey, sequence: u32) {
    let packet = lk::DataPacket {
        sequence,
        value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
        ..Default::default()
    };
    let now = world.now();
    assert_eq!(world.room.message(from, sequence > 0, &packet.encode_to_vec(), now), None);
    world.settle();
}

fn heard(world: &mut World, by: PeerKey) -> Vec<u32> {
    let got = world.data.remove(&by).unwrap_or_default().into_iter();
    got.map(|(_, bytes)| lk::DataPacket::decode(bytes).unwrap().sequence).collect()
}

#[test]
fn whoever_is_still_connecting_is_sent_what_is_reliable_since_they_came_and_nothing_before() {
    let mut world = World::new();
    let ann = world.join("ann");
    say(&mut world, ann, 1);
    let (bob, _) = world.connect("bob", all(), false, &join_request());
    say(&mut world, ann, 2);
    // Lossy, which is not worth to wait for.
    say(&mut world, ann, 0);
    assert_eq!(heard(&mut world, bob), [2]);

    world.offers.insert(bob, placeholders());
    world.offer(bob, 1);
    let now = world.now();
    world.room.connected(bob, now);
    world.settle();
    say(&mut world, ann, 3);
    assert_eq!(heard(&mut world, bob), [3]);

    // What a client says after a resume about others it never heard of brings nothing from before it came.
    world.request(bob, Request::SyncState(lk::SyncState::default()));
    assert!(heard(&mut world, bob).is_empty());
}

#[test]
fn of_what_is_reliable_nothing_is_lost_and_whoever_sends_too_much_is_to_rest() {
    let user = |size: usize| lk::UserPacket { payload: vec![7; size], ..Default::default() };
    for (size, at_once, most) in [(1, 2000, 4001), (60_000, 134, 267)] {
        let mut world = World::new();
        let (ann, bob) = (world.join("ann"), world.join("bob"));
        let send = |world: &mut World, sequence| {
            let value = Some(lk::data_packet::Value::User(user(size)));
            let packet = lk::DataPacket { sequence, value, ..Default::default() };
            let now = world.now();
            world.room.message(ann, true, &packet.encode_to_vec(), now)
        };
        let first = (1..).take_while(|sequence| {
            assert_eq!(send(&mut world, *sequence), None);
            world.room.data_rests(ann).is_none()
        });
        let first = u32::try_from(first.count()).unwrap() + 1;
        assert!(first.abs_diff(at_once) <= 1, "{first}");
        // What was on its way.
        (first + 1..=first + 50).for_each(|sequence| assert_eq!(send(&mut world, sequence), None));
        world.settle();
        assert_eq!(heard(&mut world, bob), (1..=first + 50).collect::<Vec<u32>>());
        let rests = world.room.data_rests(ann).unwrap() - world.now().at;
        assert!(rests < seconds(3), "{rests:?}");
        world.pass(rests);
        assert_eq!(send(&mut world, first + 51), None);
        assert_eq!(world.room.data_rests(ann), None);

        // However much comes at once, when a gap is filled that all of it waited behind.
        let last = first + 52 + most;
        (first + 52..=last).for_each(|sequence| assert_eq!(send(&mut world, sequence), None));
        world.settle();
        assert_eq!(world.gone, []);
        // Somebody who cannot be stopped.
        world.pass(std::time::Duration::from_millis(600));
        assert_eq!(send(&mut world, last + 1), Some(Dropped::DataFlood));
        world.settle();
        assert_eq!(world.gone, [ann], "and that is not passed over in silence");
    }
}
