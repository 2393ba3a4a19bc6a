//! The same as JSON.

use ports::media::report::{
    ConnectionReport, ConnectionState, EncodingReport, Flow, ParticipantReport, RoomReport, RoomSummary,
    SubscriptionReport, TrackReport,
};
use serde_json::{Value, json};
use std::time::Duration;

use model::media::Source;

pub(super) fn list(rooms: &[RoomSummary]) -> Value {
    let rooms: Vec<Value> = rooms
        .iter()
        .map(|room| {
            json!({
                "room": room.room.as_str(), "session": room.session.as_str(), "participants": room.participants,
                "tracks": room.tracks, "subscriptions": room.subscriptions,
            })
        })
        .collect();
    json!({ "rooms": rooms })
}

pub(super) fn room(report: &RoomReport) -> Value {
    let participants: Vec<Value> = report.participants.iter().map(participant).collect();
    json!({
        "room": report.room.as_str(),
        "session": report.session.as_str(),
        "total": report.total,
        "from": report.from,
        "next": report.next(),
        "participants": participants,
    })
}

fn participant(one: &ParticipantReport) -> Value {
    json!({
        "identity": one.identity.as_str(),
        "signalling": one.signalling,
        "interruptions": one.interruptions,
        "score": one.score,
        "estimate_bps": one.estimate,
        "connections": one.connections.iter().map(connection).collect::<Vec<_>>(),
        "published": one.published.iter().map(track).collect::<Vec<_>>(),
        "received": one.received.iter().map(subscription).collect::<Vec<_>>(),
    })
}

fn connection(one: &ConnectionReport) -> Value {
    json!({
        "role": if one.subscriber { "subscriber" } else { "publisher" },
        "state": state(one.state),
        "transport": one.transport,
        "local": one.local.map(|address| address.to_string()),
        "remote": one.remote.map(|address| address.to_string()),
        "silent_ms": millis(one.silent_for),
        "round_trip_ms": one.round_trip.map(millis),
        "loss": one.loss,
        "bytes_in": one.bytes_in,
        "bytes_out": one.bytes_out,
    })
}

fn track(one: &TrackReport) -> Value {
    json!({
        "sid": one.sid,
        "source": source(one.source),
        "muted": one.muted,
        "wanted_layer": one.wanted,
        "subscribers": one.subscribers,
        "codecs": one.encodings.iter().map(encoding).collect::<Vec<_>>(),
    })
}

fn encoding(one: &EncodingReport) -> Value {
    json!({
        "codec": one.codec,
        "running_layers": one.running,
        "in_one_stream": one.scalable,
        "layers": one.flows.iter().map(flow).collect::<Vec<_>>(),
    })
}

fn subscription(one: &SubscriptionReport) -> Value {
    json!({
        "sid": one.sid,
        "owner": one.owner.as_str(),
        "source": source(one.source),
        "layer": one.layer,
        "target_layer": one.target,
        "paused": one.paused,
        "disabled": one.disabled,
        "queued": one.queued,
        "flow": flow(&one.flow),
    })
}

fn flow(one: &Flow) -> Value {
    json!({
        "packets": one.packets,
        "bytes": one.bytes,
        "bps": one.bits_per_second,
        "loss": one.loss,
        "jitter_ms": one.jitter.map(millis),
        "key_frames_asked": one.key_frames_asked,
        "nacks": one.nacks,
    })
}

pub(super) const fn state(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Failed => "failed",
    }
}

pub(super) const fn source(source: Source) -> &'static str {
    match source {
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::ScreenShare => "screen",
        Source::ScreenShareAudio => "screen sound",
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
