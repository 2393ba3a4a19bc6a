//! A hostile client's whole session: messages, descriptions and a clock that moves, in any order.
//!
//! The input is a row of steps: one byte says what happens, and for a message two more say how long it is.

use model::media::{CameraView, MediaPermission, ParticipantKind, Sources};
use model::{Identity, RoomId};
use signal::{
    ClientMessage, Connect, JoinRequest, Kind, MediaRoom, Now, OfferedSection, Output, PeerKey, RemoveReason,
};
use std::time::{Duration, Instant};

/// Most steps of one input.
const STEPS: usize = 200;

/// Most outputs of one step: what a message causes is bounded.
const OUTPUTS: usize = 10_000;

fn permission(bits: u8) -> MediaPermission {
    MediaPermission {
        publish: if bits & 1 == 0 { Sources::all() } else { Sources::NONE },
        subscribe: bits & 2 == 0,
        publish_data: bits & 4 == 0,
        hidden: bits & 8 != 0,
        update_own: bits & 64 != 0,
        moderator: bits & 16 != 0,
        cameras: if bits & 32 == 0 { CameraView::Everyone } else { CameraView::Moderators },
    }
}

fn connect(room: &mut MediaRoom, number: u64, bits: u8, request: &[u8], now: Now) {
    let Ok(request) = JoinRequest::read(request) else { return };
    let names = ["ann", "bob"];
    let connect = Connect {
        key: PeerKey(number),
        identity: Identity::try_from(names[usize::from(bits & 1)]).expect("a name"),
        name: String::new(),
        metadata: String::new(),
        attributes: Default::default(),
        permission: permission(bits >> 1),
        dual: bits & 2 != 0,
        request,
        relays: Vec::new(),
        relay_only: false,
        kind: ParticipantKind::ALL[usize::from(bits) % ParticipantKind::ALL.len()],
        kind_details: Vec::new(),
    };
    // Refusals change nothing.
    let _ = room.connect(connect, now);
}

/// Sections as an offer could have them.
fn sections(bytes: &[u8]) -> Vec<OfferedSection> {
    let sections = bytes.iter().take(20).enumerate().map(|(number, bits)| OfferedSection {
        mid: (number % usize::from(1 + (bits >> 4))).to_string(),
        kind: if bits & 1 == 0 { Kind::Audio } else { Kind::Video },
        sends: bits & 2 != 0,
        receives: bits & 4 != 0,
        track: format!("cid{}", bits >> 6),
    });
    sections.collect()
}

/// One session.
pub fn run(input: &[u8]) {
    let start = Instant::now();
    let mut millis = 0u64;
    let moment = |millis: u64| Now {
        at: start + Duration::from_millis(millis),
        unix_micros: 1_700_000_000_000_000 + millis * 1000,
    };
    let mut room = MediaRoom::new(&RoomId::try_from("room").expect("a name"), 1, moment(0));
    for (number, bits) in [(0, 0), (1, 3)] {
        connect(&mut room, number, bits, &[], moment(0));
    }
    let mut next = 2;
    let mut rest = input;
    for _ in 0..STEPS {
        let Some((step, after)) = rest.split_first() else { break };
        let length = after.get(..2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])) % 1024);
        let body = after.get(2..).unwrap_or_default();
        let (bytes, left) = body.split_at(length.min(body.len()));
        rest = left;
        let now = moment(millis);
        let peer = PeerKey(u64::from(step >> 4) % next);
        match step & 15 {
            0..=4 => match ClientMessage::read(bytes) {
                Ok(message) => {
                    room.client_message(peer, message, now);
                }
                Err(_) => room.garbage(peer, now),
            },
            5 => {
                connect(&mut room, next, *bytes.first().unwrap_or(&0), bytes.get(1..).unwrap_or_default(), now);
                next += 1;
            }
            6 => room.connected(peer, now),
            7 => room.connection_failed(peer, now),
            8 => room.connection_closed(peer, now),
            9 => room.link_lost(peer, now),
            10 => {
                room.plan(peer, &sections(bytes), now);
                room.answered(peer, bytes.first().is_none_or(|byte| byte & 1 == 0).then(String::new), now);
            }
            11 => room.answer_taken(peer, bytes.is_empty(), now),
            12 => {
                room.message(peer, bytes.len() % 2 == 0, bytes, now);
            }
            13 => {
                let who = Identity::try_from("ann").expect("a name");
                room.set_permission(&who, permission(*bytes.first().unwrap_or(&0)), now);
            }
            14 => room.remove(&Identity::try_from("bob").expect("a name"), RemoveReason::Removed, now),
            _ => millis += 1 + u64::try_from(length).unwrap_or(0) * 20,
        }
        settle(&mut room, bytes, moment(millis));
    }
    room.close(moment(millis));
    settle(&mut room, &[], moment(millis));
    assert!(room.is_empty(), "somebody is left in a room that was closed");
}

/// Does what the room wants, as its owner would.
fn settle(room: &mut MediaRoom, bytes: &[u8], now: Now) {
    room.handle_timeout(now);
    for _ in 0..OUTPUTS {
        match room.poll() {
            None => return,
            Some(Output::ClientOffer { peer, .. }) => {
                room.plan(peer, &sections(bytes), now);
                room.answered(peer, Some(String::new()), now);
            }
            Some(Output::MakeOffer { peer, changes, .. }) => {
                let names = (0..changes.len()).map(|number| number.to_string()).collect();
                room.offered(peer, Some((String::new(), names)), now);
            }
            Some(Output::SettleOffer { peer, known }) => room.offer_settled(peer, known.is_some(), now),
            Some(Output::ClientAnswer { peer, .. }) => room.answer_taken(peer, true, now),
            Some(_) => {}
        }
    }
    panic!("one step has no end of outputs");
}
