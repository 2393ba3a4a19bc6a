//! A hostile answer to what we offer, which whoever has two connections sends, or tells of after a reconnect: refused or taken, there
//! are as many sections as before; and where it was not taken for an answer, the right one still is.
//!
//! The first byte of the input says what came before and in which way the answer comes, the rest is its text. Names of sections are
//! made up by whoever offers, so the text numbers them: `a=mid:0` is the first section of the offer. `a=ice-ufrag:same` and
//! `a=ice-pwd:same` are what the client called itself before.

use rtc::{Clock, Down, Kind, OfferChange, Peer, PeerFactory, analyse_offer};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::change::SdpOffer;
use str0m::config::DtlsCert;

/// Bits of the first byte: an offer was answered as it should be before, and this one takes one of its tracks away, or asks for new
/// ways; the answer is told of after a reconnect, with the offer it is about, or with itself in the place of that.
const AGAIN: u8 = 1;
const TAKES_AWAY: u8 = 2;
const RESTARTS: u8 = 4;
const RECONNECTED: u8 = 8;
const OF_ANOTHER: u8 = 16;

struct Made {
    factory: PeerFactory,
    /// What the client shows.
    certificate: DtlsCert,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let clock = Clock { at: Instant::now(), unix: Duration::from_secs(1_700_000_000) };
    let provider = str0m::crypto::from_feature_flags();
    let certificate = provider.dtls_provider.generate_certificate().expect("a certificate");
    Made { factory: PeerFactory::new(clock).expect("a certificate"), certificate }
});

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// It was about another offer, and the one there was is void.
    AnotherOffer,
    /// It breaks a rule of ours, and the offer is still open.
    Unread,
    /// The stack did not take it, and the session is over.
    Refused,
}

/// One answer.
pub fn run(input: &[u8]) {
    answer(input);
}

/// What becomes of one; `None` if it is no text.
pub fn answer(input: &[u8]) -> Option<Outcome> {
    let (bits, text) = input.split_first()?;
    let text = std::str::from_utf8(text).ok()?;
    let is = |bit: u8| bits & bit != 0;
    let now = Instant::now();
    let address: SocketAddr = "192.0.2.1:9".parse().expect("an address");
    let mut peer = MADE.factory.peer(&[address], &[], now);
    let mut client = Rtc::builder().set_dtls_cert(MADE.certificate.clone()).set_rtp_mode(true).build(now);
    let mut changes = vec![shown(None, Kind::Audio, "TR_a"), shown(None, Kind::Video, "TR_b")];
    if is(AGAIN) {
        let (offer, names) = peer.offer(&changes, false).expect("something to offer");
        peer.accept_answer(&answered(&mut client, &offer)).expect("the right answer");
        changes = vec![shown(None, Kind::Video, "TR_c")];
        changes.extend(is(TAKES_AWAY).then(|| OfferChange::Deactivate { mid: names[0].clone() }));
    }
    let before = sections(&peer);
    let (offer, _) = peer.offer(&changes, is(AGAIN) && is(RESTARTS)).expect("something to offer");
    let offered = sections(&peer);
    let ours = client.direct_api().local_ice_credentials();
    let text = named(text, &offer)
        .replace("a=ice-ufrag:same", &format!("a=ice-ufrag:{}", ours.ufrag))
        .replace("a=ice-pwd:same", &format!("a=ice-pwd:{}", ours.pass));

    let taken = match (is(RECONNECTED), is(OF_ANOTHER)) {
        (false, _) => peer.accept_answer(&text).map(|()| true),
        (true, false) => peer.settle_offer(Some((&offer, &text))),
        (true, true) => peer.settle_offer(Some((&text, &text))),
    };

    Some(match taken {
        Ok(true) => {
            assert_eq!(sections(&peer), offered);
            assert!(analyse_offer(&text).is_ok(), "what cannot be read was taken");
            // One more section, and that of the data channels.
            if let Ok((next, _)) = peer.offer(&[shown(None, Kind::Audio, "TR_d")], false) {
                assert_eq!((sections(&peer), count(&next)), (offered + 1, offered + 2));
            }
            Outcome::Taken
        }
        Ok(false) => {
            assert_eq!(sections(&peer), before, "what was offered is taken back");
            answer_right(&mut peer, &mut client, &changes);
            Outcome::AnotherOffer
        }
        // It was refused before the stack saw it: the offer is open still.
        Err(_) if analyse_offer(&text).is_err() => {
            assert_eq!(sections(&peer), offered);
            peer.accept_answer(&answered(&mut client, &offer)).expect("the right answer");
            answer_right(&mut peer, &mut client, &[shown(None, Kind::Video, "TR_d")]);
            Outcome::Unread
        }
        // The session ends, and what is done until then does no harm.
        Err(_) => {
            assert_eq!(sections(&peer), offered);
            assert!(matches!(peer.settle_offer(None), Ok(false)), "there is nothing to settle");
            let _ = peer.handle_timeout(now + Duration::from_secs(1));
            Outcome::Refused
        }
    })
}

/// A track goes to the client.
fn shown(mid: Option<String>, kind: Kind, track: &str) -> OfferChange {
    let down = Down { stream: format!("PA_a|{track}"), track: track.into(), cname: "PA_a".into(), stereo: false };
    OfferChange::Activate { mid, kind, down }
}

/// Offers that, and gets the answer that it should.
fn answer_right(peer: &mut Peer, client: &mut Rtc, changes: &[OfferChange]) {
    let (offer, _) = peer.offer(changes, false).expect("something to offer");
    peer.accept_answer(&answered(client, &offer)).expect("the right answer");
    assert_eq!(count(&offer), sections(peer) + 1);
}

fn answered(client: &mut Rtc, offer: &str) -> String {
    let offer = SdpOffer::from_sdp_string(offer).expect("ours can be read");
    client.sdp_api().accept_offer(offer).expect("ours fits").to_sdp_string()
}

fn sections(peer: &Peer) -> usize {
    peer.section_names().count()
}

/// How many sections a description has.
fn count(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("m=")).count()
}

/// The text with the names of the offer in the place of numbers.
fn named(text: &str, offer: &str) -> String {
    let names: Vec<&str> = offer.lines().filter_map(|line| line.strip_prefix("a=mid:")).collect();
    let name = |number: &str| -> String {
        let known = number.trim_end().parse().ok().and_then(|number: usize| names.get(number));
        known.map_or_else(|| number.to_owned(), |name| number.replace(number.trim_end(), name))
    };
    let line = |line: &str| -> String {
        if let Some(number) = line.strip_prefix("a=mid:") {
            return format!("a=mid:{}", name(number));
        }
        if !line.starts_with("a=group:BUNDLE") {
            return line.to_owned();
        }
        line.split(' ').map(name).collect::<Vec<_>>().join(" ")
    };
    text.split_inclusive('\n').map(line).collect()
}
