//! `/auth/recording/*`: one file per endpoint (http-api.md section 3.1).

pub(crate) mod delete;
pub(crate) mod fetch;
pub(crate) mod info;
pub(crate) mod merge;
pub(crate) mod token;
pub(crate) mod update;

use axum::response::Response;
use ports::archive::Recording;
use wire::pnm::{self, StatusCode};

use crate::answers;

fn not_found() -> Response {
    answers::refused(StatusCode::NotFound, "recording not found")
}

/// A recording as it travels.
#[expect(clippy::cast_possible_truncation, reason = "two decimals of a size are all the wire has room for")]
pub(crate) fn info_of(recording: &Recording) -> pnm::RecordingInfo {
    pnm::RecordingInfo {
        record_id: recording.record_id.clone(),
        room_id: recording.room.to_string(),
        room_sid: recording.session.to_string(),
        file_path: recording.file_path.clone(),
        file_size: ((recording.megabytes * 100.0).round() / 100.0) as f32,
        creation_time: recording.created_at_ms.div_euclid(1000),
        room_creation_time: recording.room_created_at_ms.div_euclid(1000),
        metadata: meeting::recording_metadata(recording),
    }
}
