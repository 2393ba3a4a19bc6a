//! `/auth/recording/*` (http-api.md section 3.1).

use axum::routing::post;
use wire::pnm::{self, StatusCode};

use super::{Group, Operation, Refusal, answer, message, refusal};
use crate::recordings;

pub(super) const GROUP: Group = Group {
    name: "Recordings",
    text: "Recordings of sessions, their data and their files.",
    operations: &[FETCH, INFO, OLD_INFO, UPDATE, MERGE, DELETE, TOKEN],
};

const NOT_FOUND: Refusal = refusal(StatusCode::NotFound, "recording not found", "There is no such recording.");
const BROKEN: Refusal = refusal(
    StatusCode::InternalServerError,
    "could not reach the records",
    "The records do not answer. Try again later.",
);

const FETCH: Operation = Operation {
    path: "/recording/fetch",
    id: "fetchRecordings",
    summary: "List recordings",
    text: "A `room_sid` that is present, even an empty one, counts more than `room_ids`. With neither, all recordings are \
        listed.",
    deprecated: false,
    asked: message::<pnm::FetchRecordingsReq>(r#"{"room_ids":["room01"],"from":0,"limit":20,"order_by":"DESC"}"#),
    answer: answer::<pnm::FetchRecordingsRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_recordings":"1","limit":20,"order_by":"DESC","recordings_list":[{"record_id":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11-1700003600000","room_id":"room01","room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","file_path":"node_01/room01/rec.mp4","file_size":12.34,"creation_time":"1700003600","room_creation_time":"1700000000","metadata":{"title":"Weekly planning","extra_data":{"course":"42"}}}]}}"#,
    ),
    refusals: &[
        refusal(StatusCode::NotFound, "no recording found", "The list is empty, or its end is reached."),
        BROKEN,
    ],
    route: || post(recordings::fetch::handle),
};

const INFO: Operation = Operation {
    path: "/recording/info",
    id: "recordingInfo",
    summary: "Show a recording and its session",
    text: "Times of `room_info` are written `2026-01-01 09:00:00` here, in UTC. All of it is empty if the session is not \
        known any more.",
    deprecated: false,
    asked: message::<pnm::RecordingInfoReq>(ID),
    answer: answer::<pnm::RecordingInfoRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","recording_info":{"record_id":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11-1700003600000","room_id":"room01","room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","file_path":"node_01/room01/rec.mp4","file_size":12.34,"creation_time":"1700003600","room_creation_time":"1700000000","metadata":{"title":"Weekly planning"}},"room_info":{"room_title":"Weekly planning","room_id":"room01","room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","joined_participants":"3","created":"2026-01-01 09:00:00","ended":"2026-01-01 10:00:00"}}"#,
    ),
    refusals: &[NOT_FOUND, BROKEN],
    route: || post(recordings::info::handle),
};

const ID: &str = r#"{"record_id":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11-1700003600000"}"#;

const OLD_INFO: Operation = Operation {
    path: "/recording/recordingInfo",
    id: "recordingInfoOld",
    summary: "The same by its old name",
    text: "Use `/auth/recording/info`.",
    deprecated: true,
    ..INFO
};

const UPDATE: Operation = Operation {
    path: "/recording/updateMetadata",
    id: "updateRecordingMetadata",
    summary: "Change a recording's data",
    text: "A patch. An absent text stays, an empty one is removed. An entry of a map is set; an `extra_data` value that is \
        empty, or a subtitle without `label` or `url`, removes its entry.",
    deprecated: false,
    asked: message::<pnm::UpdateRecordingMetadataReq>(
        r#"{"record_id":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11-1700003600000","metadata":{"title":"Planning, week 1","description":"","subtitles":{"en":{"label":"English","url":"https://www.example.org/rec.en.vtt"}},"extra_data":{"course":"42"}}}"#,
    ),
    answer: answer::<pnm::UpdateRecordingMetadataRes>(SUCCESS),
    refusals: &[
        NOT_FOUND,
        refusal(
            StatusCode::InvalidParameters,
            "metadata would have more than 256 entries",
            "Together with what is there already it is too much.",
        ),
        refusal(
            StatusCode::InvalidParameters,
            "metadata would have more than 262144 bytes",
            "The same in bytes of JSON.",
        ),
        BROKEN,
    ],
    route: || post(recordings::update::handle),
};

const SUCCESS: &str = r#"{"status":true,"msg":"success","status_code":"SUCCESS"}"#;

const MERGE: Operation = Operation {
    path: "/recording/mergeRecordings",
    id: "mergeRecordings",
    summary: "Join recordings into one",
    text: "By session: all its recordings but those to be left out. By ids: in the order given. The result is filed as a \
        recording of its own when a recorder has made it.",
    deprecated: false,
    asked: message::<pnm::MergeRecordingsReq>(
        r#"{"by_session":{"room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","exclude_recording_ids":[]}}"#,
    ),
    answer: answer::<pnm::CommonResponse>(
        r#"{"status":true,"msg":"successfully registered new recording merging task","status_code":"SUCCESS"}"#,
    ),
    refusals: &[
        refusal(StatusCode::RoomNotFound, "room not found", "There is no such session."),
        refusal(StatusCode::NotFound, "recording not found", "The session has no recordings."),
        refusal(
            StatusCode::NotFound,
            "one or more of the requested recordings were not found or did not match the room_id",
            "One of the ids is nobody's, or another room's.",
        ),
        refusal(
            StatusCode::InvalidParameters,
            "at least two recordings are required to merge",
            "There are not two of them.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "notifications.no-recorder-available",
            "No recorder is there to do it.",
        ),
        BROKEN,
    ],
    route: || post(recordings::merge::handle),
};

const DELETE: Operation = Operation {
    path: "/recording/delete",
    id: "deleteRecording",
    summary: "Delete a recording",
    text: "The file and what is known about it. The operator may have configured that deleted files are kept elsewhere for a \
        while.",
    deprecated: false,
    asked: message::<pnm::DeleteRecordingReq>(ID),
    answer: answer::<pnm::DeleteRecordingRes>(SUCCESS),
    refusals: &[
        NOT_FOUND,
        refusal(
            StatusCode::InternalServerError,
            "delete recording file permanently failed",
            "The file could not be removed; the recording is still listed.",
        ),
        BROKEN,
    ],
    route: || post(recordings::delete::handle),
};

const TOKEN: Operation = Operation {
    path: "/recording/getDownloadToken",
    id: "getRecordingDownloadToken",
    summary: "Open a recording for download",
    text: "The token opens `/download/recording/<token>` for a while, without any other key.",
    deprecated: false,
    asked: message::<pnm::GetDownloadTokenReq>(ID),
    answer: answer::<pnm::GetDownloadTokenRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJub2RlXzAxL3JlYy5tcDQifQ.c2lnbmF0dXJl"}"#,
    ),
    refusals: &[NOT_FOUND, BROKEN],
    route: || post(recordings::token::handle),
};
