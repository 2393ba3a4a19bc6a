use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use model::{RoomId, SessionId};
use ports::archive::{Archive, Recording};
use ports::store::{NewSession, SessionRecord};
use sha1::{Digest, Sha1};
use wire::livekit;
use wire::pnm;
use wire::token::{ApiKey, verify_download};

use super::harness::{Answer, KEY, ROOM, SECRET, Server};
use crate::rooms::create::unix_seconds;

const XML: &str = "application/xml; charset=utf-8";
const MEETING: &str = "name=Weekly&meetingID=my+meeting&attendeePW=ap&moderatorPW=mp";

/// `query` with its checksum.
fn signed(method: &str, query: &str) -> String {
    let digest = Sha1::digest(format!("{method}{query}{SECRET}"));
    let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if query.is_empty() { format!("checksum={checksum}") } else { format!("{query}&checksum={checksum}") }
}

pub(super) fn uri(method: &str, query: &str) -> String {
    format!("/{KEY}/bigbluebutton/api/{method}?{}", signed(method, query))
}

async fn ask(server: &Server, method: &str, query: &str) -> Answer {
    let request = Request::get(uri(method, query)).header("host", "meet.example.org:8443");
    server.send(request.body(Body::empty()).unwrap()).await
}

async fn post(server: &Server, uri: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(uri).header("content-type", kind);
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

fn failed(answer: &Answer, key: &str, message: &str) {
    let expected = format!(
        "<response><returncode>FAILED</returncode><messageKey>{key}</messageKey><message>{message}</message></response>"
    );
    answer.is(200, XML, &expected);
}

/// What stands between the tags of the first `name`.
fn within<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let (_, rest) = answer.text().split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name} in {answer:?}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

async fn room(server: &Server, room: &str) -> (pnm::ActiveRoomInfo, pnm::RoomMetadata) {
    let found = server.meetings.active_room(room).await.unwrap().room.room_info.unwrap();
    let metadata = wire::json::decode(found.metadata.as_bytes()).unwrap();
    (found, metadata)
}

#[tokio::test]
async fn a_call_without_parameters_is_told_the_version() {
    let server = Server::start().await;
    let version = "<response><returncode>SUCCESS</returncode><version>0.9</version></response>";
    for path in ["/plugnmeet/bigbluebutton/api", "/plugnmeet/BigBlueButton/API/", "/plugnmeet/bigbluebutton/api/create"]
    {
        server.get(path).await.is(200, XML, version);
    }
    post(&server, "/plugnmeet/bigbluebutton/api/create", "application/x-www-form-urlencoded", "")
        .await
        .is(200, XML, version);
    server.get("/plugnmeet/bigbluebutton/api?checksum=1").await.is(200, XML, version);
}

#[tokio::test]
async fn a_call_goes_through_the_checks_in_order() {
    let server = Server::start().await;
    failed(&server.get("/Plugnmeet/bigbluebutton/api").await, "apiKeyError", "invalid api key");
    let put = Request::put(uri("getMeetings", "")).body(Body::empty()).unwrap();
    failed(&server.send(put).await, "error", "unsupported http method");
    let unsigned = server.get("/plugnmeet/bigbluebutton/api/getMeetings?checksum=abc").await;
    failed(&unsigned, "checksumError", "Checksums do not match");
    let other = uri("create", MEETING).replace("/create?", "/join?");
    failed(&server.get(&other).await, "checksumError", "Checksums do not match");
    let many = "a=b&".repeat(300);
    failed(&ask(&server, "create", many.trim_end_matches('&')).await, "parsingError", "We can not parse request");
    ask(&server, "hooks", "a=b").await.is(404, "text/plain; charset=utf-8", "not found");
    server.get("/plugnmeet/bigbluebutton/api/hooks/list?a=b").await.is(404, "text/plain; charset=utf-8", "not found");
}

#[tokio::test]
async fn methods_and_paths_are_known_in_any_case_but_the_checksum_takes_them_as_typed() {
    let server = Server::start().await;
    let none = "<response><returncode>SUCCESS</returncode><messageKey>noMeetings</messageKey><message>no meetings were found on this server</message></response>";
    ask(&server, "getmeetings", "").await.is(200, XML, none);
    let path = uri("GETMEETINGS", "").replace("bigbluebutton/api", "BIGBLUEBUTTON/Api").replace('?', "/?");
    server.get(&path).await.is(200, XML, none);
}

#[tokio::test]
async fn create_answers_with_the_meeting() {
    let server = Server::start().await;

    let answer = ask(&server, "create", &format!("{MEETING}&voiceBridge=70757&dialNumber=%2B1+613&duration=90")).await;

    let (info, metadata) = room(&server, "28213d9a7279168f8173193c3b24318d").await;
    let expected = format!(
        "<response><returncode>SUCCESS</returncode><messageKey>success</messageKey><message>success</message>\
         <meetingID>my meeting</meetingID><internalMeetingID>{}</internalMeetingID>\
         <parentMeetingID>bbb-none</parentMeetingID><attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW>\
         <createTime>{}000</createTime><createDate>{}</createDate><hasUserJoined>false</hasUserJoined>\
         <duration>0</duration><voiceBridge>70757</voiceBridge><dialNumber>+1 613</dialNumber>\
         <hasBeenForciblyEnded>false</hasBeenForciblyEnded></response>",
        info.sid,
        info.creation_time,
        within(&answer, "createDate"),
    );
    answer.is(200, XML, &expected);
    assert!(within(&answer, "createDate").ends_with(" UTC"));
    assert_eq!(metadata.room_title, "Weekly");
    assert_eq!(metadata.room_features.unwrap().room_duration, Some(90));
}

#[tokio::test]
async fn flags_that_are_off_are_off_in_the_room() {
    let server = Server::start().await;
    ask(&server, "create", "name=n&meetingID=m&record=false&disabledFeatures=chat,polls").await;
    let features = room(&server, "m").await.1.room_features.unwrap();
    assert!(!features.recording_features.unwrap().is_allow);
    assert!(!features.chat_features.unwrap().is_allow);
    assert!(!features.polls_features.unwrap().is_allow);
}

#[tokio::test]
async fn creating_a_running_meeting_answers_with_the_running_one() {
    let server = Server::start().await;
    let first = ask(&server, "create", MEETING).await;
    let again = ask(&server, "create", "name=Other&meetingID=my+meeting&moderatorPW=other").await;
    assert_eq!(again.text(), first.text());
}

#[tokio::test]
async fn create_says_what_is_wrong() {
    let server = Server::start().await;
    let text = "validation error: metadata.room_title: value is required";
    failed(&ask(&server, "create", "meetingID=m").await, "validationError", text);
    let text = "RoomId cannot start with the reserved pattern &apos;user_&apos;";
    failed(&ask(&server, "create", "name=n&meetingID=user_1").await, "error", text);
    failed(&ask(&server, "create", "name=n&meetingID=m&record=x").await, "parsingError", "We can not parse request");
    let document = post(&server, &uri("create", MEETING), "application/xml", "<!DOCTYPE x><modules/>").await;
    failed(&document, "parsingError", "XML syntax error: not allowed here");
    server.outside.store_is_broken.store(true, Ordering::Relaxed);
    failed(&ask(&server, "create", MEETING).await, "error", "could not record the room");
}

#[tokio::test]
async fn a_meeting_can_be_created_by_form_and_with_documents() {
    let server = Server::start().await;
    let path = "/plugnmeet/bigbluebutton/api/create";
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let created = post(&server, path, form, &signed("create", "name=n&meetingID=form")).await;
    assert_eq!(within(&created, "returncode"), "SUCCESS");
    let modules =
        r#"<modules><module name="presentation"><document url="https://example.org/a.pdf"/></module></modules>"#;
    for (id, kind) in [("xml", "application/xml"), ("careless", "application/x-www-form-urlencoded")] {
        let path = uri("create", &format!("name=n&meetingID={id}"));
        assert_eq!(within(&post(&server, &path, kind, modules).await, "returncode"), "SUCCESS", "{id}");
        let board = room(&server, id).await.1.room_features.unwrap().whiteboard_features.unwrap();
        assert_eq!(board.preload_file(), "https://example.org/a.pdf", "{id}");
    }
    let huge = post(&server, &uri("create", MEETING), "application/xml", &" ".repeat(1024 * 1024 + 1)).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn join_sends_the_browser_to_the_meeting() {
    let server = Server::start().await;
    ask(&server, "create", &format!("{MEETING}&logo=https://example.org/l.png")).await;
    let style = "userdata-bbb_custom_style_url=https://example.org/s.css";

    let answer = ask(&server, "join", &format!("fullName=Ada&meetingID=my+meeting&password=mp&userID=7&{style}")).await;

    assert_eq!((answer.status, answer.text()), (StatusCode::SEE_OTHER, ""));
    let location = answer.header("location");
    let (address, design) = location.split_once("&custom_design=").unwrap();
    let token = address.strip_prefix("http://meet.example.org:8443/?access_token=").unwrap();
    assert_eq!(
        design,
        "%7B%22custom_logo%22%3A%22https%3A%2F%2Fexample.org%2Fl.png%22%2C%22custom_css_url%22%3A%22https%3A%2F%2Fexample.org%2Fs.css%22%7D"
    );
    let access = server.meetings.authorize(token).await.unwrap();
    assert!(access.is_admin);
    assert_eq!(access.room.as_str(), "28213d9a7279168f8173193c3b24318d");
}

#[tokio::test]
async fn join_can_answer_instead() {
    let server = Server::with(|deps| deps.public_url = Some("https://meet.example.org/".into())).await;
    ask(&server, "create", MEETING).await;

    let answer = ask(&server, "join", "fullName=Ben&meetingID=my+meeting&password=ap&redirect=FALSE").await;

    let token = within(&answer, "session_token");
    let expected = format!(
        "<response><returncode>SUCCESS</returncode><messageKey>success</messageKey>\
         <message>You have joined successfully</message><meeting_id>my meeting</meeting_id>\
         <session_token>{token}</session_token>\
         <url>https://meet.example.org/?access_token={token}</url></response>"
    );
    answer.is(200, XML, &expected);
    assert!(!server.meetings.authorize(token).await.unwrap().is_admin);
}

#[tokio::test]
async fn a_role_goes_before_a_password() {
    let server = Server::start().await;
    ask(&server, "create", MEETING).await;
    server.ask("/auth/room/create", ROOM).await;
    for (query, is_moderator) in [
        ("meetingID=my+meeting&role=moderator", true),
        ("meetingID=my+meeting&role=VIEWER&password=mp", false),
        ("meetingID=my+meeting&role=MODERATOR&password=ap", true),
        ("meetingID=my+meeting&role=&password=mp", true),
        ("meetingID=my+meeting&password=m", false),
        ("meetingID=room01&password=x&userID=ada", false),
        ("meetingID=room01&role=MODERATOR&userID=not+an+id", true),
    ] {
        let answer = ask(&server, "join", &format!("fullName=N&redirect=false&{query}")).await;
        let access = server.meetings.authorize(within(&answer, "session_token")).await.unwrap();
        assert_eq!(access.is_admin, is_moderator, "{query}");
    }
}

#[tokio::test]
async fn join_says_what_is_wrong() {
    let server = Server::start().await;
    let join = async |query: &str| ask(&server, "join", query).await;
    failed(&join("fullName=N&meetingID=m&password=p").await, "error", "meeting is not active");
    ask(&server, "create", MEETING).await;
    failed(&join("fullName=N&meetingID=my+meeting").await, "error", "password missing");
    let text = "validation error: user_info.name: value is required";
    failed(&join("meetingID=my+meeting&password=ap").await, "validationError", text);
    let text = "validation error: user_info.user_metadata.profile_pic: must be a valid URI";
    let answer = join("fullName=N&meetingID=my+meeting&password=ap&avatarURL=x").await;
    failed(&answer, "validationError", text);
    let text = "name: PLUGNMEET_RECORDER_AUTH is reserved for internal use only";
    failed(&join("fullName=PLUGNMEET_RECORDER_AUTH&meetingID=my+meeting&password=ap").await, "error", text);
}

#[tokio::test]
async fn a_meeting_runs_until_it_is_ended() {
    let server = Server::start().await;
    let running = async || {
        let answer = ask(&server, "isMeetingRunning", "meetingID=my+meeting").await;
        let is_running = within(&answer, "running").to_owned();
        let expected = format!("<response><returncode>SUCCESS</returncode><running>{is_running}</running></response>");
        answer.is(200, XML, &expected);
        is_running
    };
    assert_eq!(running().await, "false");
    failed(&ask(&server, "end", "meetingID=my+meeting").await, "error", "room not found or not active");
    ask(&server, "create", MEETING).await;
    assert_eq!(running().await, "true");

    let answer = ask(&server, "end", "meetingID=my+meeting&password=mp").await;

    answer.is(
        200,
        XML,
        "<response><returncode>SUCCESS</returncode><messageKey>sentEndMeetingRequest</messageKey><message>A request to end the meeting was sent.  Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended</message></response>",
    );
    assert_eq!(running().await, "false");
}

#[tokio::test]
async fn a_meeting_is_shown_with_whoever_is_in_it() {
    let server = Server::start().await;
    ask(&server, "create", &format!("{MEETING}&meta_course=R%26D")).await;
    let sockets = [
        enter(&server, "fullName=Ada+%3C3&meetingID=my+meeting&password=mp&userID=teacher+1").await,
        enter(&server, "fullName=Ben&meetingID=my+meeting&password=ap&userID=ben").await,
    ];
    let ada = sockets[0].1.clone();
    let track = |source: livekit::TrackSource| livekit::TrackInfo { source: source.into(), ..Default::default() };
    let tracks = vec![track(livekit::TrackSource::Microphone), track(livekit::TrackSource::Camera)];
    let on_media = livekit::ParticipantInfo { identity: ada, tracks, ..Default::default() };
    server.outside.on_media.lock().unwrap().push(on_media);

    let answer = ask(&server, "getMeetingInfo", "meetingID=my+meeting").await;

    let (info, metadata) = room(&server, "28213d9a7279168f8173193c3b24318d").await;
    let ada = "<attendee><userID>teacher 1</userID><fullName>Ada &lt;3</fullName><role>MODERATOR</role>\
        <isPresenter>true</isPresenter><isListeningOnly>false</isListeningOnly>\
        <hasJoinedVoice>true</hasJoinedVoice><hasVideo>true</hasVideo><clientType></clientType></attendee>";
    let ben = "<attendee><userID>ben</userID><fullName>Ben</fullName><role>VIEWER</role>\
        <isPresenter>false</isPresenter><isListeningOnly>true</isListeningOnly>\
        <hasJoinedVoice>false</hasJoinedVoice><hasVideo>false</hasVideo><clientType></clientType></attendee>";
    let attendees = within(&answer, "attendees");
    assert!(attendees == format!("{ada}{ben}") || attendees == format!("{ben}{ada}"), "{attendees}");
    let elements = format!(
        "<meetingName>Weekly</meetingName><meetingID>my meeting</meetingID>\
         <internalMeetingID>{}</internalMeetingID><createTime>{}000</createTime><createDate>{}</createDate>\
         <attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW><running>true</running><duration>{}</duration>\
         <hasUserJoined>true</hasUserJoined><recording>false</recording>\
         <hasBeenForciblyEnded>false</hasBeenForciblyEnded><startTime>{}000</startTime><endTime>0</endTime>\
         <participantCount>2</participantCount><listenerCount>1</listenerCount>\
         <voiceParticipantCount>1</voiceParticipantCount><videoCount>1</videoCount><maxUsers>0</maxUsers>\
         <moderatorCount>1</moderatorCount><attendees>{attendees}</attendees><isBreakout>false</isBreakout>\
         <metadata><course>R&amp;D</course></metadata>",
        info.sid,
        info.creation_time,
        within(&answer, "createDate"),
        within(&answer, "duration"),
        metadata.started_at,
    );
    let expected = format!("<response><returncode>SUCCESS</returncode>{elements}</response>");
    answer.is(200, "application/xml", &expected);
    let all = ask(&server, "getMeetings", "").await;
    let duration = format!("<duration>{}</duration>", within(&all, "duration"));
    let elements = elements.replace(&format!("<duration>{}</duration>", within(&answer, "duration")), &duration);
    let expected = format!(
        "<response><returncode>SUCCESS</returncode><meetings><meeting>{elements}</meeting></meetings></response>"
    );
    all.is(200, XML, &expected);
}

/// Somebody joins and connects: their socket and their id.
async fn enter(server: &Server, query: &str) -> (meeting::SocketLink, String) {
    let answer = ask(server, "join", &format!("{query}&redirect=false")).await;
    let token = within(&answer, "session_token");
    let user = server.meetings.authorize(token).await.unwrap().user.to_string();
    (server.meetings.open_socket(token, "ws://h".into()).await.unwrap(), user)
}

#[tokio::test]
async fn whoever_waits_is_not_in_the_meeting() {
    let server = Server::start().await;
    ask(&server, "create", &format!("{MEETING}&guestPolicy=ASK_MODERATOR")).await;
    let _socket = enter(&server, "fullName=Ben&meetingID=my+meeting&password=ap").await;

    let answer = ask(&server, "getMeetingInfo", "meetingID=my+meeting").await;

    assert_eq!((within(&answer, "participantCount"), within(&answer, "attendees")), ("0", ""));
}

#[tokio::test]
async fn a_room_of_the_other_api_is_a_meeting_too() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let answer = ask(&server, "getMeetingInfo", "meetingID=room01").await;
    assert_eq!((within(&answer, "meetingID"), within(&answer, "moderatorPW")), ("room01", ""));
    assert_eq!((within(&answer, "hasUserJoined"), within(&answer, "metadata")), ("false", ""));
}

#[tokio::test]
async fn a_meeting_that_does_not_run_is_not_found() {
    let server = Server::start().await;
    let answer = ask(&server, "getMeetingInfo", "meetingID=m").await;
    failed(&answer, "notFound", "room not found in active state");
    ask(&server, "create", "name=n&meetingID=m").await;
    let _somebody_reads_why = enter(&server, "fullName=Ben&meetingID=m&role=VIEWER").await;
    ask(&server, "end", "meetingID=m").await;
    failed(&ask(&server, "getMeetingInfo", "meetingID=m").await, "notFound", "room is not active");
    failed(&ask(&server, "join", "fullName=N&meetingID=m&role=VIEWER").await, "error", "meeting is not active");
}

fn recording(number: u8, room: &str) -> Recording {
    Recording {
        record_id: format!("rec-{number}"),
        room: RoomId::try_from(room).unwrap(),
        session: SessionId::try_from(format!("sid-{number}").as_str()).unwrap(),
        recorder_id: "r".into(),
        file_path: format!("node/{number}.mp4"),
        megabytes: 1.25,
        metadata: String::new(),
        created_at_ms: 1_700_000_009_000 + i64::from(number),
        room_created_at_ms: 1_700_000_000_000,
    }
}

async fn fill(server: &Server) {
    server.shelf.sessions.lock().unwrap().push(SessionRecord {
        id: 1,
        session: NewSession {
            room: RoomId::try_from("28213d9a7279168f8173193c3b24318d").unwrap(),
            session: SessionId::try_from("sid-1").unwrap(),
            title: "Week <1>".into(),
            webhook_url: String::new(),
            parent: None,
            created_at_ms: 1_700_000_000_000,
        },
        joined_participants: 3,
        ended_at_ms: Some(1_700_000_005_000),
    });
    let mut second = recording(2, "other");
    second.metadata = r#"{"title":"Second"}"#.into();
    for row in [recording(1, "28213d9a7279168f8173193c3b24318d"), second] {
        server.shelf.add_recording(row).await.unwrap();
    }
}

#[tokio::test]
async fn a_recording_is_listed_with_a_link_that_works_for_a_while() {
    let server = Server::start().await;
    fill(&server).await;

    let answer = ask(&server, "getRecordings", "meetingID=my+meeting,x&limit=5").await;

    let url = within(&answer, "url");
    let expected = format!(
        "<response><returncode>SUCCESS</returncode><recordings><recording><recordID>rec-1</recordID>\
         <meetingID>my meeting</meetingID><internalMeetingID>sid-1</internalMeetingID><name>Week &lt;1&gt;</name>\
         <isBreakout>false</isBreakout><published>true</published><state>published</state>\
         <startTime>1700000000000</startTime><endTime>1700000005000</endTime><participants>3</participants>\
         <rawSize>1250000</rawSize><size>1250000</size><metadata></metadata><playback><format>\
         <type>presentation</type><url>{url}</url><processingTime>0</processingTime><length>0</length>\
         <size>0</size><preview><images></images></preview></format></playback></recording></recordings>\
         <pagination><pageable><offset>0</offset><limit>5</limit><paged>0</paged><unpaged>false</unpaged></pageable>\
         <totalElements>1</totalElements><empty>false</empty></pagination></response>"
    );
    answer.is(200, XML, &expected);
    let token = url.strip_prefix("http://meet.example.org:8443/download/recording/").unwrap();
    let now = i64::try_from(unix_seconds()).unwrap();
    let key = ApiKey::new(KEY, SECRET);
    assert_eq!(verify_download(&key, token, now).as_deref(), Ok("node/1.mp4"));
    assert!(verify_download(&key, token, now + 1900).is_err());
}

#[tokio::test]
async fn recordings_come_newest_first_by_page_or_by_id() {
    let server = Server::start().await;
    fill(&server).await;
    let ids = async |query: &str| {
        let answer = ask(&server, "getRecordings", query).await;
        let ids = answer.text().split("<recordID>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["rec-2", "rec-1"]);
    assert_eq!(ids("offset=1&limit=0").await, ["rec-1"]);
    assert_eq!(ids("recordID=rec-1,rec-2,rec-1,none&meetingID=none").await, ["rec-2", "rec-1"]);
    assert_eq!(ids("recordID=rec-1,rec-2&offset=1&limit=1").await, ["rec-1"]);
    let second = ask(&server, "getRecordings", "recordID=rec-2").await;
    assert_eq!((within(&second, "name"), within(&second, "meetingID")), ("Second", "other"));
    assert_eq!((within(&second, "endTime"), within(&second, "participants")), ("1700000009002", "0"));
}

#[tokio::test]
async fn no_recordings_is_an_answer_and_a_broken_shelf_is_not() {
    let server = Server::start().await;
    let none = "<response><returncode>SUCCESS</returncode><messageKey>noRecordings</messageKey><message>There are no recordings for the meeting(s).</message></response>";
    for query in ["", "meetingID=m", "recordID=r"] {
        ask(&server, "getRecordings", query).await.is(200, XML, none);
    }
    failed(&ask(&server, "getRecordings", "limit=x").await, "parsingError", "We can not parse request");
    *server.shelf.is_broken.lock().unwrap() = true;
    for (method, query) in [("getRecordings", ""), ("getRecordings", "recordID=r"), ("deleteRecordings", "recordID=r")]
    {
        failed(&ask(&server, method, query).await, "error", "could not look up the recordings");
    }
}

#[tokio::test]
async fn a_recording_is_deleted_once() {
    let server = Server::start().await;
    fill(&server).await;
    let delete = async |id: &str| ask(&server, "deleteRecordings", &format!("recordID={id}")).await;
    let deleted = "<response><returncode>SUCCESS</returncode><deleted>true</deleted></response>";
    delete("rec-1").await.is(200, XML, deleted);
    assert_eq!(server.shelf.recordings.lock().unwrap().len(), 1);
    failed(&delete("rec-1").await, "error", "not found");
    failed(&delete("").await, "error", "not found");
}

#[tokio::test]
async fn publishing_and_updating_recordings_succeeds_and_changes_nothing() {
    let server = Server::start().await;
    let done = |what: &str| format!("<response><returncode>SUCCESS</returncode><{what}>true</{what}></response>");
    ask(&server, "publishRecordings", "recordID=r&publish=false").await.is(200, XML, &done("published"));
    ask(&server, "updateRecordings", "recordID=r&meta_a=b").await.is(200, XML, &done("updated"));
}
