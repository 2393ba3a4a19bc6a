//! What moderators ask for: each call, each answer of its own, in the reference's words.

use meeting::SocketLink;
use ports::media::MuteError;
use prost::Message;
use wire::{plenum, pnm};

use super::harness::{Answer, Server};

const NOT_ALLOWED: &str = "only admin can perform this task";
const MISMATCH: &str = "requested roomId & token roomId mismatched";
const NOT_RUNNING: &str = "room isn't running";

/// Ana moderates, Ben attends, both are here.
struct Meeting {
    server: Server,
    ana: String,
    ben: String,
    sid: String,
    _sockets: Vec<SocketLink>,
}

impl Meeting {
    async fn start() -> Self {
        let server = Server::start().await;
        let (ana, ben) = (server.token("ana", true).await, server.token("ben", false).await);
        let sid = server.meetings.authorize(&ana).await.unwrap().session.to_string();
        let mut sockets = Vec::new();
        for token in [&ana, &ben] {
            sockets.push(server.meetings.open_socket(token, String::new()).await.unwrap());
        }
        Self { server, ana, ben, sid, _sockets: sockets }
    }

    async fn ask(&self, path: &str, body: &impl Message) -> Answer {
        self.server.member(path, &self.ana, body).await
    }

    async fn done(&self, path: &str, body: &impl Message) {
        let answer = self.ask(path, body).await;
        let said = pnm::CommonResponse::decode(answer.body).unwrap();
        assert_eq!((answer.status.as_u16(), said.status, said.msg.as_str()), (200, true, "success"), "{path}");
    }

    async fn refused(&self, path: &str, body: &impl Message, msg: &str) {
        self.ask(path, body).await.refuses(msg);
    }

    async fn metadata(&self) -> serde_json::Value {
        let room = self.server.meetings.active_room("room01").await.unwrap().room;
        serde_json::from_str(&room.room_info.unwrap().metadata).unwrap()
    }

    async fn person(&self, id: &str) -> serde_json::Value {
        let people = self.server.meetings.active_room("room01").await.unwrap().people;
        serde_json::from_str(&people.into_iter().find(|person| person.id.as_str() == id).unwrap().metadata).unwrap()
    }

    fn lock(&self, user: &str, service: &str, direction: &str) -> pnm::UpdateUserLockSettingsReq {
        pnm::UpdateUserLockSettingsReq {
            room_sid: self.sid.clone(),
            room_id: "room01".into(),
            user_id: user.into(),
            service: service.into(),
            direction: direction.into(),
            ..Default::default()
        }
    }

    fn mute(&self, user: &str, muted: bool) -> pnm::MuteUnMuteTrackReq {
        pnm::MuteUnMuteTrackReq {
            sid: self.sid.clone(),
            room_id: "room01".into(),
            user_id: user.into(),
            muted,
            ..Default::default()
        }
    }

    fn remove(&self, user: &str, block_user: bool) -> pnm::RemoveParticipantReq {
        pnm::RemoveParticipantReq {
            sid: self.sid.clone(),
            room_id: "room01".into(),
            user_id: user.into(),
            msg: "notifications.you-have-removed".into(),
            block_user,
        }
    }
}

#[tokio::test]
async fn every_call_is_for_moderators_with_a_token_and_a_message() {
    let meeting = Meeting::start().await;
    let garbage = pnm::CommonResponse { msg: "x".into(), ..Default::default() };
    for path in [
        "/api/updateLockSettings",
        "/api/muteUnmuteTrack",
        "/api/removeParticipant",
        "/api/switchPresenter",
        "/api/sharedNotepad/changeStatus",
        "/api/externalDisplayLink",
        "/api/plenum/blocked",
        "/api/plenum/unblock",
        "/api/plenum/spotlight",
        "/api/plenum/selfUnmute",
        "/api/plenum/ask",
        "/api/plenum/stop",
        "/api/plenum/muteAll",
        "/api/plenum/lobby",
        "/api/plenum/panic",
    ] {
        meeting.server.member(path, &meeting.ben, &pnm::CommonResponse::default()).await.refuses(NOT_ALLOWED);
        assert_eq!(meeting.server.member(path, "rubbish", &garbage).await.status, 401, "{path}");
        let answer = meeting
            .server
            .send(
                axum::http::Request::post(path)
                    .header("authorization", &meeting.ana)
                    .body(axum::body::Body::from("\u{7f}\u{7f}\u{7f}"))
                    .unwrap(),
            )
            .await;
        let said = pnm::CommonResponse::decode(answer.body).unwrap();
        assert!(!said.status && said.msg.contains("decode"), "{path}: {}", said.msg);
    }
}

#[tokio::test]
async fn each_lock_has_its_name_for_one_and_for_all() {
    let path = "/api/updateLockSettings";
    let meeting = Meeting::start().await;
    for (service, field) in [
        ("mic", "lock_microphone"),
        ("webcam", "lock_webcam"),
        ("screenShare", "lock_screen_sharing"),
        ("chat", "lock_chat"),
        ("sendChatMsg", "lock_chat_send_message"),
        ("chatFile", "lock_chat_file_share"),
        ("privateChat", "lock_private_chat"),
        ("whiteboard", "lock_whiteboard"),
        ("sharedNotepad", "lock_shared_notepad"),
        ("reactions", "lock_reactions"),
    ] {
        meeting.done(path, &meeting.lock("ben", service, "lock")).await;
        assert_eq!(meeting.person("ben").await["lock_settings"][field], true, "{service}");
        meeting.done(path, &meeting.lock("ben", service, "unlock")).await;
        assert_eq!(meeting.person("ben").await["lock_settings"][field], false, "{service}");
        meeting.done(path, &meeting.lock("all", service, "lock")).await;
        assert_eq!(meeting.person("ben").await["lock_settings"][field], true, "{service}");
        assert_eq!(meeting.metadata().await["default_lock_settings"][field], true, "{service}");
        // Anything but `lock` unlocks.
        meeting.done(path, &meeting.lock("all", service, "whatever")).await;
        assert_eq!(meeting.metadata().await["default_lock_settings"][field], false, "{service}");
    }
    let before = meeting.person("ben").await;
    meeting.done(path, &meeting.lock("ben", "unheardOf", "lock")).await;
    assert_eq!(meeting.person("ben").await, before);
}

#[tokio::test]
async fn locks_are_refused_in_the_references_words() {
    let path = "/api/updateLockSettings";
    let meeting = Meeting::start().await;
    let good = meeting.lock("ben", "mic", "lock");
    meeting.refused(path, &pnm::UpdateUserLockSettingsReq { room_id: "other".into(), ..good.clone() }, MISMATCH).await;
    meeting.refused(path, &pnm::UpdateUserLockSettingsReq { room_sid: "old".into(), ..good }, NOT_RUNNING).await;
    for nobody in ["nobody", "no.id", ""] {
        meeting.refused(path, &meeting.lock(nobody, "mic", "lock"), "user's metadata not found").await;
    }
    meeting.refused(path, &meeting.lock("ana", "mic", "lock"), "notifications.cannot-lock-admin").await;
    meeting.done(path, &meeting.lock("ana", "whiteboard", "lock")).await;
}

#[tokio::test]
async fn a_mute_says_what_became_of_it() {
    let path = "/api/muteUnmuteTrack";
    let meeting = Meeting::start().await;
    let media = |answer| {
        meeting.server.outside.tracks.lock().unwrap().insert("ben".into(), answer);
    };
    let good = meeting.mute("ben", true);
    meeting.refused(path, &pnm::MuteUnMuteTrackReq { room_id: "other".into(), ..good.clone() }, MISMATCH).await;
    meeting.refused(path, &pnm::MuteUnMuteTrackReq { sid: "old".into(), ..good.clone() }, NOT_RUNNING).await;
    for nobody in ["nobody", "no.id", "ben"] {
        let unknown = "footer.notice.failed-to-load-participant-info";
        meeting.refused(path, &meeting.mute(nobody, true), unknown).await;
    }
    media(Err(MuteError::NoTrack));
    meeting.refused(path, &good, "footer.notice.no-suitable-track-found").await;
    media(Err(MuteError::UnmuteRefused));
    meeting.refused(path, &meeting.mute("ben", false), "footer.notice.failed-to-mute-unmute-track").await;
    media(Ok(()));
    meeting.done(path, &good).await;
    meeting.done(path, &meeting.mute("all", true)).await;
    meeting.refused(path, &meeting.mute("all", false), "footer.notice.failed-to-mute-unmute-track").await;

    meeting.server.token("eva", false).await;
    meeting.refused(path, &meeting.mute("eva", true), "user isn't active now").await;
    meeting.done("/api/removeParticipant", &meeting.remove("ben", false)).await;
    meeting.refused(path, &meeting.mute("all", true), "no active users found").await;
}

#[tokio::test]
async fn who_is_sent_out_is_out_everywhere() {
    let path = "/api/removeParticipant";
    let meeting = Meeting::start().await;
    let good = meeting.remove("ben", true);
    meeting.refused(path, &pnm::RemoveParticipantReq { room_id: "other".into(), ..good.clone() }, MISMATCH).await;
    meeting.refused(path, &meeting.remove("ana", false), "you can't remove yourself\"").await;
    meeting.refused(path, &pnm::RemoveParticipantReq { sid: "old".into(), ..good.clone() }, NOT_RUNNING).await;
    for nobody in ["nobody", "no.id"] {
        meeting.refused(path, &meeting.remove(nobody, false), "user isn't active now").await;
    }

    meeting.done(path, &good).await;

    let verify = "/api/verifyToken";
    let server = &meeting.server;
    let nothing = pnm::VerifyTokenReq::default();
    server.member(verify, &meeting.ben, &nothing).await.refuses("notifications.you-are-blocked");
    assert_eq!(server.member("/api/endRoom", &meeting.ben, &nothing).await.status, 401);
    assert!(server.meetings.open_socket(&meeting.ben, String::new()).await.is_err());
    let join = r#"{"room_id":"room01","user_info":{"name":"N","user_id":"ben"}}"#;
    assert_eq!(server.ask("/auth/room/getJoinToken", join).await["msg"], "this user is blocked to join this session");
    let answer = meeting.ask("/api/plenum/blocked", &plenum::BlockedReq {}).await;
    let list = plenum::BlockedRes::decode(answer.body).unwrap();
    let person = &list.people[0];
    assert!(list.status && person.blocked_at > 0);
    assert_eq!((person.user_id.as_str(), person.name.as_str(), person.blocked_by.as_str()), ("ben", "N", "ana"));

    let unblock = |id: &str| plenum::UnblockReq { user_id: id.into() };
    meeting.done("/api/plenum/unblock", &unblock("ben")).await;
    for nobody in ["ben", "no.id"] {
        meeting.refused("/api/plenum/unblock", &unblock(nobody), "user not found").await;
    }
    let removed = "notifications.room-disconnected-participant-removed";
    server.member(verify, &meeting.ben, &nothing).await.refuses(removed);
    let token = server.token("ben", false).await;
    assert!(server.meetings.open_socket(&token, String::new()).await.is_ok());
}

#[tokio::test]
async fn the_presenter_is_handed_over() {
    let path = "/api/switchPresenter";
    let meeting = Meeting::start().await;
    let switch = |task, user: &str| pnm::SwitchPresenterReq { task, user_id: user.into(), ..Default::default() };
    meeting.done(path, &switch(0, "ben")).await;
    assert_eq!(meeting.person("ben").await["is_presenter"], true);
    assert_eq!(meeting.person("ana").await["is_presenter"], false);
    meeting.done(path, &switch(1, "ben")).await;
    assert_eq!(meeting.person("ana").await["is_presenter"], true);
    for nobody in ["nobody", "no.id"] {
        for task in [0, 1] {
            meeting.refused(path, &switch(task, nobody), &format!("no metadata found for user {nobody}")).await;
        }
    }
    meeting.refused(path, &switch(7, "ben"), "not valid request").await;
}

#[tokio::test]
async fn the_presenter_shows_and_hides_what_everybody_sees() {
    let path = "/api/changeVisibility";
    let meeting = Meeting::start().await;
    let show = |room: &str| pnm::ChangeVisibilityRes {
        room_id: room.into(),
        visible_notepad: Some(true),
        visible_white_board: Some(true),
    };
    meeting.refused(path, &show("other"), MISMATCH).await;
    meeting.server.member(path, &meeting.ben, &show("room01")).await.refuses(NOT_ALLOWED);
    let promote = pnm::SwitchPresenterReq { user_id: "ben".into(), ..Default::default() };
    meeting.done("/api/switchPresenter", &promote).await;
    let answer = meeting.server.member(path, &meeting.ben, &show("room01")).await;
    assert!(pnm::CommonResponse::decode(answer.body).unwrap().status);
    let features = meeting.metadata().await["room_features"].clone();
    assert_eq!(features["whiteboard_features"]["visible"], true);
    assert_eq!(features["shared_note_pad_features"]["visible"], true);
    meeting.done(path, &show("room01")).await;
}

#[tokio::test]
async fn the_notepad_keeps_its_id() {
    let path = "/api/sharedNotepad/changeStatus";
    let meeting = Meeting::start().await;
    let active = |is_active| pnm::ChangeSharedNotepadStatusReq { room_id: "room01".into(), is_active };
    meeting.done(path, &active(true)).await;
    let pad = meeting.metadata().await["room_features"]["shared_note_pad_features"].clone();
    assert!(pad["is_active"] == true && pad["note_pad_id"].as_str().unwrap().len() == 36);
    meeting.done(path, &active(false)).await;
    let after = meeting.metadata().await["room_features"]["shared_note_pad_features"].clone();
    assert_eq!((&after["is_active"], &after["note_pad_id"]), (&false.into(), &pad["note_pad_id"]));
}

#[tokio::test]
async fn pages_of_other_sites_are_shown_and_ours_are_not() {
    let path = "/api/externalDisplayLink";
    let meeting = Meeting::start().await;
    let link =
        |task, url: Option<&str>| pnm::ExternalDisplayLinkReq { task, url: url.map(Into::into), ..Default::default() };
    let long = format!("https://example.org/{}", "x".repeat(2048));
    for url in [
        None,
        Some(""),
        Some("http://example.org/"),
        Some("javascript:alert(1)"),
        Some("data:text/html,x"),
        Some("https://meet.example.org/?access_token=x"),
        Some("https://MEET.example.org:8443/"),
        Some(long.as_str()),
    ] {
        meeting.refused(path, &link(0, url), "valid url required").await;
    }
    meeting.refused(path, &link(0, Some("no url")), "relative URL without a base").await;
    meeting.refused(path, &link(2, Some("https://example.org/")), "not valid request").await;

    meeting.done(path, &link(0, Some("https://docs.example.org/a?b=c"))).await;
    let shown = meeting.metadata().await["room_features"]["display_external_link_features"].clone();
    assert_eq!((&shown["is_active"], &shown["shared_by"]), (&true.into(), &"ana".into()));
    assert_eq!(shown["link"], "https://docs.example.org/a?b=c");
    meeting.done(path, &link(1, None)).await;
    let shown = meeting.metadata().await["room_features"]["display_external_link_features"].clone();
    assert_eq!(shown["is_active"], false);
}

#[tokio::test]
async fn the_extensions_do_what_they_say() {
    let meeting = Meeting::start().await;
    let light = |ids: &[&str]| plenum::SpotlightReq { user_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
    meeting.done("/api/plenum/spotlight", &light(&["ben", "ana"])).await;
    assert_eq!(meeting.metadata().await["extra_data"]["plenum_spotlight"], "ben,ana");
    for nobody in ["nobody", "no.id"] {
        meeting.refused("/api/plenum/spotlight", &light(&["ben", nobody]), "user isn't active now").await;
    }
    let many = light(&["ben"; 10]);
    meeting.refused("/api/plenum/spotlight", &many, "too many users in the spotlight").await;

    let choice = |is_allowed| plenum::SelfUnmuteReq { is_allowed };
    meeting.done("/api/plenum/selfUnmute", &choice(false)).await;
    assert_eq!(meeting.person("ben").await["extra_data"]["plenum_held"], "true");
    let ask = |id: &str, device: plenum::Device| plenum::AskReq { user_id: id.into(), device: device.into() };
    meeting.done("/api/plenum/ask", &ask("ben", plenum::Device::Microphone)).await;
    assert_eq!(meeting.person("ben").await["extra_data"], serde_json::json!({}));
    meeting.refused("/api/plenum/ask", &ask("nobody", plenum::Device::Camera), "user isn't active now").await;
    meeting.refused("/api/plenum/ask", &ask("ben", plenum::Device::Unspecified), "not valid request").await;
    meeting.refused("/api/plenum/ask", &ask("ben", plenum::Device::ScreenShare), "notifications.device-locked").await;

    let stop = |id: &str, device: plenum::Device| plenum::StopReq { user_id: id.into(), device: device.into() };
    meeting.done("/api/plenum/stop", &stop("ben", plenum::Device::Camera)).await;
    meeting.refused("/api/plenum/stop", &stop("ben", plenum::Device::Microphone), "not valid request").await;
    meeting.refused("/api/plenum/stop", &stop("nobody", plenum::Device::Camera), "user isn't active now").await;
    let spared = "notifications.cannot-lock-admin";
    meeting.refused("/api/plenum/stop", &stop("ana", plenum::Device::Camera), spared).await;
    meeting.done("/api/plenum/muteAll", &plenum::MuteAllReq { including_moderators: true }).await;

    meeting.done("/api/plenum/lobby", &plenum::LobbyReq { is_on: true }).await;
    let waiting = meeting.metadata().await["room_features"]["waiting_room_features"].clone();
    assert_eq!(waiting["is_active"], true);

    let panic = |is_on| plenum::PanicReq { is_on };
    for is_on in [false, true, true] {
        meeting.done("/api/plenum/panic", &panic(is_on)).await;
    }
    assert!(meeting.metadata().await["extra_data"]["plenum_panic"].is_string());
    meeting.done("/api/plenum/panic", &panic(false)).await;
    assert_eq!(meeting.metadata().await["extra_data"].get("plenum_panic"), None);
}
