//! A running meeting as `getMeetingInfo` and `getMeetings` show it.

use meeting::{ActiveRoom, PersonView};
use wire::bbb::{Extra, Xml};
use wire::livekit::{ParticipantInfo, TrackSource};
use wire::pnm;

use super::create::{date, milliseconds};
use crate::rooms::create::unix_seconds;

/// The metadata of a room that runs; what it says is our own.
pub(super) fn metadata(room: &pnm::ActiveRoomInfo) -> pnm::RoomMetadata {
    wire::json::decode(room.metadata.as_bytes()).unwrap_or_default()
}

struct Attendee {
    user_id: String,
    name: String,
    is_moderator: bool,
    is_presenter: bool,
    has_voice: bool,
    has_video: bool,
    is_listening_only: bool,
}

/// Writes the elements of a meeting.
pub(super) fn write(xml: &mut Xml, found: &ActiveRoom) {
    let Some(room) = &found.room.room_info else { return };
    let metadata = metadata(room);
    let extra = Extra::of(&metadata).unwrap_or_else(|| Extra { meeting_id: room.room_id.clone(), ..Extra::default() });
    let attendees: Vec<Attendee> =
        found.people.iter().filter_map(|person| attendee(person, &found.room.participants_info)).collect();
    let count = |is: fn(&Attendee) -> bool| attendees.iter().filter(|attendee| is(attendee)).count();
    let now = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);

    xml.text("meetingName", &room.room_title);
    xml.text("meetingID", &extra.meeting_id);
    xml.text("internalMeetingID", &room.sid);
    xml.text("createTime", milliseconds(room.creation_time));
    xml.text("createDate", date(room.creation_time));
    xml.text("attendeePW", &extra.attendee_password);
    xml.text("moderatorPW", &extra.moderator_password);
    xml.text("running", true);
    xml.text("duration", now.saturating_sub(room.creation_time).max(0));
    xml.text("hasUserJoined", found.has_begun);
    xml.text("recording", room.is_recording != 0);
    xml.text("hasBeenForciblyEnded", false);
    xml.text("startTime", metadata.started_at.saturating_mul(1000));
    xml.text("endTime", 0);
    xml.text("participantCount", attendees.len());
    xml.text("listenerCount", count(|attendee| attendee.is_listening_only));
    xml.text("voiceParticipantCount", count(|attendee| attendee.has_voice));
    xml.text("videoCount", count(|attendee| attendee.has_video));
    xml.text("maxUsers", 0);
    xml.text("moderatorCount", count(|attendee| attendee.is_moderator));
    xml.element("attendees", |xml| attendees.iter().for_each(|attendee| write_attendee(xml, attendee)));
    xml.text("isBreakout", room.is_breakout_room != 0);
    xml.element("metadata", |xml| extra.meta.iter().for_each(|(name, value)| xml.text(name, value)));
}

/// Whoever waits to be let in is none yet.
fn attendee(person: &PersonView, on_media: &[ParticipantInfo]) -> Option<Attendee> {
    let metadata: pnm::UserMetadata = wire::json::decode(person.metadata.as_bytes()).ok()?;
    if metadata.wait_for_approval {
        return None;
    }
    let tracks = on_media.iter().filter(|participant| participant.identity == person.id.as_str());
    let tracks: Vec<_> = tracks.flat_map(|participant| &participant.tracks).collect();
    let has = |source| tracks.iter().any(|track| track.source() == source);
    Some(Attendee {
        user_id: metadata.ex_user_id.filter(|id| !id.is_empty()).unwrap_or_else(|| person.id.to_string()),
        name: person.name.clone(),
        is_moderator: metadata.is_admin,
        is_presenter: metadata.is_presenter,
        has_voice: has(TrackSource::Microphone),
        has_video: has(TrackSource::Camera),
        is_listening_only: tracks.is_empty(),
    })
}

fn write_attendee(xml: &mut Xml, attendee: &Attendee) {
    xml.element("attendee", |xml| {
        xml.text("userID", &attendee.user_id);
        xml.text("fullName", &attendee.name);
        xml.text("role", if attendee.is_moderator { "MODERATOR" } else { "VIEWER" });
        xml.text("isPresenter", attendee.is_presenter);
        xml.text("isListeningOnly", attendee.is_listening_only);
        xml.text("hasJoinedVoice", attendee.has_voice);
        xml.text("hasVideo", attendee.has_video);
        xml.text("clientType", "");
    });
}
