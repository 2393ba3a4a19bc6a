//! `/auth/room/*` (http-api.md section 2).

use axum::routing::post;
use wire::pnm::{self, StatusCode};

use super::{Asked, Group, Operation, answer, message, refusal, within};
use crate::rooms;

pub(super) const GROUP: Group = Group {
    name: "Rooms",
    text: "Meetings are made here, people get into them, and meetings end.",
    operations: &[CREATE, JOIN_TOKEN, IS_ACTIVE, ACTIVE_ROOM, ACTIVE_ROOMS, END, PAST],
};

/// The journal or the store does not answer.
const UNAVAILABLE: &str = "error getting room info from NATS";
const UNAVAILABLE_WHEN: &str = "The server cannot read or write what it must not lose. Try again later.";

const CREATE: Operation = Operation {
    path: "/room/create",
    id: "createRoom",
    summary: "Create a room",
    text: "Makes a room and starts its session. A room that is active already is returned as it is: the rest of the \
        request is ignored, and nothing in the answer tells the two apart. A room that is just ending is waited for, then \
        a new session starts under the same id.\n\n\
        **Flags that are not sent.** An explicit value always counts. In a body with snake_case names an absent flag takes \
        the default shown. In a body with lowerCamelCase names, as the SDKs send it, an absent flag inside a group that is \
        present and not empty means `false`, because those senders drop `false`; an absent or empty group takes its \
        defaults. The server's operator may have changed defaults; the ones shown are this server's.\n\n\
        What the server can not do is switched off, and limits of the server are applied: `metadata` of the answer shows \
        what became of the wish.",
    deprecated: false,
    asked: message::<pnm::CreateRoomReq>(
        r#"{"room_id":"room01","empty_timeout":600,"max_participants":25,"metadata":{"room_title":"Weekly planning","welcome_message":"Hello, everybody","logout_url":"https://www.example.org/","room_features":{"mute_on_start":true,"chat_features":{"is_allow":true,"is_allow_file_upload":false},"waiting_room_features":{"is_active":true}},"default_lock_settings":{"lock_screen_sharing":true}}}"#,
    ),
    answer: answer::<pnm::CreateRoomRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","room_info":{"room_title":"Weekly planning","room_id":"room01","sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","is_running":1,"creation_time":"1700000000","metadata":"{\"room_title\":\"Weekly planning\"}"}}"#,
    ),
    refusals: &[
        refusal(
            StatusCode::InternalServerError,
            "RoomId cannot contain the reserved pattern '-FIELD_'",
            "The id is the server's own kind.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "RoomId cannot start with the reserved pattern 'user_'",
            "The id is the server's own kind.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "timeout waiting to acquire lock for room room01, operation is currently locked",
            "A room of that id has been ending for 15 seconds and still is.",
        ),
        refusal(StatusCode::InternalServerError, "could not record the room", "The records cannot be written."),
        refusal(StatusCode::InternalServerError, UNAVAILABLE, UNAVAILABLE_WHEN),
    ],
    route: || post(rooms::create::handle),
};

const JOIN_TOKEN: Operation = Operation {
    path: "/room/getJoinToken",
    id: "getJoinToken",
    summary: "Let a person join",
    text: "Puts a person on the room's list and answers with a token. Send the person's browser to \
        `/?access_token=<token>`. The token is good for `client.token_validity` (10 minutes unless configured) and is renewed \
        by the client while the person is in the meeting. A newer token of the same person retires the older one.\n\n\
        Moderators have no locks. Everybody else gets the room's default locks where `lock_settings` says nothing.",
    deprecated: false,
    asked: message::<pnm::GenerateTokenReq>(
        r#"{"room_id":"room01","user_info":{"name":"Ana","user_id":"ana","is_admin":true}}"#,
    ),
    answer: answer::<pnm::GenerateTokenRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYW1lIjoiQW5hIn0.c2lnbmF0dXJl"}"#,
    ),
    refusals: &[
        refusal(StatusCode::RoomNotFound, "room is not active", "There is no such room, or it is ending."),
        refusal(
            StatusCode::UserBlocked,
            "this user is blocked to join this session",
            "A moderator has removed and blocked this person.",
        ),
        refusal(
            StatusCode::InvalidParameters,
            "user_id should not be longer than 64 characters",
            "The id is too long, where the room does not make ids itself.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "user_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_",
            "The id has other characters, or is missing where the room does not make ids itself.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "name: PLUGNMEET_RECORDER_AUTH is reserved for internal use only",
            "The name is the recorder's.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "user_id: sip_anna is reserved for internal use only",
            "The id begins with `ingres_`, `pnm_agent-`, `pnm_tts_agent-` or `sip_`, or is `system`.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "user_id: suffix -native is reserved for internal use only",
            "The id ends like that of a native client.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "user_id cannot contain the reserved pattern '-FIELD_'",
            "The id is the server's own kind.",
        ),
        refusal(
            StatusCode::InternalServerError,
            "user_id cannot start with the reserved pattern 'user_'",
            "The id is the server's own kind.",
        ),
        refusal(StatusCode::InternalServerError, "failed to add the user to the room", UNAVAILABLE_WHEN),
    ],
    route: || post(rooms::join_token::handle),
};

const IS_ACTIVE: Operation = Operation {
    path: "/room/isRoomActive",
    id: "isRoomActive",
    summary: "Ask whether a room is active",
    text: "`status` is true even for a room that does not exist: look at `is_active`.",
    deprecated: false,
    asked: message::<pnm::IsRoomActiveReq>(r#"{"room_id":"room01"}"#),
    answer: answer::<pnm::IsRoomActiveRes>(
        r#"{"status":true,"msg":"room is active","status_code":"SUCCESS","is_active":true}"#,
    ),
    refusals: &[
        within(
            StatusCode::RoomNotFound,
            "room not found",
            "There is no such room. `status` is true.",
            r#"{"status":true,"msg":"room not found","status_code":"ROOM_NOT_FOUND"}"#,
        ),
        within(
            StatusCode::RoomNotActive,
            "room is not active",
            "The room is ending. `status` is true.",
            r#"{"status":true,"msg":"room is not active","status_code":"ROOM_NOT_ACTIVE"}"#,
        ),
        within(
            StatusCode::InternalServerError,
            UNAVAILABLE,
            UNAVAILABLE_WHEN,
            r#"{"msg":"error getting room info from NATS","status_code":"INTERNAL_SERVER_ERROR"}"#,
        ),
    ],
    route: || post(rooms::is_active::handle),
};

const ACTIVE_ROOM: Operation = Operation {
    path: "/room/getActiveRoomInfo",
    id: "getActiveRoomInfo",
    summary: "Show an active room and its people",
    text: "`participants_info` lists who is connected to the media of the meeting; hidden people are not shown.",
    deprecated: false,
    asked: message::<pnm::GetActiveRoomInfoReq>(r#"{"room_id":"room01"}"#),
    answer: answer::<pnm::GetActiveRoomInfoRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","room":{"room_info":{"room_title":"Weekly planning","room_id":"room01","sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","joined_participants":"1","is_running":1,"creation_time":"1700000000","metadata":"{\"room_title\":\"Weekly planning\"}"},"participants_info":[{"sid":"PA_kdz6FxCQhYt2","identity":"ana","state":"ACTIVE","metadata":"{\"is_admin\":true}","joined_at":"1700000060","name":"Ana"}]}}"#,
    ),
    refusals: &[
        within(
            StatusCode::RoomNotFound,
            "room not found in active state",
            "There is no such room.",
            r#"{"msg":"room not found in active state","status_code":"ROOM_NOT_FOUND"}"#,
        ),
        within(
            StatusCode::RoomNotActive,
            "room is not active",
            "The room is ending.",
            r#"{"msg":"room is not active","status_code":"ROOM_NOT_ACTIVE"}"#,
        ),
        within(
            StatusCode::InternalServerError,
            UNAVAILABLE,
            UNAVAILABLE_WHEN,
            r#"{"msg":"error getting room info from NATS","status_code":"INTERNAL_SERVER_ERROR"}"#,
        ),
    ],
    route: || post(rooms::active_room::handle),
};

const ACTIVE_ROOMS: Operation = Operation {
    path: "/room/getActiveRoomsInfo",
    id: "getActiveRoomsInfo",
    summary: "Show all active rooms",
    text: "The body is signed and otherwise ignored; send `{}`. Breakout rooms are among the rooms.",
    deprecated: false,
    asked: Asked::Nothing,
    answer: answer::<pnm::GetActiveRoomsInfoRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","rooms":[{"room_info":{"room_title":"Weekly planning","room_id":"room01","sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","is_running":1,"creation_time":"1700000000","metadata":"{\"room_title\":\"Weekly planning\"}"}}]}"#,
    ),
    refusals: &[
        within(
            StatusCode::NotFound,
            "no active room found",
            "No room is active.",
            r#"{"msg":"no active room found","status_code":"NOT_FOUND"}"#,
        ),
        within(
            StatusCode::InternalServerError,
            UNAVAILABLE,
            UNAVAILABLE_WHEN,
            r#"{"msg":"error getting room info from NATS","status_code":"INTERNAL_SERVER_ERROR"}"#,
        ),
    ],
    route: || post(rooms::active_rooms::handle),
};

const END: Operation = Operation {
    path: "/room/endRoom",
    id: "endRoom",
    summary: "End a room",
    text: "Ends the session for everybody in it. What is left behind is worked on after the answer.",
    deprecated: false,
    asked: message::<pnm::RoomEndReq>(r#"{"room_id":"room01"}"#),
    answer: answer::<pnm::RoomEndRes>(r#"{"status":true,"msg":"success","status_code":"SUCCESS"}"#),
    refusals: &[
        refusal(StatusCode::RoomNotFound, "room not found or not active", "There is no such room."),
        refusal(
            StatusCode::InternalServerError,
            "failed to end room, it may be starting",
            "A room of that id has been starting or ending for 15 seconds and still is.",
        ),
        refusal(StatusCode::InternalServerError, "failed to end room", UNAVAILABLE_WHEN),
    ],
    route: || post(rooms::end::handle),
};

const PAST: Operation = Operation {
    path: "/room/fetchPastRooms",
    id: "fetchPastRooms",
    summary: "List sessions that are over",
    text: "One row per session, since an id can be used again and again.",
    deprecated: false,
    asked: message::<pnm::FetchPastRoomsReq>(r#"{"room_ids":["room01"],"from":0,"limit":20,"order_by":"DESC"}"#),
    answer: answer::<pnm::FetchPastRoomsRes>(
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_rooms":"1","limit":20,"order_by":"DESC","rooms_list":[{"room_title":"Weekly planning","room_id":"room01","room_sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","joined_participants":"3","created":"2026-01-01T09:00:00Z","ended":"2026-01-01T10:00:00Z","analytics_file_id":"4e1f6d0a-2c55-4d7b-9f35-6f0f3a1f2b10"}]}}"#,
    ),
    refusals: &[
        refusal(StatusCode::NotFound, "no room found", "The list is empty, or its end is reached."),
        refusal(StatusCode::InternalServerError, "could not reach the records", UNAVAILABLE_WHEN),
    ],
    route: || post(rooms::past::handle),
};
