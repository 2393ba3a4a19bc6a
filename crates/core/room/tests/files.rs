//! Files of a session, and what applications and recorders say in it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::time::Duration;

use model::policy::Denial;
use prost::Message;
use room::{Announcement, Audience, BroadcastRefusal, FileRefusal, Forwarded, NewFile, Quota, RecorderReport, Request};
use scene::{Scene, data, private, user};
use wire::pnm::{
    self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity,
    PrivateDataDeliveryType, RecordingTasks as Task, RoomUploadedFileType as Kind,
};

const QUOTA: Quota = Quota { bytes: 1000, files: 3 };

fn with_files(change: impl FnOnce(&mut pnm::RoomCreateFeatures)) -> Scene {
    let mut scene = Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        let chat = features.chat_features.as_mut().unwrap();
        chat.is_allow_file_upload = true;
        chat.max_file_size = Some(5);
        chat.allowed_file_types = vec![".PDF".into(), "jpg".into()];
        features.external_media_player_features =
            Some(pnm::ExternalMediaPlayerFeatures { is_allow: true, ..Default::default() });
        change(features);
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene
}

fn file(id: &str, kind: Kind, bytes: u64) -> NewFile {
    NewFile {
        id: id.into(),
        name: "a.pdf".into(),
        path: format!("sid-1/{id}/a.pdf"),
        mime_type: "application/pdf".into(),
        kind,
        bytes,
    }
}

fn ids(scene: &Scene, who: &str, kind: Kind) -> Vec<String> {
    scene.room.files_of(&user(who), kind).unwrap().into_iter().map(|about| about.file_id).collect()
}

#[test]
fn who_may_upload_what_is_the_tables_word() {
    let scene = with_files(|_| {});
    let may = |who: &str, kind| scene.room.may_upload(&user(who), kind).map(drop);

    assert_eq!(may("ben", Kind::ChatFile), Ok(()));
    assert_eq!(may("ben", Kind::WhiteboardImageFile), Ok(()));
    assert_eq!(may("ben", Kind::ExternalMediaPlayerFile), Err(Denial::NotModerator));
    assert_eq!(may("ana", Kind::ExternalMediaPlayerFile), Ok(()));
    assert_eq!(may("ben", Kind::VirtualBackground), Ok(()));
    assert!(may("nobody", Kind::ChatFile).is_err());

    let bounds = scene.room.may_upload(&user("ben"), Kind::ChatFile).unwrap();
    assert_eq!((bounds.max_megabytes, bounds.types, bounds.used), (Some(5), vec!["pdf".into(), "jpg".into()], 0));

    let closed = with_files(|features| features.chat_features.as_mut().unwrap().is_allow_file_upload = false);
    assert_eq!(closed.room.may_upload(&user("ana"), Kind::ChatFile), Err(Denial::FeatureOff));
}

#[test]
fn who_waits_may_upload_a_background_and_sees_no_other_file() {
    let mut scene = with_files(|features| {
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    });
    scene.join("eve");
    scene.room.add_file(scene.now(), &user("ana"), file("f1", Kind::ChatFile, 1), QUOTA).unwrap();
    let background = file("b1", Kind::VirtualBackground, 1);

    assert_eq!(scene.room.may_upload(&user("eve"), Kind::ChatFile), Err(Denial::Waiting));
    assert_eq!(scene.room.files_of(&user("eve"), Kind::ChatFile), Err(Denial::Waiting));
    scene.room.add_file(scene.now(), &user("eve"), background, QUOTA).unwrap();
    assert_eq!(ids(&scene, "eve", Kind::VirtualBackground), ["b1"]);
    assert_eq!(ids(&scene, "ana", Kind::VirtualBackground), [""; 0], "it is nobody else's business");
}

#[test]
fn a_background_is_taken_away_by_whoever_brought_it_and_stays_away() {
    let mut scene = with_files(|_| {});
    for id in ["b1", "b2"] {
        scene.room.add_file(scene.now(), &user("ben"), file(id, Kind::VirtualBackground, 1), QUOTA).unwrap();
    }
    scene.room.add_file(scene.now(), &user("ben"), file("f1", Kind::ChatFile, 1), QUOTA).unwrap();
    scene.drain();

    assert_eq!(scene.room.remove_background(&user("ana"), "sid-1/b1/a.pdf"), Ok(false), "it is not hers");
    assert_eq!(scene.room.remove_background(&user("ben"), "sid-1/f1/a.pdf"), Ok(false), "it is no background");
    assert_eq!(scene.room.remove_background(&user("ben"), "sid-1/b1/a.pdf"), Ok(true));
    assert_eq!(scene.room.remove_background(&user("ben"), "sid-1/b1/a.pdf"), Ok(false));
    assert!(scene.room.remove_background(&user("nobody"), "sid-1/b2/a.pdf").is_err());
    scene.drain();

    let scene = scene.restart(Duration::from_secs(1));
    assert_eq!(ids(&scene, "ben", Kind::VirtualBackground), ["b2"]);
    assert_eq!(ids(&scene, "ben", Kind::ChatFile), ["f1"]);
}

#[test]
fn backgrounds_of_one_person_take_only_so_much() {
    let mut scene = with_files(|_| {});
    let quota = Quota { bytes: u64::MAX, files: 100 };
    let now = scene.now();
    let mut add = |who: &str, id: &str, bytes| {
        scene.room.add_file(now, &user(who), file(id, Kind::VirtualBackground, bytes), quota).map(drop)
    };

    assert_eq!(add("ben", "b1", 200 << 20), Ok(()));
    assert_eq!(add("ben", "b2", 1), Err(FileRefusal::Full(200 << 20)));
    assert_eq!(add("ana", "b3", 1), Ok(()), "everybody for themselves");
}

#[test]
fn files_are_listed_with_who_brought_them_and_survive_the_process() {
    let mut scene = with_files(|_| {});
    for (id, kind) in [("f2", Kind::ChatFile), ("f1", Kind::ChatFile), ("w1", Kind::WhiteboardImageFile)] {
        scene.room.add_file(scene.now(), &user("ben"), file(id, kind, 10), QUOTA).unwrap();
        scene.drain();
    }

    let scene = scene.restart(Duration::from_secs(1));

    let files = scene.room.files_of(&user("ana"), Kind::ChatFile).unwrap();
    assert_eq!(files.iter().map(|about| about.file_id.as_str()).collect::<Vec<_>>(), ["f2", "f1"]);
    assert_eq!((files[0].uploaded_by_user_id.as_str(), files[0].uploaded_by_name.as_str()), ("ben", "Name of ben"));
    assert_eq!(ids(&scene, "ana", Kind::WhiteboardImageFile), ["w1"]);
    assert_eq!(scene.room.may_upload(&user("ana"), Kind::ChatFile).unwrap().used, 30);
}

#[test]
fn a_session_keeps_so_much_and_no_more() {
    let mut scene = with_files(|_| {});
    let now = scene.now();
    let mut add =
        |id: &str, bytes| scene.room.add_file(now, &user("ana"), file(id, Kind::ChatFile, bytes), QUOTA).map(drop);

    assert_eq!(add("f1", 600), Ok(()));
    assert_eq!(add("f2", 401), Err(FileRefusal::Full(1000)));
    assert_eq!(add("f3", 400), Ok(()));
    assert_eq!(add("f4", 0), Ok(()));
    assert_eq!(add("f5", 0), Err(FileRefusal::TooMany(3)));
    assert_eq!(ids(&scene, "ana", Kind::ChatFile), ["f1", "f3", "f4"]);
}

#[test]
fn a_document_of_an_application_is_listed_once_it_has_pages() {
    let mut scene = with_files(|_| {});

    let about = scene.room.add_outside_file(file("d1", Kind::WhiteboardConvertedFile, 10), QUOTA).unwrap();

    assert_eq!((about.uploaded_by_user_id.as_str(), about.total_pages), ("", None));
    assert_eq!(ids(&scene, "ana", Kind::WhiteboardConvertedFile), [""; 0]);
}

#[test]
fn a_line_that_carries_a_file_reaches_everybody_and_late_joiners() {
    let mut scene = with_files(|_| {});
    let line = r#"<a class="attachment-message" href="https://x/download/uploadedFile/sid-1/f1/a.pdf">a.pdf</a>"#;

    scene.say("ben", "m1", line);

    let heard = pnm::ChatMessage::decode(scene.heard("ana")[0].clone()).unwrap();
    assert_eq!(heard.message, line);
    scene.join("late");
    scene.take_mail("late");
    let question = data("late", Body::ReqPublicChatData, "").encode_to_vec();
    let delivery = private("ana", PrivateDataDeliveryType::DataMsg);
    scene.request("late", Request::PrivateDelivery { delivery, payload: question });
    let mail = scene.take_mail("late").into_iter().find(|mail| mail.event == Event::DeliveryPrivateData).unwrap();
    let answer = pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()).unwrap();
    let history: serde_json::Value = serde_json::from_str(&answer.message).unwrap();
    assert_eq!(history[0]["message"], line);
}

fn broadcast(scene: &mut Scene, audience: &Audience, what: Announcement) -> Result<(), BroadcastRefusal> {
    let done = scene.room.broadcast(scene.now(), audience, what);
    scene.drain();
    done
}

fn line() -> Announcement {
    Announcement::Chat("hello".into())
}

#[test]
fn an_application_speaks_to_everybody_to_moderators_or_to_one() {
    let mut scene = with_files(|_| {});
    let hears = |scene: &mut Scene, who: &str| scene.events(who).contains(&Event::SystemChatMsg);
    for (audience, ana, ben) in [
        (Audience::Everybody, true, true),
        (Audience::Moderators(None), true, false),
        (Audience::Moderators(Some(user("ben"))), true, true),
        (Audience::Moderators(Some(user("ana"))), true, false),
        (Audience::One(Some(user("ben"))), false, true),
        (Audience::One(Some(user("nobody"))), false, false),
        (Audience::One(None), false, false),
    ] {
        scene.take_mail("ana");
        scene.take_mail("ben");
        assert_eq!(broadcast(&mut scene, &audience, line()), Ok(()));
        assert_eq!((hears(&mut scene, "ana"), hears(&mut scene, "ben")), (ana, ben), "{audience:?}");
    }

    let notice =
        Announcement::Notice { text: "soon".into(), severity: Severity::NatsSystemNotificationError, with_sound: true };
    broadcast(&mut scene, &Audience::Everybody, notice).unwrap();
    let mail = scene.take_mail("ben").pop().unwrap();
    let said: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
    assert_eq!(mail.event, Event::SystemNotification);
    assert_eq!((&said["msg"], &said["with_sound"]), (&"soon".into(), &true.into()));
    assert_eq!(said["type"], "NATS_SYSTEM_NOTIFICATION_ERROR");
}

#[test]
fn moderators_who_are_not_there_hear_nothing_and_the_application_learns_it() {
    let mut scene = Scene::new(|_| {});
    let moderators = Audience::Moderators(None);
    assert_eq!(broadcast(&mut scene, &moderators, line()), Err(BroadcastRefusal::NobodyOnline));
    assert_eq!(broadcast(&mut scene, &Audience::Everybody, line()), Ok(()));
    scene.join("ben");
    assert_eq!(broadcast(&mut scene, &moderators, line()), Err(BroadcastRefusal::NoModeratorOnline));
    scene.end();
    assert_eq!(broadcast(&mut scene, &Audience::Everybody, line()), Err(BroadcastRefusal::NotActive));
}

fn report(scene: &mut Scene, task: Task, went_well: bool) {
    let recording = pnm::RecordingInfoEvent { record_id: "r1".into(), ..Default::default() };
    scene.room.on_recorder(scene.now(), RecorderReport { task, went_well, recording });
    scene.drain();
}

#[test]
fn what_a_recorder_does_shows_in_the_room_and_is_told_to_other_servers() {
    let mut scene = with_files(|_| {});
    for (task, went_well, recording, rtmp, text, event) in [
        (Task::StartRecording, true, true, false, "notifications.recording-started", "start_recording"),
        (Task::StartRtmp, true, true, true, "notifications.rtmp-started", "start_rtmp"),
        (Task::EndRecording, true, false, true, "notifications.recording-ended", "end_recording"),
        (Task::EndRtmp, false, false, false, "notifications.rtmp-ended-with-error", "end_rtmp"),
        (Task::EndRecording, false, false, false, "notifications.recording-ended-with-error", "end_recording"),
    ] {
        scene.take_mail("ben");
        report(&mut scene, task, went_well);

        let mail = scene.take_mail("ben");
        let metadata = mail.iter().find(|mail| mail.event == Event::RoomMetadataUpdate).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&metadata.msg).unwrap();
        assert_eq!((&metadata["is_recording"], &metadata["is_active_rtmp"]), (&recording.into(), &rtmp.into()));
        let notice = mail.iter().find(|mail| mail.event == Event::SystemNotification).unwrap();
        assert!(notice.msg.contains(&format!("\"{text}\"")), "{}", notice.msg);
        assert_eq!(notice.msg.contains("NOTIFICATION_ERROR"), !went_well);
        let told = scene.notified.last().unwrap();
        assert_eq!((told.event, told.body.event.as_deref()), (event, Some(event)));
        let room = told.body.room.clone().unwrap();
        assert_eq!(
            (room.sid.as_deref(), room.room_id.as_deref(), room.metadata),
            (Some("sid-1"), Some("room01"), None)
        );
        assert_eq!(told.body.recording_info.as_ref().unwrap().record_id, "r1");
    }

    scene.take_mail("ben");
    for task in [Task::RecordingProceeded, Task::RecordingTranscodingFinished] {
        report(&mut scene, task, true);
    }
    assert_eq!(scene.take_mail("ben"), []);
    let told: Vec<_> = scene.notified.iter().rev().take(2).map(|told| told.event).collect();
    assert_eq!(told, ["recording_transcoding_finished", "recording_proceeded"]);
}

#[test]
fn a_running_recording_is_still_running_after_a_restart() {
    let mut scene = with_files(|_| {});
    report(&mut scene, Task::StartRecording, true);

    let mut scene = scene.restart(Duration::from_secs(1));

    assert_eq!(scene.room.view().info.is_recording, 1);
}

#[test]
fn a_room_that_another_media_server_opens_has_begun() {
    let mut scene = Scene::new(|_| {});
    let message = || Forwarded { id: "EV_1".into(), created_at: 5 };

    scene.room.on_media_opened(scene.now(), message());
    scene.room.on_media_opened(scene.now(), message());
    scene.drain();

    assert_eq!(scene.phase(), room::Phase::Active);
    let told: Vec<_> = scene.notified.iter().map(|told| (told.event, told.body.created_at)).collect();
    assert_eq!(told, [("room_created", Some(1_700_000_000)), ("room_started", Some(5))]);
    assert_eq!(scene.notified[1].body.id.as_deref(), Some("EV_1"));
    scene.secs(1801);
    assert!(scene.ended.is_some(), "it still waits for its first person only so long");
}
