//! Participants inside the process: what they send real clients receive, and what real clients send they get.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of them.
#[allow(dead_code)]
mod guest;
#[allow(dead_code)]
mod simulation;

use guest::{Guest, NUMBER, ROOM, hidden, millis, numbers};
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId};
use ports::media::inside::{Format, InsideItem, InsideKind, InsideOrder, InsideRefusal, SentFrame};
use simulation::checks;
use simulation::film::Sound;
use simulation::net::Weather;
use simulation::peer::Coding;
use simulation::world::{World, permission};
use std::time::Duration;
use wire::lk;
use wire::lk::signal_request::Message as Request;

#[test]
fn what_an_insider_sends_a_real_client_receives_and_can_show() {
    let mut world = World::new(1);
    let bob = world.join("bob", ROOM, 2);
    world.run(Duration::from_secs(2));
    let mut guest = Guest::enter(&mut world, "caller", InsideKind::Sip, permission(), 512);
    guest.publish(&mut world);
    let from = world.now;
    guest.send(&mut world, 50);

    let peer = &world.peers[bob];
    let shown = checks::shown(peer, NUMBER, from, world.now);
    assert!(shown >= 40, "{shown} of 50 pictures");
    assert!(checks::longest_silence(peer, NUMBER, from + millis(300), world.now) < millis(100));
    let faults = checks::faults(peer, &[NUMBER].into(), &Default::default());
    assert!(faults.is_empty(), "{faults:?}");
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::KeyFrameWanted { name } if name == "cam")));
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Published { name, .. } if name == "mic")));
}

#[test]
fn an_insider_is_told_whether_anybody_gets_its_pictures_and_what_others_publish() {
    let mut world = World::new(11);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Ingress, permission(), 512);
    sender.publish(&mut world);
    let mut viewer = Guest::enter(&mut world, "viewer", InsideKind::Agent, hidden(), 512);
    viewer.read();
    let camera = viewer.told.iter().find_map(|item| match item {
        InsideItem::Track { sid, audio: false, format, size, .. } => Some((sid.clone(), *format, *size)),
        _ => None,
    });
    let (sid, format, size) = camera.unwrap();
    assert_eq!((format, size), (Some(Format::Vp8), (640, 360)));
    let mut wanted = |world: &mut World, wanted| {
        viewer.order(world, InsideOrder::Subscribe { sid: sid.clone(), wanted });
        // What nobody wants any more is given up after a while.
        world.run(Duration::from_secs(10));
        sender.read();
        let said = sender.told.drain(..).filter_map(|item| match item {
            InsideItem::Wanted { name, yes } => Some((name, yes)),
            _ => None,
        });
        said.last()
    };

    wanted(&mut world, false);
    assert_eq!(wanted(&mut world, true), Some(("cam".to_owned(), true)));
    assert_eq!(wanted(&mut world, false), Some(("cam".to_owned(), false)));
}

#[test]
fn an_insider_may_publish_again_and_again() {
    let mut world = World::new(1);
    let mut guest = Guest::enter(&mut world, "caller", InsideKind::Sip, permission(), 4096);
    let microphone = |name: String| InsideOrder::Publish {
        name,
        source: Source::Microphone,
        format: Format::Opus,
        size: (0, 0),
        stereo: false,
    };
    for number in 0..2500 {
        guest.order(&mut world, microphone(format!("mic{number}")));
        guest.order(&mut world, InsideOrder::Unpublish { name: format!("mic{number}") });
        world.run(millis(500));
        guest.read();
        let is_out = |item: &InsideItem| matches!(item, InsideItem::Published { .. });
        assert!(guest.told.drain(..).any(|item| is_out(&item)), "{number}");
    }
    let bob = world.join("bob", ROOM, 2);
    world.run(Duration::from_secs(2));
    guest.publish(&mut world);
    let from = world.now;
    guest.send(&mut world, 30);
    let peer = &world.peers[bob];
    assert!(checks::shown(peer, NUMBER, from, world.now) >= 20);
    assert!(checks::longest_silence(peer, NUMBER, from + millis(300), world.now) < millis(100));
}

#[test]
fn a_recorder_gets_every_picture_in_order_and_nobody_sees_it() {
    let mut world = World::new(2);
    let (ann, bob) = (world.join("ann", ROOM, 2), world.join("bob", ROOM, 2));
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(5));

    let pictures = recorder.frames(false);
    assert!(pictures.len() > 40, "{}", pictures.len());
    assert!(pictures[0].key_frame, "a key frame first");
    let numbers = numbers(&pictures);
    // The moment at which it goes over to the larger size may be there in both.
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair[1] == pair[0]), "{numbers:?}");
    assert!(numbers.windows(2).filter(|pair| pair[1] == pair[0]).count() <= 1, "{numbers:?}");
    assert!(pictures.iter().all(|picture| picture.format == Format::Vp8 && !picture.after_loss));
    assert!(pictures.iter().map(|picture| picture.captured).is_sorted());
    let sounds = recorder.frames(true);
    assert!(sounds.len() > 100, "{}", sounds.len());
    let heard: Vec<u32> = sounds.iter().map(|sound| Sound::read(&sound.data).unwrap().number).collect();
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
    assert!(sounds.iter().all(|sound| !sound.after_loss && sound.audio_level.is_some()));
    assert!(!world.peers[bob].seen.contains("rec") && !world.peers[ann].seen.contains("rec"));
    assert_eq!(recorder.items.dropped(), 0);
}

#[test]
fn what_is_lost_on_the_way_in_is_sent_again_or_said_and_pictures_go_on_with_a_key_frame() {
    let mut world = World::new(3);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    world.lines(ann)[0].set(Weather { loss: 200, ..Weather::FINE });
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(10));

    let pictures = recorder.frames(false);
    assert!(pictures.len() > 50, "{}", pictures.len());
    let shown = numbers(&pictures);
    assert!(shown.is_sorted(), "{shown:?}");
    for (pair, picture) in shown.windows(2).zip(&pictures[1..]) {
        let left_out = pair[1] > pair[0] + 1;
        // One of the smaller size that is lost just before it goes over to the larger is missing in no count.
        assert!(picture.after_loss || picture.key_frame || !left_out, "{pair:?}");
        assert!(picture.key_frame || !picture.after_loss);
    }
    let sounds = recorder.frames(true);
    let heard: Vec<u32> = sounds.iter().map(|sound| Sound::read(&sound.data).unwrap().number).collect();
    assert!(heard.is_sorted_by(|one, other| one < other), "{heard:?}");
    assert!(sounds.len() > 100, "{}", sounds.len());
}

#[test]
fn an_insider_that_does_not_keep_up_misses_pictures_up_to_a_key_frame_and_costs_nobody_else_anything() {
    let mut world = World::new(4);
    let (ann, bob) = (world.join("ann", ROOM, 2), world.join("bob", ROOM, 2));
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    let mut slow = Guest::enter(&mut world, "slow", InsideKind::Agent, hidden(), 30);
    slow.subscribe(&mut world);
    slow.told.clear();
    let from = world.now;
    world.run(Duration::from_secs(6));

    assert!(slow.items.dropped() > 100, "{}", slow.items.dropped());
    let pictures = slow.frames(false);
    assert!(pictures.len() <= 30);
    let first = pictures.first();
    assert!(first.is_none_or(|first| first.key_frame && first.after_loss), "what is left begins with a key frame");
    let number = world.peers[ann].number;
    assert!(checks::longest_silence(&world.peers[bob], number, from, world.now) < millis(200));
    world.run(millis(200));
    slow.told.clear();
    for _ in 0..20 {
        slow.read();
        world.run(millis(50));
    }
    assert!(slow.frames(false).iter().any(|picture| picture.key_frame), "one was asked for");
}

#[test]
fn nobody_makes_key_frames_for_an_insider_that_does_not_read() {
    let mut world = World::new(10);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Ingress, permission(), 512);
    sender.publish(&mut world);
    let mut deaf = Guest::enter(&mut world, "deaf", InsideKind::Agent, hidden(), 30);
    deaf.subscribe(&mut world);
    let mut time = 0;
    let mut send = |sender: &mut Guest, world: &mut World, frames: u32| {
        for _ in 0..frames {
            time += 1;
            let key = sender.is_asked_for_a_key_frame() || time == 1;
            let number = u8::try_from(time % 100).unwrap();
            sender.send_frame(world, "cam", time * 3600, None, picture(Format::Vp8, number, key, 200));
            sender.send_frame(world, "mic", time * 1920, None, vec![0xfc, 1, 2]);
            world.run(millis(38));
        }
    };
    send(&mut sender, &mut world, 5);
    deaf.read();
    sender.read();
    sender.told.clear();

    // That fills the queue some sixty times.
    send(&mut sender, &mut world, 1000);

    let wanted = sender.told.iter().filter(|item| matches!(item, InsideItem::KeyFrameWanted { .. })).count();
    assert!((1..=2).contains(&wanted), "{wanted}");
    assert!(deaf.items.dropped() > 1000, "{}", deaf.items.dropped());
    deaf.read();
    send(&mut sender, &mut world, 2);
    deaf.read();
    deaf.told.clear();
    send(&mut sender, &mut world, 10);
    assert_eq!(deaf.frames(false).len(), 10, "it reads again, and sees again");
}

#[test]
fn rights_hold_for_insiders_too() {
    let mut world = World::new(5);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    let deaf = MediaPermission { subscribe: false, publish: Sources::NONE.with(Source::Microphone), ..permission() };
    let mut guest = Guest::enter(&mut world, "guest", InsideKind::Ingress, deaf, 512);
    guest.subscribe(&mut world);
    guest.publish(&mut world);
    world.run(Duration::from_secs(1));

    assert!(guest.frames(false).is_empty() && guest.frames(true).is_empty());
    assert_eq!(guest.receiving().values().collect::<Vec<_>>(), [&false, &false]);
    let refused = InsideItem::Refused { name: "cam".into(), why: InsideRefusal::NotAllowed };
    assert!(guest.told.contains(&refused), "{:?}", guest.told);
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Published { name, .. } if name == "mic")));

    let room = RoomId::try_from(ROOM).unwrap();
    let who = Identity::try_from("guest").unwrap();
    let none = MediaPermission { publish: Sources::NONE, ..deaf };
    world.engine.set_permission(&room, &who, none, world.now);
    world.run(millis(100));
    guest.read();
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Unpublished { .. })), "{:?}", guest.told);
}

#[test]
fn who_records_is_told_who_speaks_and_who_no_longer_does() {
    let mut world = World::new(12);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Sip, permission(), 512);
    sender.publish(&mut world);
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
    recorder.subscribe(&mut world);
    speak(&mut world, &mut sender, 20);
    recorder.read();
    speak(&mut world, &mut sender, 127);

    let told = levels(&mut recorder, "sender");
    let [loud @ .., silent] = &told[..] else { panic!("nothing was said") };
    assert!(!loud.is_empty() && loud.iter().all(|level| (0.1..=1.0).contains(level)), "{told:?}");
    assert!(*silent <= 0.0);
    assert!(levels(&mut sender, "sender").is_empty(), "nobody is told of themselves");
}

#[test]
fn whoever_goes_or_hides_while_speaking_is_told_silent() {
    for hides in [false, true] {
        let mut world = World::new(13);
        let mut sender = Guest::enter(&mut world, "sender", InsideKind::Sip, permission(), 512);
        sender.publish(&mut world);
        let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
        recorder.subscribe(&mut world);
        speak(&mut world, &mut sender, 20);
        assert!(levels(&mut recorder, "sender").last().is_some_and(|level| *level > 0.0));

        if hides {
            let (room, who) = (RoomId::try_from(ROOM).unwrap(), Identity::try_from("sender").unwrap());
            world.engine.set_permission(&room, &who, hidden(), world.now);
        } else {
            world.engine.inside_gone(sender.link, world.now);
        }
        world.run(millis(100));

        let told = levels(&mut recorder, "sender");
        assert!(told.last().is_some_and(|level| *level <= 0.0), "hides: {hides}, {told:?}");
    }
}

/// Two seconds of sound, so loud in −dBov.
fn speak(world: &mut World, speaker: &mut Guest, level: u8) {
    for number in 0..100u32 {
        speaker.send_frame(world, "mic", (number + u32::from(level) * 100) * 960, Some(level), vec![0xfc, 1]);
        world.run(millis(19));
    }
}

/// How loud somebody was, as an insider was told.
fn levels(insider: &mut Guest, who: &str) -> Vec<f32> {
    insider.read();
    let levels = insider.told.iter().filter_map(|item| match item {
        InsideItem::Speaking { owner, level } if owner == who => Some(*level),
        _ => None,
    });
    levels.collect()
}

#[test]
fn mutes_ends_and_leaving_are_told_in_order() {
    let mut world = World::new(6);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(1));
    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    let sid = peers[ann].camera.sid.clone().unwrap();
    peers[ann].request(engine, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: true }), now);
    world.run(millis(200));
    recorder.read();
    let muted = recorder
        .told
        .iter()
        .rposition(|item| matches!(item, InsideItem::Track { sid: told, muted: true, .. } if *told == sid));
    let last =
        recorder.told.iter().rposition(|item| matches!(item, InsideItem::Frame(frame) if frame.sid.as_ref() == sid));
    assert!(muted > last && last.is_some(), "{muted:?} after {last:?}");

    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    peers[ann].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
    peers[ann].over = true;
    world.run(millis(100));
    recorder.read();
    let gone = recorder.told.iter().filter(|item| matches!(item, InsideItem::TrackGone { .. })).count();
    assert_eq!(gone, 2);
    world.engine.inside_gone(recorder.link, world.now);
    world.run(Duration::from_secs(1));
    recorder.read();
    assert_eq!(world.engine.holdings().sessions, 0);
    assert_eq!(world.engine.holdings().links, 0);
}

/// A picture that says which it is, of so many bytes and a few.
fn picture(format: Format, number: u8, key: bool, size: u16) -> Vec<u8> {
    let body = vec![number | 0x80; size.into()];
    let head: &[u8] = match format {
        Format::Vp8 => &[u8::from(!key), 0, 0],
        Format::Vp9 => &[if key { 0x82 } else { 0x86 }],
        Format::Av1 => {
            // A sequence header with key pictures, then the picture with its size in two bytes.
            let size = [size as u8 | 0x80, (size >> 7) as u8];
            return [if key { &[0x0a, 1, 7][..] } else { &[] }, &[0x32], &size, &body].concat();
        }
        Format::H264 if key => {
            &[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 0, 0, 0, 1, 0x68, 0xce, 9, 0, 0, 0, 1, 0x65, number | 0x80]
        }
        Format::H264 => &[0, 0, 0, 1, 0x61],
        Format::Opus | Format::Red => &[],
    };
    [head, &body].concat()
}

#[test]
fn insiders_see_and_hear_each_other_in_every_format() {
    for format in [Format::Vp8, Format::Vp9, Format::Av1, Format::H264, Format::Opus, Format::Red] {
        let mut world = World::new(7);
        let mut sender = Guest::enter(&mut world, "sender", InsideKind::Ingress, permission(), 512);
        let (name, source) = ("it".to_owned(), if format.is_sound() { Source::Microphone } else { Source::Camera });
        sender.order(&mut world, InsideOrder::Publish { name, source, format, size: (640, 360), stereo: false });
        let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
        recorder.subscribe(&mut world);

        let mut sent = Vec::new();
        for number in 0..20u8 {
            let key = sender.is_asked_for_a_key_frame() || number == 0;
            let size = if format.is_sound() { 80 } else { 200 * u16::from(number) + 200 };
            let data = picture(format, number, key, size);
            sent.push((data.clone(), key || format.is_sound()));
            sender.send_frame(&mut world, "it", u32::from(number) * 3000, None, data);
            world.run(millis(33));
        }

        let seen = recorder.frames(format.is_sound());
        let got: Vec<_> = seen.iter().map(|frame| (frame.data.to_vec(), frame.key_frame)).collect();
        assert!(got.len() >= 18, "{format:?}: {} of 20", got.len());
        assert!(sent.ends_with(&got), "{format:?}");
        assert!(got[0].1, "{format:?} begins with a key frame");
        let told = if format == Format::Red { Format::Opus } else { format };
        assert!(seen.iter().all(|frame| frame.format == told && !frame.after_loss), "{format:?}");
    }
}

#[test]
fn what_is_no_frame_is_not_sent_and_the_next_one_is() {
    let mut world = World::new(8);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Ingress, permission(), 512);
    let it = InsideOrder::Publish {
        name: "it".into(),
        source: Source::Camera,
        format: Format::H264,
        size: (640, 360),
        stereo: false,
    };
    sender.order(&mut world, it);
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
    recorder.subscribe(&mut world);

    sender.send_frame(&mut world, "it", 0, None, vec![1, 2, 3]);
    sender.send_frame(&mut world, "it", 3000, None, picture(Format::H264, 1, true, 50));
    world.run(millis(33));

    assert_eq!(recorder.frames(false).len(), 1);
}

#[test]
fn what_was_captured_together_is_told_as_such_however_much_later_one_of_it_is_sent() {
    let mut world = World::new(9);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Ingress, permission(), 512);
    sender.publish(&mut world);
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(2));
    recorder.read();
    recorder.told.clear();
    let start = world.now;
    let send = |sender: &mut Guest, world: &mut World, name: &str, timestamp, captured, data: Vec<u8>| {
        let frame = SentFrame { timestamp, captured: Some(captured), audio_level: None, data: data.into() };
        sender.order(world, InsideOrder::Send { name: name.into(), frame });
    };

    for number in 0..100u8 {
        let captured = start + millis(40) * number.into();
        send(&mut sender, &mut world, "mic", u32::from(number) * 1920, captured, vec![0xfc, number, 2]);
        if let Some(before) = number.checked_sub(8) {
            let captured = start + millis(40) * before.into();
            let data = picture(Format::Vp8, before, before % 10 == 0, 200);
            send(&mut sender, &mut world, "cam", u32::from(before) * 3600, captured, data);
        }
        world.run(start + millis(40) * (u32::from(number) + 1) - world.now);
    }

    for (audio, at) in [(true, 1), (false, 3)] {
        let frames = recorder.frames(audio);
        assert!(frames.len() > 80, "{}", frames.len());
        for frame in frames {
            assert_eq!(frame.captured, start + millis(40) * u32::from(frame.data[at] & 0x7f));
        }
    }
}
