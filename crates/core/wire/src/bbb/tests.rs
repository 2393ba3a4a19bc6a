use proptest::prelude::*;

use super::*;
use crate::create::CreateRules;
use crate::pnm;

/// The published sample secret every vector of http-api.md section 14 is made with.
const SECRET: &str = "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6";
const QUERY: &str = "name=Test&meetingID=m1&moderatorPW=mp";
const CHECKSUM: &str = "f40553f4b6931bc20bcdecf3c77856dff74be518";
const SHA256: &str = "65e7448e4c3b0e25a929e4d10602f95695ae47c158cdc7bb2a7e04ee3a0a1a64";
const SHA384: &str = "cea8809c90faa3f306c65a56a5017f5ac2d13c456ad7d72b305724881d72c34d28e5d90bd27c7a7d7f06a69051b52ffd";
const SHA512: &str = "570b2a816a07d4376c88ed63f778b4be602f4d81d09b1efc6bbf38aecff7bc070a06c203b72c119767a1aa44c9a28f06bde2a200d39ebedc855f3b1132ef09dd";

fn params(raw: &str) -> Params {
    Params::parse(raw).unwrap()
}

fn made(raw: &str) -> Result<pnm::CreateRoomReq, CreateRejected> {
    made_with(raw, None)
}

fn made_with(raw: &str, document: Option<&str>) -> Result<pnm::CreateRoomReq, CreateRejected> {
    let mut count = 0;
    let mut random = |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count += 1;
            count
        });
    };
    create(&params(raw), document.map(str::to_owned), &CreateRules::default(), 1_700_000_000, &mut random)
}

fn metadata(raw: &str) -> pnm::RoomMetadata {
    made(raw).unwrap().metadata.unwrap()
}

fn features(raw: &str) -> pnm::RoomCreateFeatures {
    metadata(raw).room_features.unwrap()
}

#[test]
fn checksums_are_the_references() {
    assert!(is_signed("create", &format!("{QUERY}&checksum={CHECKSUM}"), SECRET));
    assert!(is_signed("getMeetings", "checksum=817772f12208e635214ee9e492ce673af8c6fa0d", SECRET));
}

#[test]
fn the_checksum_may_stand_anywhere() {
    assert!(is_signed("create", &format!("checksum={CHECKSUM}&{QUERY}"), SECRET));
    assert!(is_signed("create", &format!("name=Test&checksum={CHECKSUM}&meetingID=m1&moderatorPW=mp"), SECRET));
}

#[test]
fn every_hash_of_the_api_is_known_by_its_length() {
    for checksum in [SHA256, SHA384, SHA512] {
        assert!(is_signed("create", &format!("{QUERY}&checksum={checksum}"), SECRET), "{checksum}");
    }
}

#[test]
fn any_other_checksum_is_refused() {
    let wrong = CHECKSUM.replace('f', "0");
    for raw in [
        QUERY.to_owned(),
        format!("{QUERY}&checksum="),
        format!("{QUERY}&checksum={wrong}"),
        format!("{QUERY}&checksum={}", &CHECKSUM[1..]),
        format!("{QUERY}&checksum={}", CHECKSUM.to_uppercase()),
        format!("{QUERY}&x=1&checksum={CHECKSUM}"),
        format!("{QUERY}&checksum={CHECKSUM}&checksum={CHECKSUM}"),
        format!("{QUERY}&checksum={}", "é".repeat(20)),
    ] {
        assert!(!is_signed("create", &raw, SECRET), "{raw}");
    }
    let signed = format!("{QUERY}&checksum={CHECKSUM}");
    assert!(!is_signed("Create", &signed, SECRET));
    assert!(!is_signed("create", &signed, "other"));
}

#[test]
fn ids_that_no_room_can_have_are_hashed() {
    assert_eq!(room_id("my meeting"), "28213d9a7279168f8173193c3b24318d");
    assert_eq!(room_id("ok-1_2"), "ok-1_2");
    assert_eq!(room_id(""), "");
    assert_eq!(room_id(&"a".repeat(64)), "a".repeat(64));
    assert_eq!(room_id(&"a".repeat(65)).len(), 32);
}

#[test]
fn parameters_are_read_as_callers_write_them() {
    let read = params("a=1&b=+x%20%C3%BC&a=2&empty=&on=TRUE&off=0&n=-3&list=+x+,,y&meta_k=v");
    assert_eq!(read.text("a"), Some("1"));
    assert_eq!(read.text("b"), Some(" x ü"));
    assert_eq!((read.text("empty"), read.text("absent")), (None, None));
    assert_eq!((read.flag("on"), read.flag("off"), read.flag("empty")), (Ok(Some(true)), Ok(Some(false)), Ok(None)));
    assert_eq!(read.flag("b"), Err(Unreadable));
    assert_eq!((read.number("a"), read.number("off"), read.number("n")), (Ok(Some(1)), Ok(None), Ok(None)));
    assert_eq!(read.number("b"), Err(Unreadable));
    assert_eq!(read.list("list"), ["x", "y"]);
    assert_eq!(read.starting_with("meta_").collect::<Vec<_>>(), [("k", "v")]);
}

#[test]
fn there_is_an_end_to_parameters() {
    let most = "a=b&".repeat(256);
    assert!(Params::parse(&most).is_ok());
    assert_eq!(Params::parse(&format!("{most}a=b")), Err(Unreadable));
    assert_eq!(Params::parse(&format!("a={}", "x".repeat(32 * 1024 + 1))), Err(Unreadable));
    assert_eq!(Params::parse(&"x".repeat(MAX_BYTES + 1)), Err(Unreadable));
    assert_eq!(params(&format!("l={}", "1,".repeat(200))).list("l").len(), 100);
    assert_eq!(params("n=4294967296").number("n"), Err(Unreadable));
}

#[test]
fn a_meeting_becomes_a_room() {
    let raw = "name=Weekly&meetingID=my+meeting&attendeePW=ap&moderatorPW=mp&welcome=Hi+at+%25%25CONFNAME%25%25\
        &maxParticipants=20&duration=90&logoutURL=https://example.org/bye&logo=https://example.org/l.png\
        &meta_bbb-origin=x&meta_1bad=y&meta_bad%3Cname=z";

    let room = made(raw).unwrap();

    assert_eq!(room.room_id, "28213d9a7279168f8173193c3b24318d");
    assert_eq!(room.max_participants, Some(20));
    let metadata = room.metadata.unwrap();
    assert_eq!(metadata.room_title, "Weekly");
    assert_eq!(metadata.welcome_message(), "Hi at Weekly");
    assert_eq!(metadata.logout_url(), "https://example.org/bye");
    assert_eq!(metadata.started_at, 1_700_000_000);
    let features = metadata.room_features.as_ref().unwrap();
    assert_eq!((features.room_duration, features.auto_gen_user_id), (Some(90), Some(true)));
    let expected = r#"{"attendeePW":"ap","moderatorPW":"mp","logo":"https://example.org/l.png","originalMeetingId":"my meeting","meta":{"bbb-origin":"x"}}"#;
    assert_eq!(metadata.extra_data[EXTRA_KEY], expected);
    assert_eq!(Extra::of(&metadata).unwrap().meeting_id, "my meeting");
}

#[test]
fn passwords_are_made_where_none_came() {
    let extra = Extra::of(&metadata("name=n&meetingID=m&attendeePW=")).unwrap();
    assert_eq!((extra.attendee_password.len(), extra.moderator_password.len()), (16, 16));
    assert_ne!(extra.attendee_password, extra.moderator_password);
}

#[test]
fn what_is_not_mentioned_has_its_default_except_recording() {
    let made = features("name=n&meetingID=m");
    let mut expected = CreateRules::default().defaults.features;
    expected.auto_gen_user_id = Some(true);
    let recording = made.recording_features.unwrap();
    assert!(!recording.is_allow && !recording.is_allow_cloud && !recording.is_allow_local);
    assert_eq!(made.waiting_room_features, expected.waiting_room_features);
    assert_eq!(made.polls_features, expected.polls_features);
    assert!(made.allow_webcams && made.allow_screen_share && made.allow_view_other_users_list);
    assert!(metadata("name=n&meetingID=m").default_lock_settings.unwrap().lock_shared_notepad());
}

#[test]
fn flags_are_laid_over_the_defaults() {
    let on = features(
        "name=n&meetingID=m&record=true&autoStartRecording=true&webcamsOnlyForModerator=true&muteOnStart=true\
        &guestPolicy=ASK_MODERATOR&meetingKeepEvents=true&lockSettingsHideUserList=true",
    );
    let recording = on.recording_features.unwrap();
    assert!(recording.is_allow && recording.is_allow_cloud && recording.enable_auto_cloud_recording);
    assert!(on.admin_only_webcams && on.mute_on_start && on.enable_analytics);
    assert!(on.waiting_room_features.unwrap().is_active);
    assert!(!on.allow_view_other_users_list);
    let off = features("name=n&meetingID=m&record=false&autoStartRecording=true&guestPolicy=ALWAYS_ACCEPT");
    let recording = off.recording_features.unwrap();
    assert!(!recording.is_allow && !recording.is_allow_cloud && !recording.enable_auto_cloud_recording);
    assert!(!off.waiting_room_features.unwrap().is_active);
}

#[test]
fn disabled_features_are_off() {
    let features = features(
        "name=n&meetingID=m&disabledFeatures=breakoutRooms,chat,externalVideos,polls,+screenshare,sharedNotes,\
        liveTranscription,presentation,virtualBackgrounds,raiseHand,layouts",
    );
    let chat = features.chat_features.unwrap();
    let insights = features.insights_features.unwrap();
    let off = [
        features.breakout_room_features.unwrap().is_allow,
        chat.is_allow,
        chat.is_allow_file_upload,
        features.external_media_player_features.unwrap().is_allow,
        features.polls_features.unwrap().is_allow,
        features.allow_screen_share,
        features.shared_note_pad_features.unwrap().is_allow,
        insights.transcription_features.unwrap().is_allow,
        insights.chat_translation_features.unwrap().is_allow,
        features.whiteboard_features.unwrap().is_allow,
        features.allow_virtual_bg.unwrap(),
        features.allow_raise_hand.unwrap(),
    ];
    assert_eq!(off, [false; 12]);
    assert_eq!(features.allow_reactions, Some(true));
}

#[test]
fn locks_are_as_asked_for() {
    let locks = |raw: &str| metadata(&format!("name=n&meetingID=m&{raw}")).default_lock_settings.unwrap();
    let on = locks(
        "lockSettingsDisableCam=true&lockSettingsDisableMic=true&lockSettingsDisablePublicChat=true\
        &lockSettingsDisablePrivateChat=true&lockSettingsDisableNotes=false",
    );
    assert!(on.lock_webcam() && on.lock_microphone() && on.lock_chat_send_message() && on.lock_private_chat());
    assert_eq!((on.lock_shared_notepad, on.lock_whiteboard), (Some(false), Some(true)));
    assert_eq!(locks("lockSettingsDisableNote=false").lock_shared_notepad, Some(false));
}

#[test]
fn the_last_document_waits_for_the_board() {
    let preload = |raw: &str, document| {
        let room = made_with(&format!("name=n&meetingID=m&{raw}"), document).unwrap();
        room.metadata.unwrap().room_features.unwrap().whiteboard_features.unwrap().preload_file
    };
    let pdf = |name: &str| Some(format!("https://example.org/{name}.pdf"));
    assert_eq!(preload("preUploadedPresentation=https://example.org/a.pdf", None), pdf("a"));
    let both = preload("preUploadedPresentation=https://example.org/a.pdf", Some("https://example.org/b.pdf"));
    assert_eq!(both, pdf("b"));
    assert_eq!(preload("disabledFeatures=presentation", Some("https://example.org/b.pdf")), None);
}

#[test]
fn a_room_against_the_rules_is_not_made() {
    let text = |raw: &str| made(raw).unwrap_err().to_string();
    assert_eq!(text("meetingID=m"), "validation error: metadata.room_title: value is required");
    assert_eq!(
        text("name=n"),
        "validation error: room_id: room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_"
    );
    assert_eq!(
        text("name=n&meetingID=m&logoutURL=nowhere"),
        "validation error: metadata.logout_url: must be a valid URI"
    );
    assert_eq!(text("name=n&meetingID=user_1"), "RoomId cannot start with the reserved pattern 'user_'");
    assert_eq!(text("name=n&meetingID=m&record=maybe"), "We can not parse request");
    assert_eq!(text("name=n&meetingID=m&maxParticipants=many"), "We can not parse request");
    let many: String = (0..200).map(|n| format!("&meta_k{n}={}", "x".repeat(300))).collect();
    assert_eq!(
        text(&format!("name=n&meetingID=m{many}")),
        "validation error: metadata.extra_data: must be at most 32768 bytes"
    );
}

#[test]
fn documents_are_found_in_the_body() {
    let found = |body: &str| last_document(body.as_bytes()).unwrap();
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
        <modules>
          <module name="presentation">
            <document url="https://example.org/a.pdf" filename="a.pdf"/>
            <document url=' https://example.org/b.pdf?x=1&amp;y=2 '></document>
            <document name="inline.pdf">UERGIQ==</document>
          </module>
        </modules>"#;
    assert_eq!(found(body).as_deref(), Some("https://example.org/b.pdf?x=1&y=2"));
    for nothing in [
        "",
        "  \n",
        "<modules/>",
        "<modules><module name=\"p\"/></modules>",
        "<modules><document url=\"a:b\"/></modules>",
    ] {
        assert_eq!(found(nothing), None, "{nothing}");
    }
}

#[test]
fn hostile_bodies_are_refused() {
    let text = |body: &str| last_document(body.as_bytes()).unwrap_err().to_string();
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><modules><module><document url="&b;"/></module></modules>"#;
    assert_eq!(text(bomb), "XML syntax error: not allowed here");
    assert_eq!(text(&"<modules>".repeat(9)), "XML syntax error: not allowed here");
    assert_eq!(text("<modules><module>"), "XML syntax error: unexpected EOF");
    assert_eq!(text("no XML"), "XML syntax error: unexpected EOF");
    assert_eq!(text("<other/>"), "expected element <modules>");
    assert_eq!(text("<modules/><modules/>"), "expected element <modules>");
    assert!(text("<modules></module>").starts_with("XML syntax error: "));
    assert!(text("<modules><module><document url=\"&own;\"/></module></modules>").starts_with("XML syntax error: "));
    assert_eq!(last_document(&[0xff, b'<']).unwrap_err().to_string(), "XML syntax error: invalid UTF-8");
}

#[test]
fn texts_cannot_break_out_of_their_element() {
    let xml = Xml::response(|xml| {
        xml.text("name", "<a href=\"x\">&'\u{0}\r\n");
        xml.element("none", |_| {});
    });
    let expected =
        "<response><name>&lt;a href=&quot;x&quot;&gt;&amp;&apos;\u{fffd}&#13;\n</name><none></none></response>";
    assert_eq!(xml, expected);
}

proptest! {
    /// Whatever arrives, nothing here panics.
    #[test]
    fn hostile_calls_are_survived(raw in "(name|meetingID|record|meta_a|checksum|duration|welcome|[a-z%&=+]{1,4}|=|&|%|ü|.){0,40}") {
        let _ = is_signed("create", &raw, SECRET);
        if let Ok(params) = Params::parse(&raw) {
            let _ = create(&params, None, &CreateRules::default(), 0, &mut |bytes| bytes.fill(7));
        }
    }

    /// Whatever the body says, the parser ends, and what it finds is one address.
    #[test]
    fn hostile_bodies_are_survived(body in "(<modules>|<module name=\"a\">|<document url=\"|\"/>|</module>|</modules>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|&amp;|&x;|<\\?|[<>a-z\"'/!&;]){0,30}") {
        if let Ok(Some(url)) = last_document(body.as_bytes()) {
            prop_assert!(!url.is_empty() && url.len() <= body.len());
        }
    }

    /// Any text arrives as it was written, except for what XML cannot carry.
    #[test]
    fn texts_survive_the_way(text in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{fffe}\u{ffff}]{0,40}") {
        let xml = Xml::response(|xml| xml.text("t", &text));
        let inner = xml.strip_prefix("<response><t>").and_then(|rest| rest.strip_suffix("</t></response>")).unwrap();
        prop_assert!(!inner.contains('<'));
        prop_assert_eq!(quick_xml::escape::unescape(inner).unwrap(), text);
    }

    /// Every meeting has a room that can exist, and always the same.
    #[test]
    fn every_meeting_has_a_room(id in ".{1,80}") {
        let room = room_id(&id);
        prop_assert!(model::RoomId::try_from(room.as_str()).is_ok());
        prop_assert_eq!(room_id(&room), room);
    }
}
