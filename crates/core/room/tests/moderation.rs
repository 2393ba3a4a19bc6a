//! What moderators do to the meeting.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use model::media::{Source, Sources};
use model::policy::Denial;
use room::{
    AdmitRefusal, AuthorizeRefusal, Device, Guests, LockService, MediaStep, Moderation, ModerationRefusal, Request,
    Whom,
};
use scene::moderating::*;
use scene::{Scene, user};
use serde_json::Value;
use wire::livekit::TrackSource;
use wire::plenum::{self, notice::What};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

const REMOVED: &str = "notifications.room-disconnected-participant-removed";

#[test]
fn a_native_twin_is_muted_at_its_beginning_itself_and_does_not_stay_without_its_owner() {
    let mut scene = meeting(|new| features(new).mute_on_start = true);
    speaks(&mut scene, "ben-native");
    assert_eq!(scene.muted, ["ben-native"]);
    scene.media_rights.clear();
    track(&mut scene, "ben-native", MediaStep::Joined, TrackSource::Unknown, false);
    assert_eq!((scene.media_rights.as_slice(), scene.out_of_media.as_slice()), (&[user("ben")][..], &[][..]));

    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: String::new(), block: false }).unwrap();
    track(&mut scene, "ben-native", MediaStep::Joined, TrackSource::Unknown, false);

    assert_eq!(scene.out_of_media, ["ben", "ben-native"]);
}

#[test]
fn a_lock_for_everybody_holds_for_those_who_are_here_away_or_yet_to_come() {
    let mut scene = meeting(|_| {});
    scene.join_admin("cem");
    scene.drop_socket("eva");
    scene.mail.clear();
    scene.media_rights.clear();

    scene.moderate("ana", lock(Whom::All, LockService::Microphone, true)).unwrap();

    assert_eq!(scene.media_rights, [user("ben"), user("eva")]);
    assert_eq!(scene.events("ben")[..2], [Event::RoomMetadataUpdate, Event::UserMetadataUpdate]);
    assert_eq!(metadata(&mut scene)["default_lock_settings"]["lock_microphone"], true);
    scene.join("dan");
    for id in ["ben", "eva", "dan"] {
        assert!(!publishes(&scene, id, Source::Microphone), "{id}");
        assert!(publishes(&scene, id, Source::Camera), "{id}");
        assert_eq!(person(&mut scene, id)["lock_settings"]["lock_microphone"], true, "{id}");
    }
    assert!(publishes(&scene, "cem", Source::Microphone), "moderators are spared");

    scene.moderate("ana", lock(one("ben"), LockService::Microphone, false)).unwrap();
    assert!(publishes(&scene, "ben", Source::Microphone), "a person's own setting counts more");
    assert!(!publishes(&scene, "eva", Source::Microphone));
}

#[test]
fn each_lock_stops_its_own_thing_on_the_server() {
    let services = [
        (LockService::Webcam, Source::Camera),
        (LockService::ScreenShare, Source::ScreenShare),
        (LockService::ScreenShare, Source::ScreenShareAudio),
    ];
    for (service, source) in services {
        let mut scene = meeting(|_| {});
        scene.moderate("ana", lock(one("ben"), service, true)).unwrap();
        assert!(!publishes(&scene, "ben", source) && publishes(&scene, "eva", source), "{service:?}");
        scene.moderate("ana", lock(one("ben"), service, false)).unwrap();
        assert!(publishes(&scene, "ben", source), "{service:?}");
    }
    for service in [LockService::Chat, LockService::SendChatMessage] {
        let mut scene = meeting(|_| {});
        scene.moderate("ana", lock(one("ben"), service, true)).unwrap();
        assert!(!said(&mut scene, "ben", "eva", "m1") && said(&mut scene, "eva", "ben", "m2"), "{service:?}");
        scene.moderate("ana", lock(one("ben"), service, false)).unwrap();
        assert!(said(&mut scene, "ben", "eva", "m3"), "{service:?}");
    }
}

#[test]
fn another_token_is_no_way_out_of_a_lock() {
    let mut scene = meeting(|_| {});
    scene.moderate("ana", lock(one("ben"), LockService::Chat, true)).unwrap();
    scene.moderate("ana", Moderation::AllowSelfUnmute(false)).unwrap();

    scene.join("ben");

    assert!(!said(&mut scene, "ben", "eva", "m1") && !publishes(&scene, "ben", Source::Microphone));
    scene.moderate("ana", Moderation::AllowSelfUnmute(true)).unwrap();
    assert!(publishes(&scene, "ben", Source::Microphone), "held, not locked");
}

#[test]
fn the_whiteboard_lock_alone_binds_moderators() {
    let mut scene = meeting(|_| {});
    scene.join_admin("cem");

    let refused = scene.moderate("ana", lock(one("cem"), LockService::Chat, true));
    assert_eq!(refused.unwrap_err().to_string(), "notifications.cannot-lock-admin");
    scene.moderate("ana", lock(one("cem"), LockService::Whiteboard, true)).unwrap();
    assert_eq!(person(&mut scene, "cem")["lock_settings"]["lock_whiteboard"], true);
    scene.moderate("ana", lock(Whom::All, LockService::Whiteboard, false)).unwrap();
    assert_eq!(person(&mut scene, "cem")["lock_settings"]["lock_whiteboard"], false);

    let unknown = scene.moderate("ana", lock(one("nobody"), LockService::Chat, true));
    assert_eq!(unknown.unwrap_err().to_string(), "user's metadata not found");
}

#[test]
fn only_moderators_moderate_and_a_refusal_changes_nothing() {
    let mut scene = meeting(|_| {});
    scene.admit("spy", |ticket| (ticket.is_admin, ticket.is_hidden) = (true, true)).unwrap();
    scene.connect("spy");
    scene.mail.clear();
    let before = scene.journal.clone();
    let wishes = || {
        [
            lock(Whom::All, LockService::Chat, true),
            Moderation::MuteAll { including_moderators: true },
            Moderation::Remove { user: user("eva"), msg: String::new(), block: true },
            Moderation::Unblock { user: user("eva") },
            Moderation::Promote { user: user("ben") },
            Moderation::Demote { user: user("ana") },
            Moderation::ActivateNotepad(true),
            Moderation::ShowLink(None),
            Moderation::ChangeVisibility { notepad: Some(true), whiteboard: Some(true) },
            Moderation::Spotlight(vec![user("ben")]),
            Moderation::AllowSelfUnmute(false),
            Moderation::Ask { user: user("eva"), device: Device::Camera },
            Moderation::Stop { user: user("eva"), device: Device::Camera },
            Moderation::Lobby(true),
            Moderation::Rest(true),
        ]
    };
    for wish in wishes() {
        assert_eq!(scene.moderate("ben", wish), Err(ModerationRefusal::Denied(Denial::NotModerator)));
    }
    for wish in wishes() {
        assert_eq!(scene.moderate("spy", wish), Err(ModerationRefusal::Denied(Denial::Spectator)));
    }
    for wish in wishes() {
        assert_eq!(scene.moderate("nobody", wish), Err(ModerationRefusal::Denied(Denial::Waiting)));
    }
    assert_eq!(scene.room.blocked(&user("ben")), Err(Denial::NotModerator));
    assert_eq!(scene.journal, before);
    assert!(scene.mail.is_empty() && scene.muted.is_empty() && scene.unpublished.is_empty());
}

#[test]
fn what_was_decided_while_somebody_connected_to_media_holds_once_they_are_connected() {
    let mut scene = meeting(|_| {});
    scene.moderate("ana", lock(Whom::All, LockService::Microphone, true)).unwrap();
    let removal = Moderation::Remove { user: user("ben"), msg: String::new(), block: false };
    scene.moderate("ana", removal).unwrap();
    scene.media_rights.clear();
    scene.out_of_media.clear();

    for id in ["ben", "eva"] {
        track(&mut scene, id, MediaStep::Joined, TrackSource::Unknown, false);
    }

    assert_eq!(scene.out_of_media, ["ben"]);
    assert_eq!(scene.media_rights, [user("eva")]);
}

#[test]
fn whoever_is_sent_out_hears_why_and_their_token_opens_nothing_until_they_get_a_new_one() {
    let mut scene = meeting(|_| {});
    let conn = scene.connect("ben");
    scene.mail.clear();

    let msg = "notifications.you-have-removed".to_owned();
    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: msg.clone(), block: false }).unwrap();

    let mail = scene.take_mail("ben");
    assert!(mail.iter().any(|mail| mail.event == Event::SystemNotification && mail.msg.contains(&msg)));
    assert_eq!(scene.farewells[&conn].as_deref(), Some(REMOVED));
    assert_eq!(scene.out_of_media, ["ben"]);
    assert_eq!(scene.events("eva"), [Event::UserDisconnected, Event::UserOffline]);
    for generation in [Some(scene.generation("ben").to_owned()), None] {
        let refused = scene.room.authorize(&user("ben"), generation.as_deref());
        assert_eq!(refused, Err(AuthorizeRefusal::Removed));
    }
    assert!(scene.room.identity_of(&user("ben")).is_none(), "no token is renewed");

    let mut scene = scene.restart(Duration::from_secs(1));
    assert_eq!(scene.room.authorize(&user("ben"), None), Err(AuthorizeRefusal::Removed));
    scene.join("ben");
    assert!(scene.room.authorize(&user("ben"), None).is_ok());
}

#[test]
fn who_is_blocked_stays_out_until_a_moderator_says_otherwise() {
    let mut scene = meeting(|new| features(new).auto_gen_user_id = Some(false));
    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: String::new(), block: true }).unwrap();
    assert_eq!(metadata(&mut scene)["extra_data"]["plenum_blocked"], "1");

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    assert_eq!(scene.admit("ben", |_| {}), Err(AdmitRefusal::Blocked));
    assert_eq!(scene.room.verify_join(&user("ben"), None), Err(AuthorizeRefusal::Blocked));
    let list = scene.room.blocked(&user("ana")).unwrap();
    assert_eq!((list[0].id.as_str(), list[0].name.as_str()), ("ben", "Name of ben"));
    assert_eq!(list[0].since.by, "ana");

    scene.moderate("ana", Moderation::Unblock { user: user("ben") }).unwrap();
    assert_eq!(metadata(&mut scene)["extra_data"].get("plenum_blocked"), None);
    assert_eq!(scene.room.authorize(&user("ben"), None), Err(AuthorizeRefusal::Removed));
    let again = scene.moderate("ana", Moderation::Unblock { user: user("ben") });
    assert_eq!(again.unwrap_err().to_string(), "user not found");
    scene.join("ben");
}

#[test]
fn where_the_room_makes_ids_people_are_blocked_by_what_their_application_calls_them() {
    let mut scene = Scene::new(|new| features(new).auto_gen_user_id = Some(true));
    scene.admit("ana", |ticket| (ticket.is_admin, ticket.spare_id) = (true, user("a-1"))).unwrap();
    scene.connect("a-1");
    scene.admit("ben", |ticket| ticket.spare_id = user("b-1")).unwrap();
    scene.connect("b-1");

    scene.moderate("a-1", Moderation::Remove { user: user("b-1"), msg: String::new(), block: true }).unwrap();

    assert_eq!(scene.admit("ben", |ticket| ticket.spare_id = user("b-2")), Err(AdmitRefusal::Blocked));
    assert!(scene.admit("eva", |ticket| ticket.spare_id = user("e-1")).is_ok());
}

#[test]
fn somebody_may_be_rejected_from_the_waiting_room_and_blocked() {
    let mut scene = Scene::new(|new| {
        features(new).waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    });
    scene.join_admin("ana");
    scene.admit("ben", |_| {}).unwrap();
    let conn = scene.connect("ben");

    let msg = "notifications.you-have-reject".to_owned();
    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg, block: true }).unwrap();

    assert_eq!(scene.farewells[&conn].as_deref(), Some(REMOVED));
    let now = scene.now();
    assert!(scene.room.let_in(now, &user("ana"), &Guests::One(user("ben"))).is_err());
    assert_eq!(scene.admit("ben", |_| {}), Err(AdmitRefusal::Blocked));
}

#[test]
fn nobody_sends_themselves_or_the_absent_out() {
    let mut scene = meeting(|_| {});
    let remove = |id: &str| Moderation::Remove { user: user(id), msg: String::new(), block: false };

    assert_eq!(scene.moderate("ana", remove("ana")).unwrap_err().to_string(), "you can't remove yourself\"");
    assert_eq!(scene.moderate("ana", remove("nobody")).unwrap_err().to_string(), "user isn't active now");
    scene.drop_socket("ben");
    scene.secs(60);
    assert_eq!(scene.moderate("ana", remove("ben")).unwrap_err().to_string(), "user isn't active now");
}

#[test]
fn whoever_is_still_on_the_air_without_a_socket_is_muted_stopped_and_sent_out_all_the_same() {
    for seconds in [1, 10] {
        let mut scene = meeting(|_| {});
        speaks(&mut scene, "ben");
        scene.drop_socket("ben");
        scene.secs(seconds);

        assert_eq!(scene.room.may_mute(&user("ana"), &user("ben")), Ok(true));
        scene.moderate("ana", Moderation::MuteAll { including_moderators: false }).unwrap();
        assert!(scene.muted.contains(&"ben".to_owned()), "after {seconds} s");
        scene.moderate("ana", Moderation::Stop { user: user("ben"), device: Device::Camera }).unwrap();
        assert_eq!(scene.unpublished, [(user("ben"), Sources::NONE.with(Source::Camera))]);
        let remove = Moderation::Remove { user: user("ben"), msg: String::new(), block: false };
        scene.moderate("ana", remove).unwrap();
        assert_eq!(scene.out_of_media, ["ben"]);
    }
}

#[test]
fn there_is_one_presenter_whoever_hands_it_to_whom() {
    let mut scene = meeting(|_| {});
    let presenters = |scene: &mut Scene| -> Vec<String> {
        let around = scene.room.view().around;
        let presents = |metadata: &str| serde_json::from_str::<Value>(metadata).unwrap()["is_presenter"] == true;
        around.into_iter().filter(|person| presents(&person.metadata)).map(|person| person.id.to_string()).collect()
    };
    assert_eq!(presenters(&mut scene), ["ana"]);

    scene.moderate("ana", Moderation::Promote { user: user("ben") }).unwrap();
    assert_eq!(presenters(&mut scene), ["ben"]);
    let visibility = Moderation::ChangeVisibility { notepad: None, whiteboard: Some(true) };
    scene.moderate("ben", visibility).unwrap();
    assert_eq!(metadata(&mut scene)["room_features"]["whiteboard_features"]["visible"], true);

    scene.moderate("ana", Moderation::Demote { user: user("ben") }).unwrap();
    assert_eq!(presenters(&mut scene), ["ana"]);
    let unknown = scene.moderate("ana", Moderation::Promote { user: user("nobody") });
    assert_eq!(unknown.unwrap_err().to_string(), "no metadata found for user nobody");

    scene.join_admin("cem");
    scene.moderate("cem", Moderation::Promote { user: user("eva") }).unwrap();
    scene.moderate("cem", Moderation::Remove { user: user("eva"), msg: String::new(), block: false }).unwrap();
    assert_eq!(presenters(&mut scene), ["ana"], "the one who came first takes over at once");
    scene.drop_socket("ana");
    scene.secs(6);
    assert_eq!(presenters(&mut scene), ["cem"]);
}

#[test]
fn the_queue_of_hands_is_strict_and_survives_a_restart() {
    let mut scene = meeting(|_| {});
    for id in ["eva", "ben"] {
        scene.request(id, Request::RaiseHand { text: String::new() });
    }
    let raised_at = |scene: &mut Scene, id: &str| -> i64 {
        person(scene, id)["raised_hand"]["raised_at"].as_str().unwrap().parse().unwrap()
    };
    assert!(raised_at(&mut scene, "eva") < raised_at(&mut scene, "ben"), "at the same millisecond");

    let mut scene = scene.restart(Duration::from_secs(0));
    for id in ["ana", "ben", "eva"] {
        scene.connect(id);
    }
    scene.request("ana", Request::RaiseHand { text: String::new() });
    assert!(raised_at(&mut scene, "ben") < raised_at(&mut scene, "ana"));

    scene.request("ben", Request::LowerOthersHand { whose: Whom::All });
    assert_eq!(person(&mut scene, "eva")["raised_hand"]["is_raised"], true, "attendees lower their own");
    scene.request("ana", Request::LowerOthersHand { whose: Whom::All });
    for id in ["ana", "ben", "eva"] {
        assert_eq!(person(&mut scene, id)["raised_hand"]["is_raised"], false);
    }
}

#[test]
fn everybody_is_muted_but_moderators_unless_asked_for() {
    let mut scene = meeting(|_| {});
    scene.join_admin("cem");
    speaks(&mut scene, "ben");
    scene.mail.clear();

    scene.moderate("ana", Moderation::MuteAll { including_moderators: false }).unwrap();
    assert_eq!(scene.muted, ["ben", "eva"]);
    let mail = scene.take_mail("ben");
    let What::Stopped(stopped) = notice(&mail[0]) else { panic!("{mail:?}") };
    assert_eq!((stopped.device(), stopped.by_user_id.as_str()), (plenum::Device::Microphone, "ana"));
    assert!(scene.take_mail("eva").is_empty(), "who was silent is told nothing");

    scene.muted.clear();
    scene.moderate("ana", Moderation::MuteAll { including_moderators: true }).unwrap();
    assert_eq!(scene.muted, ["ben", "cem", "eva"]);
}

#[test]
fn without_self_unmute_a_microphone_is_held_whenever_it_is_off() {
    let mut scene = meeting(|_| {});
    speaks(&mut scene, "ben");

    scene.moderate("ana", Moderation::AllowSelfUnmute(false)).unwrap();

    assert_eq!(metadata(&mut scene)["extra_data"]["plenum_self_unmute"], "false");
    assert!(publishes(&scene, "ben", Source::Microphone), "who speaks goes on");
    assert!(!publishes(&scene, "eva", Source::Microphone) && publishes(&scene, "ana", Source::Microphone));
    assert_eq!(person(&mut scene, "eva")["extra_data"]["plenum_held"], "true");
    scene.join("dan");
    assert!(!publishes(&scene, "dan", Source::Microphone));
    track(&mut scene, "ben", MediaStep::Muted, TrackSource::Microphone, true);
    assert!(!publishes(&scene, "ben", Source::Microphone));

    let mut scene = scene.restart(Duration::from_secs(1));
    for id in ["ana", "ben", "eva", "dan"] {
        scene.connect(id);
    }
    scene.mail.clear();
    scene.moderate("ana", Moderation::Ask { user: user("eva"), device: Device::Microphone }).unwrap();
    let mail = scene.take_mail("eva");
    let What::Asked(asked) = notice(mail.last().unwrap()) else { panic!("{mail:?}") };
    assert_eq!((asked.device(), asked.by_name.as_str()), (plenum::Device::Microphone, "Name of ana"));
    assert!(publishes(&scene, "eva", Source::Microphone));
    speaks(&mut scene, "eva");
    track(&mut scene, "eva", MediaStep::Muted, TrackSource::Microphone, true);
    assert!(!publishes(&scene, "eva", Source::Microphone), "once");

    scene.moderate("ana", lock(one("dan"), LockService::Microphone, true)).unwrap();
    scene.moderate("ana", Moderation::AllowSelfUnmute(true)).unwrap();
    assert!(publishes(&scene, "ben", Source::Microphone) && publishes(&scene, "eva", Source::Microphone));
    assert!(!publishes(&scene, "dan", Source::Microphone), "a lock is a lock");
}

#[test]
fn nobody_is_asked_for_what_is_locked_or_without_end() {
    let mut scene = meeting(|_| {});
    let ask = |id: &str, device| Moderation::Ask { user: user(id), device };
    scene.moderate("ana", lock(one("ben"), LockService::Webcam, true)).unwrap();

    assert_eq!(scene.moderate("ana", ask("ben", Device::Camera)), Err(ModerationRefusal::DeviceLocked));
    assert_eq!(scene.moderate("ana", ask("nobody", Device::Camera)), Err(ModerationRefusal::NotActive));
    let asked = (0..40).filter(|_| scene.moderate("ana", ask("eva", Device::Camera)).is_ok()).count();
    assert_eq!(asked, 30);
    assert_eq!(scene.moderate("ana", ask("eva", Device::Camera)), Err(ModerationRefusal::TooOften));
}

#[test]
fn a_camera_or_a_screen_is_stopped_for_its_owner_to_start_again() {
    let mut scene = meeting(|_| {});
    track(&mut scene, "ben", MediaStep::Published, TrackSource::Camera, false);
    scene.mail.clear();

    scene.moderate("ana", Moderation::Stop { user: user("ben"), device: Device::Camera }).unwrap();
    assert_eq!(scene.unpublished, [(user("ben"), Sources::NONE.with(Source::Camera))]);
    assert!(publishes(&scene, "ben", Source::Camera));
    let mail = scene.take_mail("ben");
    assert!(matches!(notice(&mail[0]), What::Stopped(_)));

    scene.join_admin("cem");
    let refused = scene.moderate("ana", Moderation::Stop { user: user("cem"), device: Device::Camera });
    assert_eq!(refused, Err(ModerationRefusal::Moderator));
}

#[test]
fn a_room_that_begins_muted_mutes_each_attendee_once() {
    let mut scene = meeting(|new| features(new).mute_on_start = true);
    speaks(&mut scene, "ben");
    assert_eq!(scene.muted, ["ben"]);
    track(&mut scene, "ben", MediaStep::Unpublished, TrackSource::Microphone, false);
    speaks(&mut scene, "ben");
    assert_eq!(scene.muted, ["ben"], "they have unmuted themselves since");
    track(&mut scene, "eva", MediaStep::Published, TrackSource::Microphone, true);
    assert_eq!(scene.muted, ["ben"]);
}

#[test]
fn the_spotlight_holds_people_who_are_here() {
    let mut scene = meeting(|_| {});
    let light = |ids: &[&str]| Moderation::Spotlight(ids.iter().map(|id| user(id)).collect());

    scene.moderate("ana", light(&["eva", "ben", "eva"])).unwrap();
    assert_eq!(metadata(&mut scene)["extra_data"]["plenum_spotlight"], "eva,ben");
    assert_eq!(scene.moderate("ana", light(&["nobody"])), Err(ModerationRefusal::NotActive));
    scene.drop_socket("eva");
    scene.secs(6);
    assert_eq!(metadata(&mut scene)["extra_data"]["plenum_spotlight"], "eva,ben", "she may come back");
    scene.secs(31);
    assert_eq!(metadata(&mut scene)["extra_data"]["plenum_spotlight"], "ben");
    scene.moderate("ana", light(&[])).unwrap();
    assert_eq!(metadata(&mut scene)["extra_data"].get("plenum_spotlight"), None);
}

#[test]
fn nobody_brings_the_state_of_a_running_meeting_along() {
    let mut scene = Scene::new(|new| {
        for key in ["plenum_spotlight", "plenum_blocked", "plenum_panic", "plenum_panic_by", "plenum_self_unmute"] {
            new.metadata.extra_data.insert(key.into(), "false".into());
        }
    });
    let extra = metadata(&mut scene)["extra_data"].clone();
    assert_eq!(extra, serde_json::json!({ "plenum_self_unmute": "false" }));
    scene.admit("ben", |ticket| drop(ticket.metadata.extra_data.insert("plenum_held".into(), "x".into()))).unwrap();
    scene.connect("ben");
    assert_eq!(person(&mut scene, "ben")["extra_data"]["plenum_held"], "true", "the room says so");
}

#[test]
fn notepad_and_pages_of_other_sites_are_shown_to_everybody() {
    let mut scene = meeting(|new| {
        let features = features(new);
        features.shared_note_pad_features = Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() });
        features.display_external_link_features =
            Some(pnm::DisplayExternalLinkFeatures { is_allow: true, ..Default::default() });
    });
    scene.moderate("ana", Moderation::ActivateNotepad(true)).unwrap();
    scene.moderate("ana", Moderation::ShowLink(Some("https://example.org/".into()))).unwrap();
    let shown = metadata(&mut scene)["room_features"].clone();
    let id = shown["shared_note_pad_features"]["note_pad_id"].clone();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(shown["display_external_link_features"]["shared_by"], "ana");

    scene.moderate("ana", Moderation::ActivateNotepad(false)).unwrap();
    scene.moderate("ana", Moderation::ActivateNotepad(true)).unwrap();
    scene.moderate("ana", Moderation::ShowLink(None)).unwrap();
    let shown = metadata(&mut scene)["room_features"].clone();
    assert_eq!(shown["shared_note_pad_features"]["note_pad_id"], id);
    assert_eq!(shown["display_external_link_features"]["is_active"], false);
    assert_eq!(shown["display_external_link_features"]["link"], "https://example.org/");
}
