//! `/auth/artifact/*` and the older `/auth/analytics/*` (http-api.md sections 3.2 and 3.3).

use axum::routing::post;
use wire::pnm::{self, StatusCode};

use super::{Group, Operation, Refusal, answer, message, refusal};
use crate::{analytics, artifacts};

pub(super) const GROUP: Group = Group {
    name: "Artifacts",
    text: "What sessions leave behind besides recordings: analytics, summaries, transcripts, and what services were used.",
    operations: &[FETCH, INFO, DELETE, TOKEN],
};

pub(super) const ANALYTICS: Group = Group {
    name: "Analytics",
    text: "Older names of the artifact calls, for analytics alone. A success carries `UNKNOWN_STATUS` where data is \
        answered; callers know it so.",
    operations: &[FETCH_ANALYTICS, DELETE_ANALYTICS, ANALYTICS_TOKEN],
};

const NOT_FOUND: Refusal = refusal(StatusCode::NotFound, "artifact not found", "There is no such artifact.");
const EMPTY: Refusal = refusal(StatusCode::NotFound, "no artifact found", "The list is empty, or its end is reached.");
const BROKEN: Refusal = refusal(
    StatusCode::InternalServerError,
    "could not reach the records",
    "The records do not answer. Try again later.",
);
const KEPT: Refusal = refusal(
    StatusCode::InternalServerError,
    "deleting 'MEETING_SUMMARY_USAGE' artifact type is not allowed",
    "Only analytics, summaries and transcripts can be deleted.",
);
const NO_DOWNLOAD: Refusal = refusal(
    StatusCode::InternalServerError,
    "'MEETING_SUMMARY_USAGE' artifact type is not downloadable",
    "Only analytics, summaries and transcripts have files.",
);
const NO_FILE: Refusal =
    refusal(StatusCode::InternalServerError, "artifact has no downloadable file", "Its file was never made.");
const ID: &str = r#"{"artifact_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10"}"#;
const FILE_ID: &str = r#"{"file_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10"}"#;
const SUCCESS: &str = r#"{"status":true,"msg":"success","status_code":"SUCCESS"}"#;

const FETCH: Operation = Operation {
    path: "/artifact/fetch",
    id: "fetchArtifacts",
    summary: "List artifacts",
    text: "A `room_sid` that is present, even an empty one, counts more than `room_ids`. With neither, all artifacts are \
        listed.",
    deprecated: false,
    asked: message::<pnm::FetchArtifactsReq>(r#"{"room_ids":["room01"],"type":"MEETING_ANALYTICS","limit":20}"#),
    answer: answer::<pnm::FetchArtifactsRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_artifacts":"1","limit":"20","order_by":"DESC","type":"MEETING_ANALYTICS","artifacts_list":[{"artifact_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10","room_id":"room01","type":"MEETING_ANALYTICS","created":"2026-01-01T10:00:00Z","metadata":{"file_info":{"file_path":"meeting_analytics/room01/a.json","file_size":"5120","mime_type":"application/json"}}}]}}"#,
    ),
    refusals: &[EMPTY, BROKEN],
    route: || post(artifacts::fetch::handle),
};

const INFO: Operation = Operation {
    path: "/artifact/info",
    id: "artifactInfo",
    summary: "Show an artifact and its session",
    text: "Times of `room_info` are written `2026-01-01 09:00:00` here, in UTC.",
    deprecated: false,
    asked: message::<pnm::ArtifactInfoReq>(ID),
    answer: answer::<pnm::ArtifactInfoRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","artifact_info":{"artifact_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10","room_id":"room01","type":"MEETING_ANALYTICS","created":"2026-01-01T10:00:00Z","metadata":{"file_info":{"file_path":"meeting_analytics/room01/a.json","file_size":"5120","mime_type":"application/json"}}},"room_info":{"room_title":"Weekly planning","room_id":"room01","room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","joined_participants":"3","created":"2026-01-01 09:00:00","ended":"2026-01-01 10:00:00"}}"#,
    ),
    refusals: &[NOT_FOUND, BROKEN],
    route: || post(artifacts::info::handle),
};

const DELETE: Operation = Operation {
    path: "/artifact/delete",
    id: "deleteArtifact",
    summary: "Delete an artifact",
    text: "Analytics, summaries and transcripts, with their files. What services were used stays on record.",
    deprecated: false,
    asked: message::<pnm::DeleteArtifactReq>(ID),
    answer: answer::<pnm::DeleteArtifactRes>(SUCCESS),
    refusals: &[NOT_FOUND, KEPT, BROKEN],
    route: || post(artifacts::delete::handle),
};

const TOKEN: Operation = Operation {
    path: "/artifact/getDownloadToken",
    id: "getArtifactDownloadToken",
    summary: "Open an artifact for download",
    text: "The token opens `/download/artifact/<token>` for a while, without any other key.",
    deprecated: false,
    asked: message::<pnm::GetArtifactDownloadTokenReq>(ID),
    answer: answer::<pnm::GetArtifactDownloadTokenRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhLmpzb24ifQ.c2lnbmF0dXJl"}"#,
    ),
    refusals: &[NOT_FOUND, NO_DOWNLOAD, NO_FILE, BROKEN],
    route: || post(artifacts::token::handle),
};

const FETCH_ANALYTICS: Operation = Operation {
    path: "/analytics/fetch",
    id: "fetchAnalytics",
    summary: "List analytics",
    text: "Use `/auth/artifact/fetch` with `type` `MEETING_ANALYTICS`.",
    deprecated: true,
    asked: message::<pnm::FetchAnalyticsReq>(r#"{"room_ids":["room01"],"limit":20}"#),
    answer: answer::<pnm::FetchAnalyticsRes>(
        r#"{"status":true,"msg":"success","result":{"total_analytics":"1","limit":20,"order_by":"DESC","analytics_list":[{"room_id":"room01","file_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10","file_name":"a.json","file_size":5120,"creation_time":"1700003600"}]}}"#,
    ),
    refusals: &[EMPTY, BROKEN],
    route: || post(analytics::fetch),
};

const DELETE_ANALYTICS: Operation = Operation {
    path: "/analytics/delete",
    id: "deleteAnalytics",
    summary: "Delete analytics",
    text: "Use `/auth/artifact/delete`; `file_id` is the artifact's id.",
    deprecated: true,
    asked: message::<pnm::DeleteAnalyticsReq>(FILE_ID),
    answer: answer::<pnm::DeleteAnalyticsRes>(SUCCESS),
    refusals: &[NOT_FOUND, KEPT, BROKEN],
    route: || post(analytics::delete),
};

const ANALYTICS_TOKEN: Operation = Operation {
    path: "/analytics/getDownloadToken",
    id: "getAnalyticsDownloadToken",
    summary: "Open analytics for download",
    text: "Use `/auth/artifact/getDownloadToken`; `file_id` is the artifact's id.",
    deprecated: true,
    asked: message::<pnm::GetAnalyticsDownloadTokenReq>(FILE_ID),
    answer: answer::<pnm::GetAnalyticsDownloadTokenRes>(
        r#"{"status":true,"msg":"success","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhLmpzb24ifQ.c2lnbmF0dXJl"}"#,
    ),
    refusals: &[NOT_FOUND, NO_DOWNLOAD, NO_FILE, BROKEN],
    route: || post(analytics::token),
};
