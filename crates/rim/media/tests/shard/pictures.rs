//! When pictures begin, and what receivers are told of them.

use super::support::World;
use super::two_connected;
use ports::media_control::RoomSettings;
use std::time::Duration;

#[test]
fn a_key_frame_wanted_before_the_first_packet_is_asked_for_right_after_it() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(400));
    assert_eq!(world.clients[ann].key_frames_asked, 0, "there is nothing yet to ask for one");

    world.send_media(ann, 1, false);
    world.pass(Duration::from_millis(50));
    assert!(world.clients[ann].key_frames_asked > 0);
    world.stream(ann, 2, 5);
    assert!(!world.clients[bob].received(true).is_empty());
}

#[test]
fn who_begins_with_a_key_frame_is_not_asked_for_another() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(400));
    world.stream(ann, 1, 50);
    assert_eq!(world.clients[ann].key_frames_asked, 0);
    assert!(world.clients[bob].received(true).len() >= 48);
}

#[test]
fn for_what_is_lost_for_good_on_its_way_here_a_key_frame_is_asked_for() {
    let (mut world, ann, _) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(400));
    world.stream(ann, 1, 50);
    let mut frame = 50;
    // Pictures are a packet each.
    let mut go_on = |world: &mut World, lost: u32, frames: u32| {
        frame += lost;
        for _ in 0..frames {
            frame += 1;
            world.send_media(ann, frame, false);
            world.pass(Duration::from_millis(20));
        }
        world.clients[ann].key_frames_asked
    };

    world.lose_for_good(ann, 2);
    assert_eq!(go_on(&mut world, 2, 45), 0, "it may still come");
    assert_eq!(go_on(&mut world, 0, 10), 1);
    world.clients[ann].key_frames_asked = 0;
    world.lose_for_good(ann, 1);
    go_on(&mut world, 1, 20);
    world.send_media(ann, 200, true);
    assert_eq!(go_on(&mut world, 0, 100), 0, "nobody needs what was before a key frame");
    world.lose_for_good(ann, 1);
    assert_eq!(go_on(&mut world, 0, 60), 0, "no picture is missing");
}

#[test]
fn receivers_are_told_for_how_long_to_keep_pictures_until_they_know() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(400));
    world.stream(ann, 1, 20);
    let delays = |world: &mut World| -> Vec<Option<(f64, f64)>> {
        let packets = std::mem::take(&mut world.clients[bob].packets);
        let said = packets.iter().filter(|packet| *packet.header.payload_type == 96).map(|packet| {
            let values = &packet.header.ext_vals;
            Some((values.play_delay_min?.as_seconds(), values.play_delay_max?.as_seconds()))
        });
        said.collect()
    };
    assert!(delays(&mut world).iter().all(Option::is_none));

    let playout_delay = Some((Duration::from_millis(400), Duration::from_secs(2)));
    let set = RoomSettings { playout_delay, ..RoomSettings::default() };
    let (room, session) = ("room".try_into().unwrap(), "session".try_into().unwrap());
    world.engine.open_room(&room, &session, set, world.now).unwrap();
    world.stream(ann, 21, 40);
    let told = delays(&mut world);
    assert!(told.len() >= 38 && told[..20].iter().all(|delay| *delay == Some((0.4, 2.0))), "{told:?}");

    world.stream(ann, 61, 800);
    let later = delays(&mut world);
    assert!(later[later.len() - 100..].iter().all(Option::is_none), "it is known by now");
}
