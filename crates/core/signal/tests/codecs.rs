//! Tracks in VP9 and AV1, their second codec, and who is asked to send what.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use signal::{Codec, Kind, PeerKey, TrackKey};
use support::{World, section};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn camera(cid: &str, codecs: &[(&str, &str)]) -> lk::AddTrackRequest {
    lk::AddTrackRequest {
        cid: cid.into(),
        r#type: lk::TrackType::Video.into(),
        source: lk::TrackSource::Camera.into(),
        simulcast_codecs: codecs
            .iter()
            .map(|(codec, cid)| lk::SimulcastCodec { codec: (*codec).into(), cid: (*cid).into(), ..Default::default() })
            .collect(),
        ..Default::default()
    }
}

/// Adds a section of that name and offers; what the client was told since.
fn offer(world: &mut World, from: PeerKey, cid: &str, kind: Kind) -> Vec<Response> {
    let offers = world.offers.get_mut(&from).unwrap();
    let mid = (100 + offers.len()).to_string();
    offers.push(section(&mid, kind, cid));
    world.offer(from, 2);
    world.take(from)
}

fn published(messages: &[Response]) -> Option<lk::TrackInfo> {
    messages.iter().find_map(|message| match message {
        Response::TrackPublished(published) => published.track.clone(),
        _ => None,
    })
}

fn refused(messages: &[Response]) -> Option<lk::request_response::Reason> {
    messages.iter().find_map(|message| match message {
        Response::RequestResponse(response) => Some(response.reason()),
        _ => None,
    })
}

/// The codecs a publisher is asked for, and whether anything of them.
fn asked(messages: &[Response]) -> Vec<(String, bool)> {
    let last = messages.iter().rev().find_map(|message| match message {
        Response::SubscribedQualityUpdate(update) => Some(update),
        _ => None,
    });
    let codecs = last.into_iter().flat_map(|update| &update.subscribed_codecs);
    codecs.map(|codec| (codec.codec.clone(), codec.qualities.iter().any(|quality| quality.enabled))).collect()
}

/// Ann publishes VP9 and would add VP8; the track.
fn vp9_with_backup(world: &mut World, ann: PeerKey) -> (String, TrackKey) {
    world.request(ann, Request::AddTrack(camera("cam", &[("vp9", "cam"), ("vp8", "")])));
    let info = published(&offer(world, ann, "cam", Kind::Video)).unwrap();
    (info.sid, *world.live.last().unwrap())
}

fn add_vp8(world: &mut World, ann: PeerKey, sid: &str) -> Vec<Response> {
    let add = lk::AddTrackRequest { sid: sid.into(), ..camera("cam-2", &[("vp8", "cam-2")]) };
    world.request(ann, Request::AddTrack(add));
    let mut messages = world.take(ann);
    messages.extend(offer(world, ann, "cam-2", Kind::Video));
    messages
}

#[test]
fn every_codec_of_pictures_is_taken_and_its_layers_are_said_to_come_in_one_stream_or_not() {
    for (name, codec, mode) in [
        ("vp9", Codec::Vp9, lk::video_layer::Mode::MultipleSpatialLayersPerStream),
        ("video/AV1", Codec::Av1, lk::video_layer::Mode::MultipleSpatialLayersPerStream),
        ("H264", Codec::H264, lk::video_layer::Mode::OneSpatialLayerPerStream),
        ("", Codec::Vp8, lk::video_layer::Mode::OneSpatialLayerPerStream),
    ] {
        let mut world = World::new();
        let ann = world.join("ann");
        world.request(ann, Request::AddTrack(camera("cam", &[(name, "cam")])));
        let info = published(&offer(&mut world, ann, "cam", Kind::Video)).unwrap();

        assert_eq!((info.mime_type.as_str(), info.codecs[0].video_layer_mode()), (codec.mime(), mode));
        let up = world.plans[&ann].iter().find_map(|plan| plan.up).unwrap();
        assert_eq!(up.codec, codec);
    }
}

#[test]
fn newcomers_are_told_what_may_be_sent() {
    let mut world = World::new();
    let ann = world.join("ann");
    let join = world.take(ann).into_iter().find_map(|message| match message {
        Response::Join(join) => Some(join),
        _ => None,
    });
    let mimes: Vec<String> = join.unwrap().enabled_publish_codecs.into_iter().map(|codec| codec.mime).collect();
    for mime in ["video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus", "audio/red"] {
        assert!(mimes.iter().any(|known| known == mime), "{mime} in {mimes:?}");
    }
}

#[test]
fn sound_is_repeated_unless_that_is_switched_off_or_it_is_encrypted() {
    for (disable_red, encryption, expected) in [
        (false, lk::encryption::Type::None, true),
        (true, lk::encryption::Type::None, false),
        (false, lk::encryption::Type::Gcm, false),
    ] {
        let mut world = World::new();
        let ann = world.join("ann");
        let add = lk::AddTrackRequest {
            cid: "mic".into(),
            r#type: lk::TrackType::Audio.into(),
            source: lk::TrackSource::Microphone.into(),
            disable_red,
            encryption: encryption.into(),
            ..Default::default()
        };
        world.request(ann, Request::AddTrack(add));
        offer(&mut world, ann, "mic", Kind::Audio);

        let up = world.plans[&ann].iter().find_map(|plan| plan.up).unwrap();
        assert_eq!(up.red, expected);
    }
}

#[test]
fn a_second_codec_is_asked_for_when_somebody_needs_it_and_comes_under_the_same_track() {
    let mut world = World::new();
    let ann = world.join("ann");
    let bob = world.join("bob");
    let (sid, track) = vp9_with_backup(&mut world, ann);

    world.room.codec_missing(bob, track, |codec| codec == Codec::Vp8);
    world.settle();
    assert_eq!(asked(&world.take(ann)), [("vp9".to_owned(), true), ("vp8".to_owned(), true)]);
    world.room.codec_missing(bob, track, |codec| codec == Codec::Vp8);
    world.settle();
    assert_eq!(asked(&world.take(ann)), [], "once");

    let info = published(&add_vp8(&mut world, ann, &sid)).unwrap();
    assert_eq!(info.sid, sid);
    assert_eq!(
        info.codecs.iter().map(|codec| codec.mime_type.as_str()).collect::<Vec<_>>(),
        ["video/VP9", "video/VP8"]
    );
    assert_eq!(world.codecs, [(track, Codec::Vp8)]);
    assert_eq!(world.live, [track], "it is no other track");
    let up = world.plans[&ann].iter().rev().find_map(|plan| plan.up).unwrap();
    assert_eq!(up.codec, Codec::Vp8);

    world.room.wanted_quality(track, Codec::Vp8, None);
    world.settle();
    assert_eq!(asked(&world.take(ann)), [("vp9".to_owned(), true), ("vp8".to_owned(), false)]);
}

#[test]
fn who_takes_neither_codec_is_told_so() {
    let mut world = World::new();
    let ann = world.join("ann");
    let bob = world.join("bob");
    let (_, track) = vp9_with_backup(&mut world, ann);
    world.take(bob);

    world.room.codec_missing(bob, track, |codec| codec == Codec::H264);
    world.settle();

    let failed = world.take(bob).into_iter().any(|message| {
        matches!(message, Response::SubscriptionResponse(response) if response.err() == lk::SubscriptionError::SeCodecUnsupported)
    });
    assert!(failed && asked(&world.take(ann)).is_empty());
}

#[test]
fn codecs_are_added_by_the_owner_once_and_to_pictures_in_the_open_only() {
    use lk::request_response::Reason;
    let mut world = World::new();
    let ann = world.join("ann");
    let bob = world.join("bob");
    let (sid, _) = vp9_with_backup(&mut world, ann);
    let mut attempt = |from: PeerKey, request: lk::AddTrackRequest| {
        world.take(from);
        world.request(from, Request::AddTrack(request));
        refused(&world.take(from))
    };
    let add =
        |sid: &str, cid: &str, codec: &str| lk::AddTrackRequest { sid: sid.into(), ..camera(cid, &[(codec, cid)]) };

    assert_eq!(attempt(bob, add(&sid, "x", "vp8")), Some(Reason::NotFound));
    assert_eq!(attempt(ann, add("TR_none", "x", "vp8")), Some(Reason::NotFound));
    assert_eq!(attempt(ann, add(&sid, "x", "theora")), Some(Reason::UnsupportedType));
    assert_eq!(attempt(ann, add(&sid, "x", "vp9")), Some(Reason::DuplicateName));
    assert_eq!(attempt(ann, add(&sid, "cam", "vp8")), Some(Reason::DuplicateName));
    assert_eq!(attempt(ann, add(&sid, "y", "vp8")), None);
    assert_eq!(attempt(ann, add(&sid, "z", "h264")), Some(Reason::LimitExceeded));

    let secret = lk::AddTrackRequest {
        encryption: lk::encryption::Type::Gcm.into(),
        ..camera("secret", &[("vp9", "secret"), ("vp8", "")])
    };
    assert_eq!(attempt(ann, secret), None);
    let sid = published(&offer(&mut world, ann, "secret", Kind::Video)).map(|info| info.sid);
    let sid = sid.unwrap_or_else(|| {
        let tracks = world.room.participants();
        let info = tracks.iter().map(|bytes| <lk::ParticipantInfo as prost::Message>::decode(bytes.clone()).unwrap());
        info.flat_map(|info| info.tracks).find(|track| track.codecs[0].cid == "secret").unwrap().sid
    });
    world.request(ann, Request::AddTrack(add(&sid, "open", "vp8")));
    assert_eq!(refused(&world.take(ann)), Some(Reason::UnsupportedType));
}

#[test]
fn everybody_goes_over_to_the_second_codec_as_the_publisher_or_the_number_of_people_demands() {
    for (policy, at_once, in_a_crowd) in [
        (lk::BackupCodecPolicy::PreferRegression, false, true),
        (lk::BackupCodecPolicy::Simulcast, false, false),
        (lk::BackupCodecPolicy::Regression, true, true),
    ] {
        let mut world = World::new();
        let ann = world.join("ann");
        world.join("bob");
        let request =
            lk::AddTrackRequest { backup_codec_policy: policy.into(), ..camera("cam", &[("av1", "cam"), ("vp8", "")]) };
        world.request(ann, Request::AddTrack(request));
        let sid = published(&offer(&mut world, ann, "cam", Kind::Video)).unwrap().sid;
        add_vp8(&mut world, ann, &sid);
        assert_eq!(!world.preferred.is_empty(), at_once, "{policy:?}");

        for name in ["cid", "dan", "eve"] {
            world.join(name);
        }
        assert_eq!(world.preferred.len(), usize::from(in_a_crowd), "{policy:?}, and only once");
    }
}

#[test]
fn a_second_codec_ends_with_its_section_and_the_track_with_the_first() {
    let mut world = World::new();
    let ann = world.join("ann");
    let (sid, track) = vp9_with_backup(&mut world, ann);
    add_vp8(&mut world, ann, &sid);

    let quiet = |world: &mut World, name: &str| {
        let offers = world.offers.get_mut(&ann).unwrap();
        offers.iter_mut().find(|section| section.track == name).unwrap().sends = false;
        world.offer(ann, 3);
    };
    quiet(&mut world, "cam-2");
    assert_eq!((world.codecs.len(), world.live.len()), (0, 1));

    quiet(&mut world, "cam");
    assert_eq!((world.live.len(), world.live.contains(&track)), (0, false));
}

fn features(world: &mut World, of: PeerKey, sid: &str, features: &[lk::AudioTrackFeature]) {
    let features = features.iter().map(|feature| (*feature).into()).collect();
    world.request(of, Request::UpdateAudioTrack(lk::UpdateLocalAudioTrack { track_sid: sid.into(), features }));
}

/// Whether a microphone is answered with two channels, and with pauses in silence.
fn sound(world: &World, of: PeerKey) -> Option<(bool, bool)> {
    let up = |plan: &signal::SectionPlan| plan.up.filter(|up| up.codec == Codec::Opus);
    world.plans.get(&of)?.iter().find_map(up).map(|up| (up.stereo, up.dtx))
}

#[test]
#[allow(deprecated)]
fn sound_pauses_in_silence_unless_its_publisher_says_otherwise_now_or_later() {
    let mut world = World::new();
    let ann = world.join("ann");
    let bob = world.join("bob");
    let microphone = lk::AddTrackRequest {
        cid: "mic".into(),
        r#type: lk::TrackType::Audio.into(),
        source: lk::TrackSource::Microphone.into(),
        disable_dtx: true,
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(microphone));
    let info = published(&offer(&mut world, ann, "mic", Kind::Audio)).unwrap();
    assert_eq!((info.disable_dtx, sound(&world, ann)), (true, Some((false, false))));

    let told = |world: &mut World, of_track: &[lk::AudioTrackFeature]| {
        world.take(bob);
        features(world, ann, &info.sid, of_track);
        world.offer(ann, 3);
        let mut tracks = world.take(bob).into_iter().filter_map(|message| match message {
            Response::Update(update) => update.participants.into_iter().find_map(|one| one.tracks.into_iter().next()),
            _ => None,
        });
        let last = tracks.next_back().unwrap();
        (last.stereo, last.disable_dtx, sound(world, ann))
    };
    assert_eq!(told(&mut world, &[lk::AudioTrackFeature::TfStereo]), (true, false, Some((true, true))));
    assert_eq!(told(&mut world, &[lk::AudioTrackFeature::TfNoDtx]), (false, true, Some((false, false))));
    assert_eq!(told(&mut world, &[]), (false, false, Some((false, true))));
    // What is somebody else's is not changed.
    world.take(bob);
    features(&mut world, bob, &info.sid, &[lk::AudioTrackFeature::TfStereo]);
    world.offer(ann, 4);
    assert_eq!(sound(&world, ann), Some((false, true)));
}
