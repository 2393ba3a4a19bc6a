//! What somebody chooses to receive, and by whom somebody chooses to be received.

use crate::support::{World, all, join_request, names, placeholders, refused, seconds};
use model::media::{MediaPermission, ParticipantKind};
use signal::Codec;
use std::time::Duration;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn a_client_that_chooses_itself_gets_what_it_asks_for() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let request = lk::JoinRequest {
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: false, ..Default::default() }),
        ..Default::default()
    };
    let (bob, _) = world.connect("bob", all(), false, &request);
    world.offers.insert(bob, placeholders());
    world.offer(bob, 1);
    assert_eq!(world.bound_to(bob), 0);
    let subscription = |subscribe| {
        let tracks = lk::ParticipantTracks { participant_sid: "x".into(), track_sids: vec![sid.clone()] };
        Request::Subscription(lk::UpdateSubscription {
            track_sids: vec![sid.clone()],
            subscribe,
            participant_tracks: vec![tracks],
        })
    };
    world.request(bob, subscription(true));
    world.offer(bob, 2);
    assert_eq!(world.bound_to(bob), 1);
    world.request(bob, subscription(false));
    assert_eq!(world.bound_to(bob), 0);
}

#[test]
fn a_publisher_chooses_its_audience() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.offer(cid, 2);
    let only_cid = lk::TrackPermission { participant_identity: "cid".into(), all_tracks: true, ..Default::default() };
    world.request(
        ann,
        Request::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![only_cid],
        }),
    );
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (0, 1));
}

fn sid_of(world: &World, identity: &str) -> String {
    use prost::Message;
    let info = world.room.participant(&crate::support::who(identity)).unwrap();
    lk::ParticipantInfo::decode(info).unwrap().sid
}

#[test]
fn whoever_is_admitted_by_sid_is_admitted_when_they_come_back_under_another() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.join("cid");
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    let entry = |participant_sid| lk::TrackPermission { participant_sid, all_tracks: true, ..Default::default() };
    let track_permissions = vec![entry(sid_of(&world, "bob")), entry("PA_nobody".into())];
    let audience = lk::SubscriptionPermission { all_participants: false, track_permissions };
    world.request(ann, Request::SubscriptionPermission(audience.clone()));
    assert_eq!(world.bound_to(bob), 1);

    let bob = world.join("bob");
    assert_eq!(world.bound_to(bob), 1);
    // As clients do when they resume: they say it in the words of the application.
    world.request(ann, Request::SubscriptionPermission(audience));
    assert_eq!(world.bound_to(bob), 1);
    let cid = world.join("cid");
    assert_eq!(world.bound_to(cid), 0);
}

#[test]
fn what_the_limits_promise_is_heard_and_what_is_more_is_refused_and_costs_no_connection() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    let audience = |entries| {
        let entry = |number| lk::TrackPermission {
            participant_identity: format!("{number:0256}"),
            track_sids: vec!["TR_AM123456789012".into(); 8],
            ..Default::default()
        };
        let track_permissions = (0..entries).map(entry).collect();
        Request::SubscriptionPermission(lk::SubscriptionPermission { all_participants: false, track_permissions })
    };
    world.request(ann, audience(1000));
    assert_eq!(world.bound_to(bob), 0);
    assert!(!refused(&mut world, ann));
    world.request(ann, audience(1001));
    assert!(refused(&mut world, ann));

    let description = |bytes| {
        let metadata = "m".repeat(bytes);
        Request::UpdateMetadata(lk::UpdateParticipantMetadata { metadata, request_id: 7, ..Default::default() })
    };
    world.take(bob);
    world.request(ann, description(512 * 1024));
    assert!(!refused(&mut world, ann));
    assert!(names(&world.take(bob)).contains(&"update"));
    world.pass(seconds(60));
    world.take(ann);
    world.request(ann, description(512 * 1024 + 1));
    let answers: Vec<_> = world.take(ann);
    let [Response::RequestResponse(answer)] = &answers[..] else { panic!("an answer") };
    assert_eq!((answer.request_id, answer.reason()), (7, lk::request_response::Reason::LimitExceeded));

    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: "x".repeat(100_000), muted: true }));
    assert!(refused(&mut world, ann));
    assert!(!world.closed.contains(&ann));
}

#[test]
fn recorders_are_no_audience_that_a_publisher_chooses() {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    let ann = world.join("ann");
    let recorder = world.join_kind("rec", ParticipantKind::Egress, all());
    let spy = world.join_as("spy", MediaPermission { hidden: true, ..all() });
    world.request(ann, Request::SubscriptionPermission(lk::SubscriptionPermission::default()));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    for (peer, tracks) in [(recorder, 1), (spy, 0)] {
        world.offer(peer, 2);
        assert_eq!(world.bound_to(peer), tracks);
    }
}

#[test]
fn the_best_wanted_quality_goes_to_the_publisher_and_again_after_a_resume() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.publish(ann, "cam", lk::TrackSource::Camera);
    let track = world.live[0];
    world.take(ann);
    world.room.wanted_quality(track, Codec::Vp8, Some(1));
    world.room.wanted_quality(track, Codec::Vp8, Some(1));
    world.settle();
    let messages = world.take(ann);
    assert_eq!(messages.len(), 1);
    let Response::SubscribedQualityUpdate(update) = &messages[0] else { panic!("an update") };
    let flags: Vec<bool> = update.subscribed_codecs[0].qualities.iter().map(|quality| quality.enabled).collect();
    assert_eq!(flags, [true, true, false]);
    assert_eq!(update.subscribed_codecs[0].codec, "vp8");
    world.connect("ann", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    assert!(names(&world.take(ann)).contains(&"subscribed_quality_update"));
}

#[test]
fn an_audience_is_chosen_by_name_number_and_track_within_limits() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let mic = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.publish(ann, "cam", lk::TrackSource::Camera);
    world.pass(seconds(1));
    world.offer(bob, 2);
    world.offer(cid, 2);
    let Response::Join(join) = world.take(bob).remove(0) else { panic!("join") };
    let bob_sid = join.participant.unwrap().sid;
    let chosen = |entries: Vec<lk::TrackPermission>| {
        Request::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: entries,
        })
    };
    let everything =
        |who: &str| lk::TrackPermission { participant_identity: who.into(), all_tracks: true, ..Default::default() };
    let one_of_bob =
        lk::TrackPermission { participant_sid: bob_sid, track_sids: vec![mic.clone()], ..Default::default() };
    world.request(ann, chosen(vec![one_of_bob, everything("cid"), lk::TrackPermission::default()]));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (1, 2));

    // Too many entries are refused, and what was chosen before stands.
    world.take(ann);
    world.request(ann, chosen((0..1001).map(|_| lk::TrackPermission::default()).collect()));
    assert!(refused(&mut world, ann));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (1, 2));
    world.request(ann, chosen((0..999).map(|_| lk::TrackPermission::default()).chain([everything("cid")]).collect()));
    assert!(!refused(&mut world, ann));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (0, 2));
}

#[test]
fn an_audience_that_changes_now_and_then_counts_at_once_and_of_one_that_flickers_the_last_choice() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.take(ann);
    let choose = |world: &mut World, all_participants| {
        let permission = lk::SubscriptionPermission { all_participants, ..Default::default() };
        world.request(ann, Request::SubscriptionPermission(permission));
    };
    // A few times a second for some seconds, as a teacher's hand may.
    for index in 0..30 {
        choose(&mut world, index % 2 == 1);
        world.pass(Duration::from_millis(250));
    }
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 1, "not put off");
    (0..51).for_each(|index| choose(&mut world, index % 2 == 1));
    world.pass(seconds(1));
    assert_eq!(world.bound_to(bob), 0, "the last was nobody");
    (0..50).for_each(|index| choose(&mut world, index % 2 == 1));
    assert_eq!(world.bound_to(bob), 0, "too soon");
    world.pass(seconds(1));
    world.offer(bob, 5);
    world.offer(bob, 6);
    assert_eq!(world.bound_to(bob), 1, "the last was everybody");
    assert!(!refused(&mut world, ann));
    assert!(world.gone.is_empty());
}

#[test]
fn what_a_resumed_client_no_longer_chooses_is_what_everybody_gets() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let mic = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    let not = lk::UpdateSubscription { track_sids: vec![mic.clone(), mic], ..Default::default() };
    world.request(bob, Request::Subscription(not));
    assert_eq!(world.bound_to(bob), 0);
    let state = lk::SyncState { subscription: Some(lk::UpdateSubscription::default()), ..Default::default() };
    world.request(bob, Request::SyncState(state));
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 1);
}
