//! Between the words of the signalling machine, of the peers and of the ports.

use model::Identity;
use ports::media as port;

pub(crate) fn offered(section: &rtc::OfferedSection) -> signal::OfferedSection {
    signal::OfferedSection {
        mid: section.mid.clone(),
        kind: kind_from(section.kind),
        sends: section.sends,
        receives: section.receives,
        track: section.track.clone(),
    }
}

fn kind_from(kind: rtc::Kind) -> signal::Kind {
    match kind {
        rtc::Kind::Audio => signal::Kind::Audio,
        rtc::Kind::Video => signal::Kind::Video,
    }
}

fn kind(kind: signal::Kind) -> rtc::Kind {
    match kind {
        signal::Kind::Audio => rtc::Kind::Audio,
        signal::Kind::Video => rtc::Kind::Video,
    }
}

pub(crate) fn codec(codec: signal::Codec) -> rtc::Codec {
    match codec {
        signal::Codec::Opus => rtc::Codec::Opus,
        signal::Codec::Vp8 => rtc::Codec::Vp8,
        signal::Codec::H264 => rtc::Codec::H264,
        signal::Codec::Vp9 => rtc::Codec::Vp9,
        signal::Codec::Av1 => rtc::Codec::Av1,
    }
}

fn down(plan: signal::DownPlan) -> rtc::Down {
    rtc::Down { stream: plan.stream, track: plan.track, cname: plan.cname, stereo: plan.stereo }
}

pub(crate) fn plan(plan: signal::SectionPlan) -> rtc::SectionPlan {
    rtc::SectionPlan {
        mid: plan.mid,
        up: plan.up.map(|up| rtc::Up { codec: codec(up.codec), stereo: up.stereo, dtx: up.dtx, red: up.red }),
        down: plan.down.map(down),
    }
}

pub(crate) fn change(change: signal::OfferChange) -> rtc::OfferChange {
    match change {
        signal::OfferChange::Activate { mid, kind: of, down: plan } => {
            rtc::OfferChange::Activate { mid, kind: kind(of), down: down(plan) }
        }
        signal::OfferChange::Deactivate { mid } => rtc::OfferChange::Deactivate { mid },
    }
}

pub(crate) fn remove_reason(why: port::RemoveReason) -> signal::RemoveReason {
    match why {
        port::RemoveReason::Removed => signal::RemoveReason::Removed,
        port::RemoveReason::Duplicate => signal::RemoveReason::Duplicate,
        port::RemoveReason::Left => signal::RemoveReason::Left,
    }
}

pub(crate) fn inside_end(why: signal::inside::End) -> port::inside::InsideEnd {
    match why {
        signal::inside::End::Over => port::inside::InsideEnd::Over,
        signal::inside::End::Removed => port::inside::InsideEnd::Removed,
        signal::inside::End::Replaced => port::inside::InsideEnd::Replaced,
        signal::inside::End::StartOver => port::inside::InsideEnd::StartOver,
    }
}

pub(crate) fn inside_refusal(why: signal::inside::Refusal) -> port::inside::InsideRefusal {
    match why {
        signal::inside::Refusal::NotAllowed => port::inside::InsideRefusal::NotAllowed,
        signal::inside::Refusal::TooMany => port::inside::InsideRefusal::TooMany,
        signal::inside::Refusal::Unusable => port::inside::InsideRefusal::Unusable,
    }
}

pub(crate) fn track_choice(choice: port::TrackChoice) -> signal::TrackChoice {
    match choice {
        port::TrackChoice::Sid(sid) => signal::TrackChoice::Sid(sid),
        port::TrackChoice::Source(source) => signal::TrackChoice::Source(source),
    }
}

pub(crate) fn mute_error(error: signal::MuteError) -> port::MuteError {
    match error {
        signal::MuteError::NoParticipant => port::MuteError::NoParticipant,
        signal::MuteError::NoTrack => port::MuteError::NoTrack,
        signal::MuteError::UnmuteRefused => port::MuteError::UnmuteRefused,
    }
}

pub(crate) fn control_error(error: signal::ControlError) -> ports::media_control::ControlError {
    use ports::media_control::ControlError;
    match error {
        signal::ControlError::NoParticipant => ControlError::NoParticipant,
        signal::ControlError::NoTrack => ControlError::NoTrack,
        signal::ControlError::TooLarge(what) => ControlError::TooLarge(what),
    }
}

pub(crate) fn room_change(set: ports::media_control::RoomSettings) -> signal::RoomChange {
    signal::RoomChange {
        empty_timeout: set.empty_timeout,
        departure_timeout: set.departure_timeout,
        max_participants: set.max_participants,
        metadata: set.metadata,
        sync_streams: set.sync_streams,
        playout_delay: set.playout_delay,
    }
}

pub(crate) fn event(kind: signal::EventKind) -> port::MediaEventKind {
    match kind {
        signal::EventKind::Joined => port::MediaEventKind::Joined,
        signal::EventKind::Left => port::MediaEventKind::Left,
        signal::EventKind::Aborted => port::MediaEventKind::Aborted,
        signal::EventKind::Published { sid, source } => port::MediaEventKind::Published { sid, source },
        signal::EventKind::Unpublished { sid, source } => port::MediaEventKind::Unpublished { sid, source },
        signal::EventKind::Muted { sid, source, muted } => port::MediaEventKind::Muted { sid, source, muted },
    }
}

pub(crate) fn connect(key: signal::PeerKey, join: &port::MediaJoin, request: signal::JoinRequest) -> signal::Connect {
    signal::Connect {
        key,
        identity: Identity::clone(&join.identity),
        name: join.name.clone(),
        metadata: join.metadata.clone(),
        attributes: join.attributes.clone(),
        permission: join.permission,
        dual: join.topology == port::Topology::Dual,
        relays: join.relays.iter().map(relay).collect(),
        relay_only: join.relay_only,
        kind: join.kind,
        kind_details: join.kind_details.clone(),
        request,
    }
}

fn relay(server: &port::IceServer) -> signal::Relay {
    let port::IceServer { urls, username, credential } = server.clone();
    signal::Relay { urls, username, credential }
}

/// How a subscriber's setting reads for the layer choice.
pub(crate) fn setting(settings: signal::Settings) -> sfu::demand::Setting {
    sfu::demand::Setting {
        disabled: settings.disabled,
        quality: sfu::layers::Layer::from_index(usize::from(settings.quality)),
        width: settings.width,
        height: settings.height,
        fps: settings.fps,
        priority: settings.priority,
    }
}
