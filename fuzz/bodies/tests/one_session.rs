//! What the hostile client of the fuzz target seals gets as far as it should, so that fuzzing it means something; and a bug of
//! ours, met by the packet of one participant, is the end of that participant's session and of nothing else.

use fuzz_bodies::connected::{ANN, BOB, EVE, Sealed, World};
use std::time::Duration;

#[test]
fn a_panic_while_a_packet_is_read_ends_the_session_it_came_from_and_no_other() {
    let mut world = World::new();

    world.send_to_a_bug();
    world.pass(Duration::from_millis(200));

    assert!(world.clients[EVE].closed, "whoever sent it starts over");
    world.assert_others_are_well();
    assert_eq!(world.sessions(), 2);
}

#[test]
fn nobody_is_harmed_by_somebody_who_does_as_usual() {
    let mut world = World::new();
    world.tamper(&[]);
    world.pass(Duration::from_secs(3));
    assert!(!world.clients[EVE].closed);
    world.assert_others_are_well();
    assert_eq!(world.sessions(), 3);
}

#[test]
fn what_the_hostile_client_makes_up_or_changes_is_heard() {
    let mut world = World::new();
    let before = world.clients[BOB].heard;

    world.send_sealed(Sealed::Packet(0), &[0; 40]);
    world.pump();
    assert_eq!(world.clients[BOB].heard, before + 1);

    // The marker, and a bit of the time.
    world.tamper(&[1, 0x80, 7, 1]);
    world.pump();
    assert_eq!(world.clients[BOB].heard, before + 2);

    // Loudness, in either form.
    world.send_extended(0, &[0x10, 0x94]);
    world.send_extended(0x40, &[1, 1, 0x94, 0]);
    world.pump();
    assert_eq!(world.clients[BOB].heard, before + 4);
}

/// What is said about the pictures that the hostile client receives.
const ABOUT_PICTURES: Sealed = Sealed::Control(0xa0);

/// The kinds of control packets (RFC 4585 section 6.1), as the target writes them.
const TRANSPORT_FEEDBACK: u8 = 205 - 192;
const PAYLOAD_FEEDBACK: u8 = 206 - 192;

#[test]
fn a_packet_that_is_missed_comes_again() {
    let mut world = World::new();
    assert!(world.clients[EVE].seen > 0);
    let before = world.clients[EVE].datagrams;

    world.send_sealed(ABOUT_PICTURES, &nack(0));
    world.pump();
    assert_eq!(world.clients[EVE].datagrams, before + 1);

    world.send_sealed(ABOUT_PICTURES, &nack(0x4000));
    world.pump();
    assert_eq!(world.clients[EVE].datagrams, before + 1, "one that was never sent");
}

#[test]
fn a_picture_that_is_lost_is_asked_for_where_it_comes_from() {
    let mut world = World::new();
    world.pass(Duration::from_secs(2));
    let before = world.clients[ANN].asked;

    world.send_sealed(ABOUT_PICTURES, &[1, PAYLOAD_FEEDBACK, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    world.pump();

    assert_eq!(world.clients[ANN].asked, before + 1);
}

#[test]
fn nonsense_about_arrivals_is_survived() {
    let mut world = World::new();
    let head = [15, TRANSPORT_FEEDBACK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for first in [0_u16, 1, 0x8000, 0xfff0] {
        for count in [0_u16, 1, 20, 0xffff] {
            for chunk in [[0x3f, 0xff], [0x40, 20], [0x60, 3], [0xd5, 0x55], [0xbf, 0xff]] {
                for deltas in [0_usize, 8, 600] {
                    let mut said =
                        [&head[..], &first.to_be_bytes(), &count.to_be_bytes(), &[0xff, 0xff, 0xff, 1]].concat();
                    said.extend(chunk);
                    said.resize(said.len() + deltas, 0x80);
                    world.send_sealed(ABOUT_PICTURES, &said);
                }
            }
        }
        world.pump();
        world.pass(Duration::from_millis(100));
    }
    assert!(!world.clients[EVE].closed);

    let before = world.clients[EVE].seen;
    world.assert_others_are_well();
    assert!(world.clients[EVE].seen > before, "pictures still arrive");
}

/// The newest packet, or one so much newer, did not arrive.
fn nack(ahead: u16) -> Vec<u8> {
    let [high, low] = ahead.to_be_bytes();
    vec![1, TRANSPORT_FEEDBACK, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, high, low, 0, 0]
}

/// A packet of media that ends its picture and begins a moment later; which stream and which format, see `World::send_media`.
const MEDIA: u8 = 0x98;
const SOUND: u8 = 0;
const CAMERA: u8 = 1;
const SMALLEST: u8 = 2;
const AS_RED: u8 = 0x10;
const AS_VP8: u8 = 0x20;
const AS_VP9: u8 = 0x40;
const AS_AV1: u8 = 0x50;
const AS_H264: u8 = 0x60;

/// What arrived in a format at somebody because of one thing the hostile client did.
fn arrives(who: usize, format: u8, act: impl FnOnce(&mut World)) -> usize {
    let mut world = World::new();
    let count = |world: &World| world.clients[who].formats.get(&format).copied().unwrap_or_default();
    let before = count(&world);
    act(&mut world);
    world.pump();
    let after = count(&world);
    world.assert_others_are_well();
    after - before
}

#[test]
fn pictures_that_the_hostile_client_makes_up_arrive_in_every_codec() {
    let key_pictures: [(u8, u8, &[u8]); 4] = [
        (AS_VP8, 96, &[0x90, 0x80, 0xc0, 1, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1]),
        (AS_VP9, 98, &[0x8c, 1, 7, 7, 7]),
        (AS_AV1, 45, &[0x18, 0x0a, 0x0b, 0, 0, 0, 0x24]),
        (AS_H264, 108, &[0x78, 0, 3, 0x67, 0x42, 0xe0, 0, 2, 0x65, 0x88]),
    ];
    for (codec, format, payload) in key_pictures {
        let packet = [&[CAMERA | codec, 0][..], payload].concat();
        assert_eq!(arrives(BOB, format, |world| world.send_media(MEDIA, &packet)), 1, "{format}");
    }
}

#[test]
fn a_picture_of_layers_that_its_descriptor_tells_of_arrives() {
    let structure = &include_bytes!("../../corpus/dependency/two_layers_keyed")[2..];
    let descriptor = &structure[..usize::from(include_bytes!("../../corpus/dependency/two_layers_keyed")[1])];
    let sent = arrives(BOB, 45, |world| world.send_described(MEDIA, CAMERA | AS_AV1, descriptor, &[0x18, 0x0a, 7, 7]));
    assert_eq!(sent, 1);
}

#[test]
fn a_picture_of_one_of_several_sizes_arrives() {
    let sent = arrives(BOB, 98, |world| {
        for size in SMALLEST..SMALLEST + 3 {
            world.send_media(MEDIA, &[size | AS_VP9, 0, 0x8c, 1, 7, 7, 7]);
        }
    });
    assert!(sent >= 1, "{sent}");
}

#[test]
fn redundant_sound_arrives_as_it_is_or_as_what_is_in_it_and_in_front_of_it() {
    // The second packet after a gap, with what was in the one before it.
    let twice = |world: &mut World| {
        world.send_media(MEDIA, &[SOUND | AS_RED, 0, 111, 1, 1]);
        world.send_media(MEDIA, &[SOUND | AS_RED, 1, 0xef, 0x0f, 0, 2, 111, 2, 2, 3, 3]);
    };
    assert_eq!(arrives(BOB, 63, twice), 2);
    assert_eq!(arrives(ANN, 111, twice), 3, "of three packets");
}
