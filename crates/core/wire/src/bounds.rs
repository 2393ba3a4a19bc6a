//! Counts what a protobuf message holds before it is decoded. An empty entry of a repeated field costs its sender two bytes
//! and its reader hundreds, so a size limit alone does not bound the memory and the time that decoding takes.

/// Which fields of a message are messages to look into; everything else counts as one.
#[derive(Debug)]
pub struct Shape(&'static [(u64, &'static Shape)]);

static LEAF: Shape = Shape(&[]);
static SUBSCRIPTION: Shape = Shape(&[(3, &LEAF)]);
static DESCRIPTION: Shape = Shape(&[]);
static CODEC: Shape = Shape(&[(4, &LEAF)]);
static ADD_TRACK: Shape = Shape(&[(9, &LEAF), (10, &CODEC)]);
static TRACK: Shape = Shape(&[(10, &LEAF), (13, &CODEC)]);
static PUBLISHED: Shape = Shape(&[(2, &TRACK)]);
static DATA_SUBSCRIPTION: Shape = Shape(&[(1, &LEAF)]);
static SYNC_STATE: Shape = Shape(&[
    (1, &DESCRIPTION),
    (2, &SUBSCRIPTION),
    (3, &PUBLISHED),
    (4, &LEAF),
    (5, &DESCRIPTION),
    (7, &LEAF),
    (8, &LEAF),
    (9, &DATA_SUBSCRIPTION),
]);

/// `livekit.JoinRequest`.
pub static JOIN_REQUEST: Shape = Shape(&[(5, &ADD_TRACK), (6, &DESCRIPTION), (10, &SYNC_STATE)]);

/// `livekit.SignalRequest`.
pub static SIGNAL_REQUEST: Shape = Shape(&[
    (1, &DESCRIPTION),
    (2, &DESCRIPTION),
    (4, &ADD_TRACK),
    (6, &SUBSCRIPTION),
    (7, &LEAF),
    (10, &LEAF),
    (11, &SUBSCRIPTION_PERMISSION),
    (12, &SYNC_STATE),
    (15, &LEAF),
    (17, &LEAF),
    (19, &LEAF),
    (21, &DATA_SUBSCRIPTION),
    (22, &LEAF),
]);
static SUBSCRIPTION_PERMISSION: Shape = Shape(&[(2, &LEAF)]);

/// `livekit.DataPacket`; a user message names its receivers too.
pub static DATA_PACKET: Shape = Shape(&[(2, &LEAF), (9, &LEAF), (13, &LEAF), (14, &LEAF), (15, &LEAF)]);

/// Why a message is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbearable {
    /// It has too many fields.
    TooMany,
    /// It is none.
    Malformed,
}

/// Whether a message is well-formed as far as `shape` looks and has at most `most` fields, repetitions counted.
pub fn holds_at_most(most: usize, message: &[u8], shape: &Shape) -> bool {
    measure(most, message, shape).is_ok()
}

/// The same, with the reason.
///
/// # Errors
/// The first of the two that shows.
pub fn measure(most: usize, message: &[u8], shape: &Shape) -> Result<(), Unbearable> {
    let mut left = most;
    count(message, shape, &mut left)
}

fn count(mut rest: &[u8], shape: &Shape, left: &mut usize) -> Result<(), Unbearable> {
    use Unbearable::{Malformed, TooMany};
    while !rest.is_empty() {
        *left = left.checked_sub(1).ok_or(TooMany)?;
        let key = varint(&mut rest).ok_or(Malformed)?;
        match key & 7 {
            0 => drop(varint(&mut rest).ok_or(Malformed)?),
            1 => rest = rest.get(8..).ok_or(Malformed)?,
            5 => rest = rest.get(4..).ok_or(Malformed)?,
            2 => {
                let length = varint(&mut rest).and_then(|length| usize::try_from(length).ok()).ok_or(Malformed)?;
                let (value, tail) = rest.split_at_checked(length).ok_or(Malformed)?;
                if let Some((_, inner)) = shape.0.iter().find(|(field, _)| *field == key >> 3) {
                    count(value, inner, left)?;
                }
                rest = tail;
            }
            // Groups: none of our messages has one.
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lk;
    use prost::Message;

    #[test]
    fn repetitions_are_counted_at_every_depth() {
        let add = |layers: usize| lk::AddTrackRequest {
            simulcast_codecs: vec![lk::SimulcastCodec {
                layers: vec![lk::VideoLayer::default(); layers],
                ..Default::default()
            }],
            ..Default::default()
        };
        let flat = lk::JoinRequest { add_track_requests: vec![add(0); 50], ..Default::default() }.encode_to_vec();
        assert!(holds_at_most(100, &flat, &JOIN_REQUEST));
        assert!(!holds_at_most(99, &flat, &JOIN_REQUEST));
        let deep = lk::JoinRequest { add_track_requests: vec![add(500)], ..Default::default() }.encode_to_vec();
        assert!(holds_at_most(502, &deep, &JOIN_REQUEST));
        assert!(!holds_at_most(501, &deep, &JOIN_REQUEST));
        let sync = lk::SyncState {
            publish_tracks: vec![lk::TrackPublishedResponse::default(); 9],
            subscription: Some(lk::UpdateSubscription { track_sids: vec![String::new(); 9], ..Default::default() }),
            ..Default::default()
        };
        let request = lk::SignalRequest { message: Some(lk::signal_request::Message::SyncState(sync)) }.encode_to_vec();
        assert!(holds_at_most(20, &request, &SIGNAL_REQUEST));
        assert!(!holds_at_most(19, &request, &SIGNAL_REQUEST));
    }

    #[test]
    fn text_counts_once_whatever_it_looks_like() {
        let sdp = "\u{a}\0".repeat(10_000);
        let offer = lk::SessionDescription { sdp, ..Default::default() };
        let request = lk::SignalRequest { message: Some(lk::signal_request::Message::Offer(offer)) }.encode_to_vec();
        assert!(holds_at_most(2, &request, &SIGNAL_REQUEST));
    }

    #[test]
    fn what_is_cut_or_overlong_is_refused() {
        for bytes in [&[0x0a, 5, 0][..], &[0x80], &[0xff; 11], &[0x0b], &[0x0d, 1], &[0x09, 1, 2]] {
            assert!(!holds_at_most(100, bytes, &SIGNAL_REQUEST), "{bytes:?}");
        }
        assert!(holds_at_most(0, &[], &SIGNAL_REQUEST));
    }
}
