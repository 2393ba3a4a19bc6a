//! Answers to offers as Chromium really makes them, and offers that another stack answers.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use rtc::{
    Clock, Codec, Down, Kind, MAX_SDP_BYTES, OfferChange, OfferError, Peer, PeerFactory, SectionPlan, Up, analyse_offer,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::change::{SdpAnswer, SdpOffer};

const JOIN: &str = include_str!("offers/chromium-single-join.sdp");
const PUBLISHED: &str = include_str!("offers/chromium-single-published.sdp");
const DUAL: &str = include_str!("offers/chromium-dual-publisher.sdp");
const DUAL_DATA: &str = include_str!("offers/chromium-dual-publisher-data.sdp");
const RECORDED: [&str; 4] = [JOIN, PUBLISHED, DUAL, DUAL_DATA];

fn peer() -> Peer {
    let address: SocketAddr = "192.0.2.7:8080".parse().unwrap();
    let now = Instant::now();
    let clock = Clock { at: now, unix: Duration::from_secs(1_700_000_000) };
    PeerFactory::new(clock).unwrap().peer(&[address], &[], now)
}

fn down(publisher: &str, track: &str) -> Down {
    Down { stream: format!("{publisher}|{track}"), track: track.into(), cname: publisher.into(), stereo: false }
}

fn receive(mid: &str, track: &str) -> SectionPlan {
    SectionPlan { mid: mid.into(), up: None, down: Some(down("PA_a", track)) }
}

fn send(mid: &str, codec: Codec) -> SectionPlan {
    SectionPlan { mid: mid.into(), up: Some(Up { codec, stereo: false, dtx: true, red: false }), down: None }
}

/// The lines of the section with that mid.
fn section<'a>(sdp: &'a str, mid: &str) -> Vec<&'a str> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    let wanted = format!("a=mid:{mid}");
    sections.into_iter().find(|section| section.contains(&wanted.as_str())).expect("the section is there")
}

fn formats<'a>(section: &[&'a str]) -> Vec<&'a str> {
    section[0].split(' ').skip(3).collect()
}

fn source(section: &[&str]) -> u32 {
    let line = section.iter().find_map(|line| line.strip_prefix("a=ssrc:")).expect("a source");
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_first_offer_has_three_placeholders_of_each_kind() {
    let offered = analyse_offer(JOIN).unwrap();
    assert_eq!(offered.len(), 6);
    assert!(offered.iter().all(|section| section.receives && !section.sends && section.track.is_empty()));
    assert_eq!(offered.iter().filter(|section| section.kind == Kind::Audio).count(), 3);
}

#[test]
fn a_published_section_names_its_track_and_its_layers() {
    let offered = analyse_offer(PUBLISHED).unwrap();
    let (microphone, camera) = (&offered[6], &offered[7]);
    assert!(microphone.sends && !microphone.receives && microphone.track.len() == 36 && !microphone.simulcast);
    assert!(camera.sends && camera.kind == Kind::Video && camera.simulcast);
}

#[test]
fn free_sections_answer_inactive_without_a_source() {
    let answer = peer().accept_offer(JOIN, &[]).unwrap();
    for mid in ["0", "1", "2", "3", "4", "5"] {
        let lines = section(&answer, mid);
        assert!(lines.contains(&"a=inactive"), "{mid}");
        assert!(!lines.iter().any(|line| line.starts_with("a=ssrc") || line.starts_with("a=msid")), "{mid}");
    }
    let data = section(&answer, "6");
    assert!(data[0].starts_with("m=application") && data.contains(&"a=sctp-port:5000"));
    assert!(answer.contains("a=setup:passive") && answer.contains("a=ice-lite"));
    assert!(answer.contains("a=group:BUNDLE 0 1 2 3 4 5 6"));
    assert!(answer.contains("192.0.2.7 8080 typ host"));
}

#[test]
fn an_assigned_section_carries_the_names_clients_look_for() {
    let mut peer = peer();
    let answer = peer.accept_offer(JOIN, &[receive("1", "TR_AMx"), receive("4", "TR_VCx")]).unwrap();
    let audio = section(&answer, "1");
    assert!(audio.contains(&"a=sendonly") && audio.contains(&"a=msid:PA_a|TR_AMx TR_AMx"));
    assert!(audio.iter().any(|line| line.ends_with("cname:PA_a")));
    let video = section(&answer, "4");
    assert!(video.iter().any(|line| line.starts_with("a=ssrc-group:FID ")));
    assert!(formats(&video).len() >= 4, "every format of the room: {:?}", formats(&video));
    assert!(section(&answer, "0").contains(&"a=inactive"));
    assert_eq!(peer.section("4"), Some(4));
}

#[test]
fn another_track_on_a_section_gets_another_source() {
    let mut peer = peer();
    let first = peer.accept_offer(JOIN, &[receive("4", "TR_one")]).unwrap();
    let between = peer.accept_offer(JOIN, &[]).unwrap();
    let second = peer.accept_offer(JOIN, &[receive("4", "TR_two")]).unwrap();
    let again = peer.accept_offer(JOIN, &[receive("4", "TR_two")]).unwrap();
    assert!(section(&between, "4").contains(&"a=inactive"));
    assert_ne!(source(&section(&first, "4")), source(&section(&second, "4")));
    assert_eq!(source(&section(&second, "4")), source(&section(&again, "4")), "the same track keeps it");
}

#[test]
fn the_wanted_codec_is_the_only_one_a_sending_section_is_offered() {
    let answer = peer().accept_offer(PUBLISHED, &[send("7", Codec::Opus), send("8", Codec::Vp8)]).unwrap();
    let camera = section(&answer, "8");
    assert_eq!(formats(&camera), ["96", "97"]);
    assert!(camera.contains(&"a=recvonly"));
    assert!(camera.contains(&"a=simulcast:recv q;h;f") && camera.contains(&"a=rid:q recv"));
    assert!(!camera.iter().any(|line| line.contains("goog-remb")));
    assert!(camera.iter().any(|line| line.contains("transport-cc")));
    let microphone = section(&answer, "7");
    assert_eq!(formats(&microphone), ["111"]);
    assert!(microphone.contains(&"a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1"));
}

#[test]
fn every_codec_of_pictures_can_be_wanted() {
    for (codec, expected) in [(Codec::Vp9, vec!["98", "99"]), (Codec::Av1, vec!["45", "46"])] {
        let answer = peer().accept_offer(PUBLISHED, &[send("8", codec)]).unwrap();
        assert_eq!(formats(&section(&answer, "8")), expected, "{codec:?}, and of VP9 profile 0 only");
    }
}

#[test]
fn redundant_sound_stands_first_where_it_is_wanted_and_is_received_anyway() {
    let mut up = send("7", Codec::Opus);
    up.up.as_mut().unwrap().red = true;
    let answer = peer().accept_offer(PUBLISHED, &[up, receive("0", "TR_x")]).unwrap();
    let microphone = section(&answer, "7");
    assert_eq!(formats(&microphone), ["63", "111"]);
    assert!(microphone.contains(&"a=rtpmap:63 red/48000/2") && microphone.contains(&"a=fmtp:63 111/111"));
    let mut receiver = peer();
    receiver.accept_offer(PUBLISHED, &[receive("0", "TR_x")]).unwrap();
    assert!(receiver.takes(0, Codec::Red));
    let knowing = |line: &&str| !line.starts_with("a=rtpmap:63 ") && !line.starts_with("a=fmtp:63 ");
    let plain: String = PUBLISHED.lines().filter(knowing).flat_map(|line| [line, "\r\n"]).collect();
    let plain = plain.replace("SAVPF 111 63 ", "SAVPF 111 ").replace("SAVPF 63 111", "SAVPF 111");
    let mut without = peer();
    without.accept_offer(&plain, &[receive("0", "TR_x")]).unwrap();
    assert!(without.takes(0, Codec::Opus) && !without.takes(0, Codec::Red));
}

#[test]
fn the_dependency_descriptor_keeps_the_number_of_the_offer() {
    const LINE: &str =
        "a=extmap:9 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let numbered = regular(PUBLISHED).replace("a=mid:8\r\n", &format!("a=mid:8\r\n{LINE}\r\n"));
    let answer = peer().accept_offer(&numbered, &[send("8", Codec::Av1)]).unwrap();
    assert!(section(&answer, "8").contains(&LINE), "{:?}", section(&answer, "8"));
    assert!(!section(&answer, "7").iter().any(|line| line.contains("dependency-descriptor")));
}

/// An offer without dependency descriptors and whatever else has that number.
fn regular(offer: &str) -> String {
    let kept = offer.lines().filter(|line| !line.starts_with("a=extmap:9 ") && !line.contains("dependency-descriptor"));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

#[test]
fn h264_is_answered_in_the_packetization_everybody_reads() {
    let answer = peer().accept_offer(PUBLISHED, &[send("8", Codec::H264)]).unwrap();
    let camera = section(&answer, "8");
    let first = formats(&camera)[0];
    let parameters = camera.iter().find(|line| line.starts_with(&format!("a=fmtp:{first} "))).unwrap();
    assert!(
        parameters.contains("packetization-mode=1") && parameters.contains("profile-level-id=42e0"),
        "{parameters}"
    );
    assert!(!camera.iter().any(|line| line.contains("packetization-mode=0") || line.contains("VP8")));
}

#[test]
fn a_placeholder_that_also_sends_puts_the_wanted_codec_in_front_of_the_others() {
    let offer = PUBLISHED.replacen("a=mid:3\r\na=recvonly", "a=mid:3\r\na=sendrecv", 1);
    let both = SectionPlan { down: Some(down("PA_a", "TR_VCx")), ..send("3", Codec::H264) };
    let answer = peer().accept_offer(&offer, &[both]).unwrap();
    let lines = section(&answer, "3");
    assert!(lines.contains(&"a=sendrecv"));
    assert!(formats(&lines).contains(&"96") && formats(&lines)[0] != "96");
}

#[test]
fn new_credentials_in_an_offer_restart_ice_with_new_ones_of_ours() {
    let mut peer = peer();
    peer.accept_offer(JOIN, &[]).unwrap();
    let before = peer.local_ufrag();
    peer.accept_offer(JOIN, &[]).unwrap();
    assert_eq!(peer.local_ufrag(), before);
    let ufrag = JOIN.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let answer = peer.accept_offer(&JOIN.replace(&format!("a=ice-ufrag:{ufrag}"), "a=ice-ufrag:other"), &[]).unwrap();
    assert_ne!(peer.local_ufrag(), before);
    assert!(answer.contains(&format!("a=ice-ufrag:{}", peer.local_ufrag())));
}

#[test]
fn the_publisher_of_two_connections_is_answered_without_anything_to_receive() {
    let mut peer = peer();
    peer.accept_offer(DUAL_DATA, &[]).unwrap();
    let mids: Vec<_> = analyse_offer(DUAL).unwrap().into_iter().map(|section| section.mid).collect();
    let answer = peer.accept_offer(DUAL, &[send(&mids[0], Codec::Opus), send(&mids[1], Codec::Vp8)]).unwrap();
    assert!(mids.iter().all(|mid| section(&answer, mid).contains(&"a=recvonly")));
    assert!(!answer.contains("a=ssrc"));
}

/// Answers as a client would.
fn answered(client: &mut Rtc, offer: &str) -> String {
    let answer: SdpAnswer = client.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer).unwrap()).unwrap();
    answer.to_sdp_string()
}

#[test]
fn our_offers_begin_with_data_and_reuse_sections_that_were_given_back() {
    let mut peer = peer();
    let mut client = Rtc::new(Instant::now());
    let (offer, mids) = peer.offer(&[], false).unwrap();
    assert!(mids.is_empty() && offer.contains("m=application") && offer.contains("a=setup:actpass"));
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();

    let on =
        |mid: Option<String>, track: &str| OfferChange::Activate { mid, kind: Kind::Video, down: down("PA_a", track) };
    let (offer, mids) = peer.offer(&[on(None, "TR_one")], false).unwrap();
    let first = section(&offer, &mids[0]);
    assert!(first.contains(&"a=sendonly") && first.contains(&"a=msid:PA_a|TR_one TR_one"));
    let first = source(&first);
    assert!(peer.offer(&[], false).is_err(), "one at a time");
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();

    let (offer, _) = peer.offer(&[OfferChange::Deactivate { mid: mids[0].clone() }], false).unwrap();
    assert!(section(&offer, &mids[0]).contains(&"a=inactive"));
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();

    let (offer, again) = peer.offer(&[on(Some(mids[0].clone()), "TR_two")], false).unwrap();
    assert_eq!(again, mids);
    let second = section(&offer, &mids[0]);
    assert!(second.contains(&"a=msid:PA_a|TR_two TR_two"));
    assert_ne!(source(&second), first);
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();
}

#[test]
fn an_ice_restart_of_ours_changes_the_credentials() {
    let mut peer = peer();
    let mut client = Rtc::new(Instant::now());
    let (offer, _) = peer.offer(&[], false).unwrap();
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();
    let before = peer.local_ufrag();
    let (offer, _) = peer.offer(&[], true).unwrap();
    assert!(!offer.contains(&format!("a=ice-ufrag:{before}\r\n")));
    peer.accept_answer(&answered(&mut client, &offer)).unwrap();
    assert_ne!(peer.local_ufrag(), before);
}

#[test]
fn an_answer_nobody_asked_for_is_refused() {
    let recorded = include_str!("offers/chromium-dual-subscriber-answer.sdp");
    assert!(peer().accept_answer(recorded).is_err());
}

#[test]
fn offers_without_unique_names_or_of_absurd_size_are_refused() {
    assert_eq!(analyse_offer(""), Err(OfferError::Mids));
    assert_eq!(analyse_offer(&JOIN.replace("a=mid:1\r\n", "a=mid:0\r\n")), Err(OfferError::Mids));
    assert_eq!(analyse_offer(&"v".repeat(MAX_SDP_BYTES + 1)), Err(OfferError::TooLong));
    let many = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\n".repeat(501);
    assert_eq!(analyse_offer(&many), Err(OfferError::TooManySections));
    let unknown = PUBLISHED.replacen("m=application ", "m=\0pplication ", 1);
    assert_eq!(analyse_offer(&unknown), Err(OfferError::Kinds));
}

#[test]
fn an_offer_that_contradicts_the_former_one_is_refused() {
    let mut peer = peer();
    peer.accept_offer(JOIN, &[]).unwrap();
    let swapped = JOIN.replace("a=mid:0\r\n", "a=mid:x\r\n").replace("BUNDLE 0 ", "BUNDLE x ");
    assert!(peer.accept_offer(&swapped, &[]).is_err());
}

#[test]
fn a_payload_type_that_changes_its_meaning_is_refused() {
    let mut lines: Vec<&str> = RECORDED[0].split("\r\n").collect();
    let line = 140 % lines.len();
    assert!(lines[line].starts_with("a=fmtp:108 "), "the recorded offer has changed: {}", lines[line]);
    lines[line] = "a=r";
    let mut peer = peer();
    let first = peer.accept_offer(&lines.join("\r\n"), &[]);

    assert!(first.is_err() || peer.accept_offer(RECORDED[0], &[]).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    /// Lines lost, doubled or bent: an error or an answer, never a panic.
    #[test]
    fn damaged_offers_never_panic(which in 0usize..4, edits in proptest::collection::vec((0usize..600, 0u8..4, 0usize..80), 1..6)) {
        let mut lines: Vec<String> = RECORDED[which].split("\r\n").map(str::to_owned).collect();
        for (line, kind, position) in edits {
            let index = line % lines.len();
            match kind {
                0 => { lines.remove(index); }
                1 => { let copy = lines[index].clone(); lines.insert(index, copy); }
                2 => {
                    let cut = lines[index].char_indices().map(|(at, _)| at).nth(position).unwrap_or(0);
                    lines[index].truncate(cut);
                }
                _ => lines[index].push_str("999999999999999999999:"),
            }
            if lines.is_empty() { break }
        }
        let offer = lines.join("\r\n");
        let plan = [receive("1", "TR_x"), send("8", Codec::Vp8), receive("4", "TR_y")];
        let mut peer = peer();
        let _ = peer.accept_offer(&offer, &plan);
        let _ = peer.accept_offer(RECORDED[which], &plan);
    }

    #[test]
    fn arbitrary_text_is_no_offer(text in "\\PC*") {
        let _ = analyse_offer(&text);
        proptest::prop_assert!(peer().accept_offer(&text, &[]).is_err());
    }
}

#[test]
fn an_offer_that_got_lost_is_taken_back_and_made_again() {
    let mut server = peer();
    let mut client = Rtc::new(Instant::now());
    let (first, _) = server.offer(&[], false).unwrap();
    assert!(!server.settle_offer(None).unwrap(), "the very first is lost");
    let (second, _) = server.offer(&[], false).unwrap();
    assert!(second.contains("m=application") && first != second, "with its channels");
    let answer = |client: &mut Rtc, offer: &str| {
        client.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer).unwrap()).unwrap().to_sdp_string()
    };
    let text = answer(&mut client, &second);
    server.accept_answer(&text).unwrap();

    let track = |name: &str| OfferChange::Activate { mid: None, kind: Kind::Audio, down: down("PA_a", name) };
    server.offer(&[track("TR_one")], false).unwrap();
    assert!(!server.settle_offer(Some((&second, &text))).unwrap(), "the client knows the one before");
    let (third, mids) = server.offer(&[track("TR_one")], true).unwrap();
    let known = answer(&mut client, &third);
    assert!(server.settle_offer(Some((&third, &known))).unwrap(), "its answer got lost");
    assert!(server.section(&mids[0]).is_some());
    let (fourth, _) = server.offer(&[], true).unwrap();
    let text = answer(&mut client, &fourth);
    server.accept_answer(&text).unwrap();
    assert!(section(&fourth, &mids[0]).contains(&"a=msid:PA_a|TR_one TR_one"));
}

#[test]
fn what_the_fuzzer_was_given_is_refused_or_answered_section_by_section() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus/offer");
    let count = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
    let mut answered = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = String::from_utf8(std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let Ok(sections) = analyse_offer(&text) else { continue };
        let plan: Vec<SectionPlan> = sections
            .iter()
            .map(|section| SectionPlan {
                mid: section.mid.clone(),
                up: section.sends.then_some(Up { codec: Codec::H264, stereo: true, dtx: true, red: true }),
                down: section.receives.then(|| down("PA_a", "TR_a")),
            })
            .collect();
        if let Ok(answer) = peer().accept_offer(&text, &plan) {
            assert_eq!(count(&answer), count(&text));
            answered += 1;
        }
    }
    assert!(answered >= 2);
}

/// What every section of a client's has.
const SECTION: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 \
    00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f\r\n\
    a=setup:actpass\r\na=sendonly\r\na=rtcp-mux\r\n";

/// An offer whose sections of pictures have these lines besides the usual ones.
fn crowded(sections: usize, formats: usize, lines: impl Fn(usize) -> String) -> String {
    let mids: String = (0..sections).map(|mid| format!(" {mid}")).collect();
    let types: String = (0..formats).map(|format| format!(" {format}")).collect();
    let names: String = (0..formats).map(|format| format!("a=rtpmap:{format} VP8/90000\r\n")).collect();
    let section = |mid| format!("m=video 9 UDP/TLS/RTP/SAVPF{types}\r\n{SECTION}{names}{}a=mid:{mid}\r\n", lines(mid));
    let head = format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\n");
    head + &(0..sections).map(section).collect::<String>()
}

/// One line for each number, where `{}` stands for it.
fn each(count: usize, line: &str) -> String {
    (0..count).map(|number| line.replace("{}", &number.to_string()) + "\r\n").collect()
}

#[test]
fn a_description_that_costs_the_most_within_the_limits_is_answered() {
    let formats = crowded(17, 96, |_| each(96, "a=fmtp:{} apt=127") + &each(480, "a=rtcp-fb:95 nack"));
    let sources = crowded(180, 1, |_| each(96, "a=ssrc:{} cname:x"));
    let names = crowded(499, 1, |_| each(29, "a=extmap:{} urn:x"));
    for (what, text) in [("formats", formats), ("sources", sources), ("names", names)] {
        let answer = peer().accept_offer(&text, &[]);
        assert!(answer.is_ok(), "{what}: {answer:?}");
    }
}

#[test]
fn a_section_with_too_many_lines_of_a_kind_is_refused_before_the_stack_sees_it() {
    let refused = |text: &str| analyse_offer(text) == Err(OfferError::TooManyLines);
    for line in ["a=ssrc:{} cname:x", "a=ssrc-group:FID {} 1", "a=fmtp:1 apt={}"] {
        assert!(!refused(&crowded(1, 2, |_| each(96, line))), "{line}");
        assert!(refused(&crowded(1, 2, |_| each(97, line))), "{line}");
    }
    for (most, line) in [(16, "a=rid:r{} send"), (255, "a=extmap:{} urn:x"), (576, "a=rtcp-fb:1 nack"), (980, "a=x:{}")]
    {
        assert!(!refused(&crowded(1, 2, |_| each(most, line))), "{line}");
        assert!(refused(&crowded(1, 2, |_| each(most + 20, line))), "{line}");
    }
    assert!(!refused(&crowded(1, 96, |_| String::new())) && refused(&crowded(1, 97, |_| String::new())));
    let parameters = |count: usize| crowded(1, 2, |_| format!("a=fmtp:1 {}x=1\r\n", "x=1;".repeat(count - 1)));
    assert!(!refused(&parameters(1024)) && refused(&parameters(1025)));
    let layers = |count: usize| crowded(1, 2, |_| format!("a=simulcast:send {}a\r\n", "a;".repeat(count - 1)));
    assert!(!refused(&layers(16)) && refused(&layers(17)));
    let all = |sections| crowded(sections, 96, |_| each(96, "a=fmtp:{} apt=127"));
    assert!(!refused(&all(17)) && refused(&all(18)), "all sections together");
    assert!(refused(&crowded(1, 1, |_| String::new()).replace("BUNDLE", &"BUNDLE 0".repeat(600))));
    let sources = |sections| crowded(sections, 1, |mid| each(8, &format!("a=ssrc:{}{{}} cname:x", mid + 1)));
    assert!(!refused(&sources(128)) && refused(&sources(129)), "sources of all sections together");
    let data = DUAL_DATA.to_owned() + &each(97, "a=rtpmap:1 VP8/90000");
    assert!(refused(&data), "data too");
}

#[test]
fn an_answer_with_too_many_lines_is_refused_as_well() {
    let mut peer = peer();
    let (offer, _) = peer.offer(&[], false).unwrap();
    let answer = answered(&mut Rtc::new(Instant::now()), &offer) + &each(97, "a=ssrc:{} cname:x");
    let error = peer.accept_answer(&answer).unwrap_err();
    assert!(error.to_string().contains("too many lines"), "{error}");
}

#[test]
fn candidates_of_a_client_and_layers_it_wants_to_get_are_not_looked_at() {
    let noise = each(90, "a=candidate:1 1 udp 1 192.0.2.9 9 type-of-nothing {}") + "a=end-of-candidates\r\n";
    let noise = noise + "a=simulcast:recv a;b;c\r\nb=AS:\r\n";
    let noisy = PUBLISHED.replacen("a=mid:8\r\n", &format!("a=mid:8\r\n{noise}"), 1);
    let answer = |text: &str| peer().accept_offer(text, &[send("7", Codec::Opus)]).unwrap();
    let own = |text: &str| text.lines().filter(|line| !line.contains("a=ice-")).count();
    assert_eq!(own(&answer(&noisy)), own(&answer(PUBLISHED)));
}

#[test]
fn a_client_that_recycles_stopped_sections_is_refused_after_a_thousand() {
    let mut peer = peer();
    let mut offer = |round: usize, count: usize| {
        let text = crowded(count, 1, |_| String::new());
        let fresh = (0..count)
            .fold(text, |text, mid| text.replace(&format!("a=mid:{mid}\r\n"), &format!("a=mid:r{round}m{mid}\r\n")));
        let stopped = fresh.replace("m=video 9 ", "m=video 0 ");
        let start = stopped.find("a=group:BUNDLE").unwrap();
        let end = start + stopped[start..].find("\r\n").unwrap();
        peer.accept_offer(&format!("{}a=group:BUNDLE{}", &stopped[..start], &stopped[end..]), &[])
    };
    for round in 0..5 {
        let answer = offer(round, 200);
        assert!(answer.is_ok(), "{round}: {answer:?}");
    }
    assert!(offer(4, 200).is_ok(), "none of them is new");
    assert!(offer(5, 1).unwrap_err().to_string().contains("too many sections"));
}

#[test]
fn what_an_offer_promised_that_was_taken_back_is_forgotten() {
    let on = |mid: Option<&str>, track: &str| OfferChange::Activate {
        mid: mid.map(str::to_owned),
        kind: Kind::Audio,
        down: down("PA_a", track),
    };
    let mut server = peer();
    let mut client = Rtc::new(Instant::now());
    let (offer, mids) = server.offer(&[on(None, "TR_one")], false).unwrap();
    server.accept_answer(&answered(&mut client, &offer)).unwrap();
    let off = OfferChange::Deactivate { mid: mids[0].clone() };
    server.offer(std::slice::from_ref(&off), false).unwrap();
    server.settle_offer(None).unwrap();
    let (offer, _) = server.offer(&[off], false).expect("taken back, it is something to offer");
    server.accept_answer(&answered(&mut client, &offer)).unwrap();

    for _ in 0..300 {
        let changes: Vec<_> = (0..5).map(|_| on(None, "TR_new")).chain([on(Some(&mids[0]), "TR_two")]).collect();
        let (offer, names) = server.offer(&changes, false).unwrap();
        assert!(section(&offer, &mids[0]).contains(&"a=sendonly") && server.section(&names[4]) == Some(5));
        assert!(!server.settle_offer(None).unwrap());
        assert!(server.section(&names[0]).is_none() && server.section_names().count() == 1);
    }
    for _ in 0..2 {
        server.offer(&[on(Some(&mids[0]), "TR_two")], false).expect("taken back, it is something to offer");
        server.settle_offer(None).unwrap();
    }
    let (offer, names) = server.offer(&[on(None, "TR_three")], true).unwrap();
    assert!(section(&offer, &mids[0]).contains(&"a=inactive") && !offer.contains("TR_two"));
    server.accept_answer(&answered(&mut client, &offer)).unwrap();
    assert_eq!((server.section(&mids[0]), server.section(&names[0])), (Some(0), Some(1)));
}

#[test]
fn no_more_sections_are_offered_than_a_connection_may_have() {
    let mut server = peer();
    let on = OfferChange::Activate { mid: None, kind: Kind::Audio, down: down("PA_a", "TR_a") };
    assert!(server.offer(&vec![on.clone(); 1001], false).is_err());
    assert!(server.offer(&vec![on; 1000], false).is_ok());
}
