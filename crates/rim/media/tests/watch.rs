//! What the meeting learns about everybody's connection and voice.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
// Other tests use the rest of it.
#[allow(dead_code)]
mod simulation;

use counted::Drops;
use model::RoomId;
use model::media::{Fault, Trouble};
use ports::media::report::{Page, RoomReport};
use ports::media::{MediaEvent, MediaEventKind};
use simulation::net::Weather;
use simulation::peer::{Coding, Kind, Knows};
use simulation::world::World;
use std::time::Duration;
use wire::lk;
use wire::lk::signal_request::Message as Request;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ann, who publishes, and Bob, who looks and listens.
fn two(seed: u64) -> (World, usize, usize) {
    let mut world = World::new(seed);
    let (ann, bob) = (world.join("ann", "room", 2), world.join("bob", "room", 2));
    world.run(secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(secs(8));
    (world, ann, bob)
}

/// What was told of somebody since the last time.
fn told(world: &mut World, name: &str) -> Vec<MediaEventKind> {
    let events = std::iter::from_fn(|| world.events.try_recv().ok());
    events.filter(|event| is(event, name)).map(|event| event.kind).collect()
}

/// What the operator sees of the room.
fn report(world: &mut World, page: Page) -> RoomReport {
    let now = world.now;
    world.engine.room_report(&RoomId::try_from("room").unwrap(), page, now).unwrap()
}

fn is(event: &MediaEvent, name: &str) -> bool {
    event.identity.as_ref().is_some_and(|identity| identity.as_str() == name)
}

fn troubles(kinds: &[MediaEventKind]) -> Vec<Trouble> {
    let troubles = kinds.iter().filter_map(|kind| match kind {
        MediaEventKind::Troubled(trouble) => Some(*trouble),
        _ => None,
    });
    troubles.collect()
}

#[test]
fn an_uplink_that_loses_packets_is_told_of_once_with_its_share() {
    let (mut world, ann, _) = two(1);
    assert_eq!(troubles(&told(&mut world, "ann")), []);
    world.lines(ann)[0].set(Weather { loss: 90, ..Weather::FINE });
    world.run(secs(40));
    assert_eq!(troubles(&told(&mut world, "ann")), [], "not before it is over");

    world.lines(ann)[0].set(Weather::FINE);
    world.run(secs(20));

    let of_ann = troubles(&told(&mut world, "ann"));
    assert_eq!(of_ann.len(), 1, "{of_ann:?}");
    assert_eq!(of_ann[0].fault, Fault::UplinkLoss);
    assert!((50..=130).contains(&of_ann[0].amount), "{of_ann:?}");
    let lasted = of_ann[0].to_ms - of_ann[0].from_ms;
    assert!((30_000..=50_000).contains(&lasted), "{of_ann:?}");
}

#[test]
fn a_downlink_that_loses_packets_is_its_owners_trouble_alone() {
    let (mut world, _, bob) = two(2);
    world.lines(bob)[1].set(Weather { loss: 90, ..Weather::FINE });
    world.run(secs(30));
    world.lines(bob)[1].set(Weather::FINE);
    world.run(secs(20));

    let events: Vec<_> = std::iter::from_fn(|| world.events.try_recv().ok()).collect();
    let of = |name: &str| -> Vec<Fault> {
        let kinds: Vec<_> = events.iter().filter(|event| is(event, name)).map(|event| event.kind.clone()).collect();
        troubles(&kinds).iter().map(|trouble| trouble.fault).collect()
    };
    assert_eq!((of("ann"), of("bob")), (vec![], vec![Fault::DownlinkLoss]));
}

/// How good somebody's connection is, 0 to 100.
fn score(world: &mut World, name: &str) -> f32 {
    let report = report(world, Page::default());
    report.participants.iter().find(|one| one.identity.as_str() == name).unwrap().score.unwrap()
}

#[test]
fn what_a_publishers_way_loses_is_no_trouble_of_those_who_listen() {
    for lost_below in [0, 90] {
        let (mut world, ann, bob) = two(12);
        world.lines(ann)[0].set(Weather { loss: 120, ..Weather::FINE });
        world.lines(bob)[1].set(Weather { loss: lost_below, ..Weather::FINE });
        let mut worst = f32::MAX;
        for _ in 0..12 {
            world.run(secs(5));
            worst = worst.min(score(&mut world, "bob"));
        }
        assert!(score(&mut world, "ann") < 60.0);
        world.lines(ann)[0].set(Weather::FINE);
        world.lines(bob)[1].set(Weather::FINE);
        world.run(secs(20));

        let of_bob = troubles(&told(&mut world, "bob"));
        if lost_below == 0 {
            assert_eq!(of_bob, []);
            assert!(worst > 80.0, "{worst}");
        } else {
            assert_eq!(of_bob.iter().map(|trouble| trouble.fault).collect::<Vec<_>>(), [Fault::DownlinkLoss]);
            assert!((50..=130).contains(&of_bob[0].amount), "{of_bob:?}");
        }
    }
}

#[test]
fn whoever_only_publishes_has_a_round_trip_and_trouble_if_it_is_slow() {
    for dual in [false, true] {
        let mut world = World::new(10);
        let kind = Kind { sections: 0, knows: Knows::LITTLE, adapts: false, dual };
        let ann = world.join_with("ann", "room", kind);
        if dual {
            // The other one comes up for somebody who is gone soon.
            let bob = world.join("bob", "room", 2);
            world.run(secs(2));
            world.peers[bob].publish(Coding::VP8);
            world.run(secs(5));
            let now = world.now;
            let World { engine, peers, .. } = &mut world;
            peers[bob].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
        }
        world.run(secs(5));
        for line in world.lines(ann) {
            line.set(Weather { delay: Duration::from_millis(300), ..Weather::FINE });
        }
        world.peers[ann].publish(Coding::VP8);
        world.run(secs(25));

        let measured = |world: &mut World| -> Vec<_> {
            let connections = &report(world, Page::default()).participants[0].connections;
            connections.iter().map(|connection| connection.round_trip.map(|time| time.as_millis())).collect()
        };
        let slow = measured(&mut world);
        assert_eq!(slow.len(), if dual { 2 } else { 1 });
        assert!(slow.iter().flatten().filter(|millis| (600..620).contains(*millis)).count() == slow.len(), "{slow:?}");

        for line in world.lines(ann) {
            line.set(Weather::FINE);
        }
        world.run(secs(25));
        let of_ann = troubles(&told(&mut world, "ann"));
        assert_eq!(of_ann.len(), 1, "{of_ann:?}");
        assert_eq!(of_ann[0].fault, Fault::SlowRoundTrip);
        assert!((600..620).contains(&of_ann[0].amount), "{of_ann:?}");
        assert!(measured(&mut world).iter().all(|millis| *millis == Some(20)));
    }
}

#[test]
fn a_room_is_told_of_page_by_page() {
    let (mut world, ..) = two(11);

    let [first, second, beyond] = [0, 1, 2].map(|from| report(&mut world, Page { from, most: 1 }));

    let names = |report: &RoomReport| -> Vec<String> {
        report.participants.iter().map(|one| one.identity.to_string()).collect()
    };
    assert_eq!((names(&first), first.total, first.next()), (vec!["ann".to_owned()], 2, Some(1)));
    assert_eq!((names(&second), second.total, second.next()), (vec!["bob".to_owned()], 2, None));
    assert_eq!((names(&beyond), beyond.total, beyond.next()), (vec![], 2, None));
    assert_eq!((first.participants[0].published.len(), first.participants[0].received.len()), (2, 0));
    assert_eq!((second.participants[0].published.len(), second.participants[0].received.len()), (0, 2));
}

#[test]
fn somebody_who_was_gone_for_a_while_was_interrupted() {
    let reconnects = Drops::of("media_reconnects_total");
    reconnects.record(|| {
        let (mut world, ann, _) = two(3);
        told(&mut world, "ann");
        for line in world.lines(ann) {
            line.set(Weather { cut: true, ..Weather::FINE });
        }
        world.run(secs(17));
        for line in world.lines(ann) {
            line.set(Weather::FINE);
        }
        world.resume(ann, "room");
        world.run(secs(5));

        let kinds = told(&mut world, "ann");
        let of_ann = troubles(&kinds);
        let gone: Vec<_> = of_ann.iter().filter(|trouble| trouble.fault == Fault::Interrupted).collect();
        assert_eq!(gone.len(), 1, "{of_ann:?}");
        assert!((15_000..=19_000).contains(&gone[0].amount), "{of_ann:?}");
    });
    assert_eq!(reconnects.by_reason().get("silence"), Some(&1));
}

/// Ann's line is cut and her signalling socket breaks.
fn lose(world: &mut World, ann: usize) {
    for line in world.lines(ann) {
        line.set(Weather { cut: true, ..Weather::FINE });
    }
    let now = world.now;
    let link = world.peers[ann].link;
    world.engine.link_lost(link, now);
    world.peers[ann].over = true;
}

#[test]
fn somebody_who_joins_anew_after_a_long_time_was_gone_for_all_of_it() {
    let reconnects = Drops::of("media_reconnects_total");
    reconnects.record(|| {
        let (mut world, ann, _) = two(5);
        told(&mut world, "ann");
        lose(&mut world, ann);
        world.run(secs(180));
        let lost = troubles(&told(&mut world, "ann"));
        assert!(matches!(lost[..], [Trouble { fault: Fault::Lost, amount: 0, .. }]), "{lost:?}");

        world.join("ann", "room", 2);
        world.run(secs(5));

        let of_ann = troubles(&told(&mut world, "ann"));
        assert_eq!(of_ann.len(), 1, "{of_ann:?}");
        assert_eq!((of_ann[0].fault, of_ann[0].from_ms), (Fault::Interrupted, lost[0].from_ms));
        assert!((179_000..=184_000).contains(&of_ann[0].amount), "{of_ann:?}");
    });
    assert_eq!(reconnects.by_reason().get("silence"), None, "no connection was heard again");
}

#[test]
fn somebody_who_never_comes_back_was_lost_and_not_interrupted() {
    let (mut world, ann, bob) = two(6);
    told(&mut world, "ann");
    lose(&mut world, ann);
    world.run(secs(60));
    lose(&mut world, bob);
    world.run(secs(60));

    let faults: Vec<_> = troubles(&told(&mut world, "ann")).iter().map(|trouble| trouble.fault).collect();
    assert_eq!(faults, [Fault::Lost]);
}

#[test]
fn trouble_is_over_when_there_is_nothing_left_to_measure() {
    let (mut world, ann, bob) = two(7);
    world.lines(bob)[1].set(Weather { loss: 90, ..Weather::FINE });
    world.run(secs(30));
    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    peers[ann].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
    told(&mut world, "bob");

    world.run(secs(20));

    let of_bob = troubles(&told(&mut world, "bob"));
    assert_eq!(of_bob.len(), 1, "{of_bob:?}");
    assert_eq!(of_bob[0].fault, Fault::DownlinkLoss);
    assert!((20_000..=40_000).contains(&(of_bob[0].to_ms - of_bob[0].from_ms)), "{of_bob:?}");
    let report = report(&mut world, Page::default());
    assert_eq!(report.participants[0].score, None, "{report:?}");
}

#[test]
fn losses_count_whenever_in_a_window_they_were() {
    let (mut world, ann, _) = two(8);
    told(&mut world, "ann");
    for _ in 0..12 {
        world.lines(ann)[0].set(Weather { loss: 300, ..Weather::FINE });
        world.run(secs(1));
        world.lines(ann)[0].set(Weather::FINE);
        world.run(secs(4));
    }
    world.run(secs(20));

    let of_ann = troubles(&told(&mut world, "ann"));
    assert_eq!(of_ann.len(), 1, "{of_ann:?}");
    assert_eq!(of_ann[0].fault, Fault::UplinkLoss);
    assert!((50..=70).contains(&of_ann[0].amount), "{of_ann:?}");
    let lasted = of_ann[0].to_ms - of_ann[0].from_ms;
    assert!((55_000..=65_000).contains(&lasted), "{of_ann:?}");
}

#[test]
fn losses_count_also_while_connections_are_negotiated_anew() {
    let (mut world, ann, _) = two(8);
    told(&mut world, "ann");
    for number in 0..8 {
        // Ann makes an offer in which there is room for them, right after the losses.
        let guest = world.join(&format!("guest{number}"), "room", 8);
        world.lines(ann)[0].set(Weather { loss: 300, ..Weather::FINE });
        world.run(secs(1));
        world.lines(ann)[0].set(Weather::FINE);
        world.peers[guest].publish(Coding::VP8);
        world.run(secs(4));
    }
    world.run(secs(20));

    let of_ann = troubles(&told(&mut world, "ann"));
    assert_eq!(of_ann.len(), 1, "{of_ann:?}");
    assert_eq!(of_ann[0].fault, Fault::UplinkLoss);
    assert!((45..=75).contains(&of_ann[0].amount), "{of_ann:?}");
}

#[test]
fn whoever_was_on_a_shard_that_is_gone_is_counted_no_more() {
    let sessions = Drops::of("media_sessions");
    sessions.record(|| {
        let (mut world, ann, _) = two(9);
        assert_eq!(sessions.by_reason().get(""), Some(&2));
        let now = world.now;
        let World { engine, peers, .. } = &mut world;
        peers[ann].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
        world.run(secs(1));
        assert_eq!(sessions.by_reason().get(""), Some(&1));

        world.engine.lose(0);

        assert_eq!(sessions.by_reason().get(""), Some(&0));
    });
}

#[test]
fn speech_is_measured_until_it_stops_and_until_the_speaker_leaves() {
    let (mut world, ann, _) = two(4);
    let spoken = |kinds: &[MediaEventKind]| -> Vec<u32> {
        let spoken = kinds.iter().filter_map(|kind| match kind {
            MediaEventKind::Spoke { millis } => Some(*millis),
            _ => None,
        });
        spoken.collect()
    };
    assert!(spoken(&told(&mut world, "ann")).is_empty(), "she is still speaking");

    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    let sid = peers[ann].camera.sid.clone().unwrap();
    peers[ann].request(engine, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: true }), now);
    world.run(secs(2));
    let first = spoken(&told(&mut world, "ann"));
    assert!(first.len() == 1 && (6000..=9000).contains(&first[0]), "{first:?}");

    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    peers[ann].request(engine, Request::Mute(lk::MuteTrackRequest { sid, muted: false }), now);
    world.run(secs(4));
    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    peers[ann].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
    world.run(secs(1));
    let kinds = told(&mut world, "ann");
    let second = spoken(&kinds);
    assert!(second.len() == 1 && (2500..=4500).contains(&second[0]), "{kinds:?}");
}
