//! From rows of a reference server to ours. Whatever they hold, only what our own server could have written comes over.

use model::{RoomId, SessionId};
use ports::archive::{Artifact, MAX_FILE_PATH, MAX_ID, MAX_METADATA, MAX_RECORDER, Recording};
use ports::blobs::Key;
use ports::store::{NewSession, SessionRecord};
use store::{MAX_TEXT_LENGTH, ReferenceArtifact, ReferenceRecording, ReferenceSession};
use wire::pnm;

/// The last second of the year 9999, in Unix seconds: later times have no place in our answers.
const LAST_SECOND: i64 = 253_402_300_799;

/// A session that is over.
///
/// # Errors
/// What is wrong with it.
pub(super) fn session(row: &ReferenceSession) -> Result<SessionRecord, String> {
    let created_at_ms = milliseconds("creation_time", row.created_s)?;
    let lasted = row.lasted_s.unwrap_or_default().max(0);
    let ended = milliseconds("ended", row.created_s.saturating_add(lasted))?;
    let parent = if row.parent.is_empty() { None } else { Some(room("parent_room_id", &row.parent)?) };
    Ok(SessionRecord {
        id: 0,
        session: NewSession {
            room: room("roomId", &row.room)?,
            session: session_id(&row.session)?,
            parent,
            title: short("room_title", &row.title)?,
            webhook_url: short("webhook_url", &row.webhook_url)?,
            created_at_ms,
        },
        joined_participants: row.joined.max(0),
        ended_at_ms: Some(ended),
    })
}

/// A recording and its file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn recording(row: &ReferenceRecording) -> Result<(Recording, Key), String> {
    let key = key(&row.file_path)?;
    if row.file_path.len() > MAX_FILE_PATH {
        return Err(format!("file_path has more than {MAX_FILE_PATH} bytes"));
    }
    if !row.megabytes.is_finite() || row.megabytes < 0.0 {
        return Err("size is no size".to_owned());
    }
    // What that server could not read itself is no reason to lose the recording.
    let metadata = wire::json::decode::<pnm::RecordingMetadata>(row.metadata.as_bytes()).ok();
    let metadata = metadata.map(|metadata| wire::json::encode(&metadata)).unwrap_or_default();
    let recording = Recording {
        record_id: id("record_id", &row.record_id)?,
        room: room("room_id", &row.room)?,
        session: session_id(&row.session)?,
        recorder_id: text("recorder_id", &row.recorder_id, MAX_RECORDER)?,
        file_path: row.file_path.clone(),
        megabytes: row.megabytes,
        metadata: text("metadata", &metadata, MAX_METADATA)?,
        created_at_ms: milliseconds("creation_time", row.created_s)?,
        room_created_at_ms: milliseconds("room_creation_time", row.room_created_s)?,
    };
    Ok((recording, key))
}

/// An artifact and its file, if it has one.
///
/// # Errors
/// What is wrong with it.
pub(super) fn artifact(row: &ReferenceArtifact) -> Result<(Artifact, Option<Key>), String> {
    pnm::RoomArtifactType::from_str_name(&row.kind).ok_or("type is unknown")?;
    let metadata: pnm::RoomArtifactMetadata =
        wire::json::decode(row.metadata.as_bytes()).map_err(|_| "metadata cannot be read")?;
    let path = metadata.file_info.as_ref().map(|file| file.file_path.as_str()).filter(|path| !path.is_empty());
    let key = path.map(key).transpose()?;
    let artifact = Artifact {
        artifact_id: id("artifact_id", &row.artifact_id)?,
        room: room("room_id", &row.room)?,
        session: session_id(&row.session)?,
        kind: row.kind.clone(),
        metadata: text("metadata", &wire::json::encode(&metadata), MAX_METADATA)?,
        created_at_ms: milliseconds("created", row.created_s)?,
    };
    Ok((artifact, key))
}

fn room(name: &str, text: &str) -> Result<RoomId, String> {
    RoomId::try_from(text).map_err(|_| format!("{name} is no room id"))
}

fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::try_from(text).map_err(|_| "there is no session it belongs to".to_owned())
}

fn key(path: &str) -> Result<Key, String> {
    Key::try_from(path).map_err(|error| format!("file_path: {error}"))
}

fn id(name: &str, value: &str) -> Result<String, String> {
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(format!("{name} is no id"));
    }
    text(name, value, MAX_ID)
}

/// As long as our own column.
fn short(name: &str, value: &str) -> Result<String, String> {
    if value.chars().count() > MAX_TEXT_LENGTH {
        return Err(format!("{name} has more than {MAX_TEXT_LENGTH} characters"));
    }
    text(name, value, usize::MAX)
}

fn text(name: &str, value: &str, most: usize) -> Result<String, String> {
    if value.contains('\0') {
        return Err(format!("{name} holds a NUL character"));
    }
    if value.len() > most {
        return Err(format!("{name} has more than {most} bytes"));
    }
    Ok(value.to_owned())
}

fn milliseconds(name: &str, seconds: i64) -> Result<i64, String> {
    if (0..=LAST_SECOND).contains(&seconds) { Ok(seconds * 1000) } else { Err(format!("{name} is no time")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> ReferenceSession {
        ReferenceSession {
            id: 1,
            title: "Algebra".to_owned(),
            room: "room01".to_owned(),
            session: "0a".to_owned(),
            joined: 7,
            is_running: false,
            webhook_url: String::new(),
            parent: String::new(),
            created_s: 1_700_000_000,
            lasted_s: Some(3600),
        }
    }

    fn film() -> ReferenceRecording {
        ReferenceRecording {
            id: 1,
            record_id: "0a-1700000000000".to_owned(),
            room: "room01".to_owned(),
            session: "0a".to_owned(),
            recorder_id: "node_01".to_owned(),
            file_path: "node_01/room01/film.mp4".to_owned(),
            megabytes: 12.5,
            metadata: r#"{"title":"Algebra"}"#.to_owned(),
            created_s: 1_700_003_600,
            room_created_s: 1_700_000_000,
        }
    }

    fn figures() -> ReferenceArtifact {
        ReferenceArtifact {
            id: 1,
            artifact_id: "a1".to_owned(),
            room: "room01".to_owned(),
            session: "0a".to_owned(),
            kind: "MEETING_ANALYTICS".to_owned(),
            metadata: r#"{"file_info":{"file_path":"meeting_analytics/room01/a.json","file_size":"10"}}"#.to_owned(),
            created_s: 1_700_003_700,
        }
    }

    #[test]
    fn a_session_keeps_its_ids_and_times() {
        let record = session(&past()).unwrap();

        assert_eq!((record.session.session.as_str(), record.joined_participants), ("0a", 7));
        assert_eq!((record.session.created_at_ms, record.ended_at_ms), (1_700_000_000_000, Some(1_700_003_600_000)));
    }

    #[test]
    fn a_recording_and_an_artifact_name_their_files() {
        let (recording, key) = recording(&film()).unwrap();
        assert_eq!((recording.record_id.as_str(), key.as_str()), ("0a-1700000000000", "node_01/room01/film.mp4"));
        let (artifact, key) = artifact(&figures()).unwrap();
        assert_eq!(key.unwrap().as_str(), "meeting_analytics/room01/a.json");
        assert!(artifact.metadata.contains("\"file_size\":\"10\""), "{}", artifact.metadata);
    }

    #[test]
    fn what_our_server_could_not_have_written_stays_out() {
        for bad in [
            ReferenceSession { room: "../etc".to_owned(), ..past() },
            ReferenceSession { session: String::new(), ..past() },
            ReferenceSession { title: "x".repeat(256), ..past() },
            ReferenceSession { webhook_url: "a\0b".to_owned(), ..past() },
            ReferenceSession { created_s: i64::MAX, ..past() },
            ReferenceSession { created_s: -1, ..past() },
            ReferenceSession { lasted_s: Some(i64::MAX), ..past() },
        ] {
            assert!(session(&bad).is_err(), "{bad:?}");
        }
        for bad in [
            ReferenceRecording { file_path: "../../etc/passwd".to_owned(), ..film() },
            ReferenceRecording { file_path: "/etc/passwd".to_owned(), ..film() },
            ReferenceRecording { record_id: String::new(), ..film() },
            ReferenceRecording { record_id: "x".repeat(65), ..film() },
            ReferenceRecording { megabytes: f64::NAN, ..film() },
            ReferenceRecording { megabytes: -1.0, ..film() },
        ] {
            assert!(recording(&bad).is_err(), "{bad:?}");
        }
        for bad in [
            ReferenceArtifact { kind: "SOMETHING".to_owned(), ..figures() },
            ReferenceArtifact { metadata: "{".to_owned(), ..figures() },
            ReferenceArtifact { metadata: r#"{"file_info":{"file_path":"../x"}}"#.to_owned(), ..figures() },
            ReferenceArtifact { session: String::new(), ..figures() },
        ] {
            assert!(artifact(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn unreadable_metadata_does_not_cost_a_recording() {
        let (recording, _) = recording(&ReferenceRecording { metadata: "{\"title\":".to_owned(), ..film() }).unwrap();

        assert_eq!(recording.metadata, "");
    }
}
