//! Polls, breakout rooms, the media player and longer meetings, as browsers ask for them.

use axum::body::Body;
use axum::http::Request;
use prost::Message;
use wire::{plenum, pnm};

use super::harness::{Answer, ROOM, Server};

const NOT_ADMIN: &str = "only admin can perform this task";

async fn get(server: &Server, path: &str, token: &str) -> Answer {
    server.send(Request::get(path).header("authorization", token).body(Body::empty()).unwrap()).await
}

fn poll(answer: &Answer) -> pnm::PollResponse {
    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
    let told = pnm::PollResponse::decode(answer.body.clone()).unwrap();
    assert_eq!((told.status, told.msg.as_str()), (true, "success"));
    told
}

fn breakout(answer: &Answer) -> pnm::BreakoutRoomRes {
    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
    let told = pnm::BreakoutRoomRes::decode(answer.body.clone()).unwrap();
    assert_eq!((told.status, told.msg.as_str()), (true, "success"));
    told
}

fn succeeds(answer: &Answer) {
    let told = pnm::CommonResponse::decode(answer.body.clone()).unwrap();
    assert_eq!((answer.status.as_u16(), told.status, told.msg.as_str()), (200, true, "success"));
}

fn question() -> pnm::CreatePollReq {
    let option = |id, text: &str| pnm::CreatePollOptions { id, text: text.into() };
    pnm::CreatePollReq {
        poll_id: "ignored".into(),
        question: "Tea?".into(),
        options: vec![option(1, "yes"), option(2, "no")],
        ..Default::default()
    }
}

fn vote(poll: &str, option: u64) -> pnm::SubmitPollResponseReq {
    // As somebody else, which counts for nothing.
    pnm::SubmitPollResponseReq {
        user_id: "u1".into(),
        name: "x".into(),
        poll_id: poll.into(),
        selected_option: option,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_poll_from_its_question_to_its_result() {
    let server = Server::start().await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    succeeds(
        &server
            .member("/api/polls/activate", &admin, &pnm::ActivatePollsReq { is_active: true, ..Default::default() })
            .await,
    );
    assert_eq!(poll(&get(&server, "/api/polls/listPolls", &user).await).polls, []);
    assert_eq!(poll(&get(&server, "/api/polls/pollsStats", &user).await).stats, None);

    let id = poll(&server.member("/api/polls/create", &admin, &question()).await).poll_id.unwrap();
    assert_ne!(id, "ignored");
    let listed = poll(&get(&server, "/api/polls/listPolls", &user).await).polls;
    assert_eq!(
        (listed[0].id.as_str(), listed[0].room_id.as_str(), listed[0].question.as_str()),
        (&*id, "room01", "Tea?")
    );
    assert_eq!((listed[0].is_running, listed[0].created_by.as_str(), listed[0].closed_by.as_str()), (true, "U1", ""));
    let stats = pnm::PollsStats { total_polls: 1, total_running: 1 };
    assert_eq!(poll(&get(&server, "/api/polls/pollsStats", &user).await).stats, Some(stats));

    assert_eq!(poll(&server.member("/api/polls/submitResponse", &user, &vote(&id, 2)).await).poll_id, Some(id.clone()));
    server.member("/api/polls/submitResponse", &user, &vote(&id, 1)).await.refuses("user already voted");
    let total = poll(&get(&server, &format!("/api/polls/countTotalResponses/{id}"), &user).await);
    assert_eq!((total.poll_id, total.total_responses), (Some(id.clone()), Some(1)));
    let own = poll(&get(&server, &format!("/api/polls/userSelectedOption/{id}/U2"), &user).await);
    assert_eq!(own.voted, Some(2), "the id in the path keeps its case");
    let details = poll(&get(&server, &format!("/api/polls/pollResponsesDetails/{id}"), &admin).await).responses;
    assert_eq!(details["all_respondents"], r#"["U2:2:N"]"#);
    assert_eq!((details["total_resp"].as_str(), details["1_count"].as_str()), ("1", "0"));

    let result = format!("/api/polls/pollResponsesResult/{id}");
    get(&server, &result, &user).await.refuses("need to wait until poll close");
    let close = pnm::ClosePollReq { poll_id: id.clone(), ..Default::default() };
    assert_eq!(poll(&server.member("/api/polls/closePoll", &admin, &close).await).poll_id, Some(id));
    let told = poll(&get(&server, &result, &user).await).poll_responses_result.unwrap();
    assert_eq!((told.question.as_str(), told.total_responses, told.options[1].vote_count), ("Tea?", 1, 1));
}

#[tokio::test]
async fn moderators_take_the_results_of_polls_along_as_a_table() {
    let server = Server::start().await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    let id = poll(&server.member("/api/polls/create", &admin, &question()).await).poll_id.unwrap();
    let other = poll(&server.member("/api/polls/create", &admin, &question()).await).poll_id.unwrap();
    poll(&server.member("/api/polls/submitResponse", &user, &vote(&id, 2)).await);

    let whole = get(&server, "/api/plenum/polls/csv", &admin).await;
    assert_eq!((whole.status.as_u16(), whole.kind()), (200, "text/csv; charset=utf-8"));
    assert_eq!(whole.header("content-disposition"), "attachment; filename=polls-room01.csv");
    assert_eq!(whole.header("cache-control"), "no-store");
    let lines: Vec<&str> = whole.text().lines().collect();
    assert_eq!(lines.len(), 1 + 2 + 2);
    assert!(lines[2].starts_with(&id) && lines[2].ends_with(",false,false,1,2,no,1,N (U2)"), "{}", lines[2]);
    let one = get(&server, &format!("/api/plenum/polls/csv/{other}"), &admin).await;
    assert!(one.text().lines().count() == 3 && one.text().contains(&other) && !one.text().contains(&id));

    let said = |answer: &Answer| pnm::CommonResponse::decode(answer.body.clone()).unwrap().msg;
    let denied = get(&server, "/api/plenum/polls/csv", &user).await;
    assert_eq!((denied.status.as_u16(), said(&denied).as_str()), (403, NOT_ADMIN));
    let unknown = get(&server, "/api/plenum/polls/csv/p", &admin).await;
    assert_eq!((unknown.status.as_u16(), said(&unknown).as_str()), (404, "poll not found"));
    assert_eq!(get(&server, "/api/plenum/polls/csv", "rubbish").await.status, 401);
}

#[tokio::test]
async fn each_refusal_of_a_poll_has_its_text() {
    let server = Server::start().await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    let id = poll(&server.member("/api/polls/create", &admin, &question()).await).poll_id.unwrap();
    let secret = pnm::CreatePollReq { anonymous: true, ..question() };
    let secret = poll(&server.member("/api/polls/create", &admin, &secret).await).poll_id.unwrap();
    let close = |id: &str| pnm::ClosePollReq { poll_id: id.into(), ..Default::default() };

    server.member("/api/polls/activate", &user, &pnm::ActivatePollsReq::default()).await.refuses(NOT_ADMIN);
    server.member("/api/polls/create", &user, &question()).await.refuses(NOT_ADMIN);
    server.member("/api/polls/closePoll", &user, &close(&id)).await.refuses(NOT_ADMIN);
    get(&server, &format!("/api/polls/pollResponsesDetails/{id}"), &user).await.refuses(NOT_ADMIN);
    server.member("/api/polls/closePoll", &admin, &close("p")).await.refuses("redis: nil");
    let none = pnm::CreatePollReq::default();
    server.member("/api/polls/create", &admin, &none).await.refuses("a poll needs a question and 2 to 50 options");
    let others = get(&server, &format!("/api/polls/userSelectedOption/{id}/U1"), &user).await;
    others.refuses("only admin can view other user's selection");
    let others = get(&server, &format!("/api/polls/userSelectedOption/{secret}/U2"), &admin).await;
    others.refuses("this poll is anonymous");
    for (poll, option, msg) in [
        ("p", 1, "poll not found"),
        (&id, 3, "this is not an option of the poll"),
        (&id, 0, "this is not an option of the poll"),
    ] {
        server.member("/api/polls/submitResponse", &user, &vote(poll, option)).await.refuses(msg);
    }
    for path in ["pollResponsesResult", "pollResponsesDetails"] {
        get(&server, &format!("/api/polls/{path}/p"), &admin).await.refuses("poll not found");
    }
    let unknown = poll(&get(&server, "/api/polls/countTotalResponses/p", &user).await);
    assert_eq!(unknown.total_responses, Some(0));
    poll(&server.member("/api/polls/closePoll", &admin, &close(&id)).await);
    server.member("/api/polls/submitResponse", &user, &vote(&id, 1)).await.refuses("this poll is closed");
    for path in ["activate", "create", "submitResponse", "closePoll"] {
        let path = format!("/api/polls/{path}");
        let request = Request::post(&path).header("authorization", &admin).body(Body::from(vec![0xff; 4])).unwrap();
        let told = pnm::CommonResponse::decode(server.send(request).await.body).unwrap();
        assert!(!told.status && told.msg.contains("decode"), "{path}: {}", told.msg);
        assert_eq!(server.member(&path, "rubbish", &none).await.status, 401);
        assert_eq!(get(&server, &path, &admin).await.status, 404, "{path} is for POST");
    }
    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    assert_eq!(get(&server, "/api/polls/listPolls", &user).await.status, 401);
}

#[tokio::test]
async fn a_room_without_polls_says_so() {
    let server = Server::start().await;
    server.ask("/auth/room/create", &ROOM.replace("{}", r#"{"polls_features":{"is_allow":false}}"#)).await;
    let admin = server.token("U1", true).await;
    server.member("/api/polls/create", &admin, &question()).await.refuses("this room does not offer it");
}

fn rooms(ids: &[&str], duration: u64) -> pnm::CreateBreakoutRoomsReq {
    let users = vec![pnm::BreakoutRoomUser { id: "U2".into(), name: "N".into(), joined: false }];
    let room = |id: &&str| pnm::BreakoutRoom {
        id: (*id).into(),
        title: "T".into(),
        users: users.clone(),
        ..Default::default()
    };
    pnm::CreateBreakoutRoomsReq { duration, rooms: ids.iter().map(room).collect(), ..Default::default() }
}

fn join(room: &str) -> pnm::JoinBreakoutRoomReq {
    // As somebody else, which counts for nothing.
    pnm::JoinBreakoutRoomReq {
        breakout_room_id: room.into(),
        user_id: "U1".into(),
        is_admin: true,
        ..Default::default()
    }
}

#[tokio::test]
async fn breakout_rooms_from_the_first_to_the_last() {
    let server = Server::start().await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    breakout(&server.member("/api/breakoutRoom/create", &admin, &rooms(&["1", "2"], 15)).await);

    let listed = breakout(&get(&server, "/api/breakoutRoom/listRooms", &admin).await).rooms;
    let (first, second) = (&listed[0], &listed[1]);
    assert_eq!((first.id.as_str(), first.title.as_str(), first.duration, first.started), ("room01-1", "T", 15, false));
    assert_eq!((first.users.len(), second.users.len()), (1, 0), "nobody is in two rooms");
    let own = breakout(&get(&server, "/api/breakoutRoom/myRooms", &user).await).room.unwrap();
    assert_eq!(own.id, "room01-1");

    let token = breakout(&server.member("/api/breakoutRoom/join", &user, &join("room01-1")).await).token.unwrap();
    let inside = server.meetings.authorize(&token).await.unwrap();
    assert_eq!((inside.room.as_str(), inside.user.as_str(), inside.is_admin), ("room01-1", "U2", false));
    let _link = server.meetings.open_socket(&token, String::new()).await.unwrap();
    let again = server.member("/api/breakoutRoom/join", &user, &join("room01-1")).await;
    again.refuses("user has already been joined");
    let listed = breakout(&get(&server, "/api/breakoutRoom/listRooms", &admin).await).rooms;
    assert!(listed[0].started && listed[0].users[0].joined && listed[0].ends_at > 0);

    let more = |duration| pnm::IncreaseBreakoutRoomDurationReq {
        breakout_room_id: "room01-1".into(),
        duration,
        ..Default::default()
    };
    breakout(&server.member("/api/breakoutRoom/increaseDuration", &admin, &more(5)).await);
    let listed = breakout(&get(&server, "/api/breakoutRoom/listRooms", &admin).await).rooms;
    assert_eq!(listed[0].duration, 20);
    let say = pnm::BroadcastBreakoutRoomMsgReq { msg: "hello".into(), ..Default::default() };
    breakout(&server.member("/api/breakoutRoom/sendMsg", &admin, &say).await);
    let help = pnm::BreakoutHelpReq::default();
    breakout(&server.member("/api/plenum/breakout/help", &token, &help).await);
    server.member("/api/plenum/breakout/help", &token, &help).await.refuses("help was asked for a moment ago");
    let listed = breakout(&get(&server, "/api/breakoutRoom/listRooms", &admin).await).rooms;
    assert_eq!(listed[0].help_asked_by, "U2");
    let back = breakout(&server.member("/api/breakoutRoom/join", &token, &join("room01")).await).token.unwrap();
    assert_eq!(server.meetings.authorize(&back).await.unwrap().room.as_str(), "room01");
    let to = pnm::MoveBreakoutUserReq { user_id: "U2".into(), breakout_room_id: "room01-2".into() };
    breakout(&server.member("/api/plenum/breakout/move", &admin, &to).await);
    let own = breakout(&get(&server, "/api/breakoutRoom/myRooms", &user).await).room.unwrap();
    assert_eq!(own.id, "room01-2");

    let close = |room: &str, in_seconds, is_withdrawn| plenum::CloseBreakoutsReq {
        breakout_room_id: room.into(),
        in_seconds,
        is_withdrawn,
    };
    let path = "/api/plenum/breakout/close";
    server.member(path, &user, &close("", 60, false)).await.refuses(NOT_ADMIN);
    server.member(path, &admin, &close("room01-9", 60, false)).await.refuses("no breakout rooms found");
    let never = "this is not a number of seconds to count down from";
    server.member(path, &admin, &close("", 0, false)).await.refuses(never);
    let closing = async || breakout(&get(&server, "/api/breakoutRoom/listRooms", &admin).await).rooms[0].closes_at;
    breakout(&server.member(path, &admin, &close("", 60, false)).await);
    assert!(closing().await > 0);
    breakout(&server.member(path, &admin, &close("", 0, true)).await);
    assert_eq!(closing().await, 0);

    let end = pnm::EndBreakoutRoomReq { breakout_room_id: "room01-1".into(), ..Default::default() };
    breakout(&server.member("/api/breakoutRoom/endRoom", &admin, &end).await);
    breakout(&server.member("/api/breakoutRoom/endAllRooms", &admin, &pnm::EndBreakoutRoomReq::default()).await);
    get(&server, "/api/breakoutRoom/listRooms", &admin).await.refuses("no breakout rooms found");
    breakout(&server.member("/api/breakoutRoom/endAllRooms", &admin, &pnm::EndBreakoutRoomReq::default()).await);
    breakout(&server.member("/api/breakoutRoom/sendMsg", &admin, &say).await);
}

#[tokio::test]
async fn each_refusal_of_a_breakout_room_has_its_text() {
    let server = Server::start().await;
    let timed = ROOM
        .replace("{}", r#"{"room_duration":30,"breakout_room_features":{"is_allow":true,"allowed_number_rooms":2}}"#);
    server.ask("/auth/room/create", &timed).await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    let outsider = server.token("U3", false).await;
    let create = "/api/breakoutRoom/create";
    let increase = |room: &str, duration| pnm::IncreaseBreakoutRoomDurationReq {
        breakout_room_id: room.into(),
        duration,
        ..Default::default()
    };
    let end = |room: &str| pnm::EndBreakoutRoomReq { breakout_room_id: room.into(), ..Default::default() };

    server.member(create, &user, &rooms(&["1"], 5)).await.refuses(NOT_ADMIN);
    let too_long = "breakout room's duration (31) can't be more than parent room's remaining duration (30)";
    server.member(create, &admin, &rooms(&["1"], 31)).await.refuses(too_long);
    let none = "breakout room creation wasn't successful for any room";
    server.member(create, &admin, &rooms(&["a b"], 5)).await.refuses(none);
    server.member(create, &admin, &rooms(&["1", "2", "3"], 5)).await.refuses("can't create more than 2 breakout rooms");
    for path in ["/api/breakoutRoom/listRooms", "/api/breakoutRoom/myRooms"] {
        get(&server, path, &user).await.refuses("no breakout rooms found");
    }
    server.member("/api/breakoutRoom/endRoom", &admin, &end("room01-1")).await.refuses("no breakout rooms found");

    breakout(&server.member(create, &admin, &rooms(&["1"], 5)).await);
    breakout(&server.member(create, &admin, &rooms(&["2"], 0)).await);
    get(&server, "/api/breakoutRoom/listRooms", &user).await.refuses(NOT_ADMIN);
    get(&server, "/api/breakoutRoom/myRooms", &outsider).await.refuses("not found");
    let joining = "/api/breakoutRoom/join";
    server.member(joining, &user, &join("room01-9")).await.refuses("not found");
    server
        .member(joining, &outsider, &join("room01-1"))
        .await
        .refuses("user is not allowed to join this breakout room");

    let path = "/api/breakoutRoom/increaseDuration";
    server.member(path, &admin, &increase("room01-9", 5)).await.refuses("not found");
    let asleep = "can't increase duration as breakout room is not running";
    server.member(path, &admin, &increase("room01-1", 5)).await.refuses(asleep);
    let mut links = Vec::new();
    for room in ["room01-1", "room01-2"] {
        let token = breakout(&server.member(joining, &admin, &join(room)).await).token.unwrap();
        links.push(server.meetings.open_socket(&token, String::new()).await.unwrap());
    }
    let endless = "can't increase duration as breakout room has unlimited duration";
    server.member(path, &admin, &increase("room01-2", 5)).await.refuses(endless);
    let answer = server.member(path, &admin, &increase("room01-1", 60)).await;
    let told = pnm::CommonResponse::decode(answer.body).unwrap().msg;
    assert!(told.ends_with("can't be more than parent room's remaining duration (30)"), "{told}");

    for path in ["increaseDuration", "sendMsg", "endRoom"] {
        let path = format!("/api/breakoutRoom/{path}");
        server.member(&path, &user, &end("room01-1")).await.refuses(NOT_ADMIN);
        let request = Request::post(&path).header("authorization", &user).body(Body::from(vec![0xff; 4])).unwrap();
        let told = pnm::CommonResponse::decode(server.send(request).await.body).unwrap();
        assert!(told.msg.contains("decode"), "{path} reads before it asks for the rank: {}", told.msg);
    }
    server.member("/api/breakoutRoom/endAllRooms", &user, &end("")).await.refuses(NOT_ADMIN);
    let to = |user: &str, room: &str| pnm::MoveBreakoutUserReq { user_id: user.into(), breakout_room_id: room.into() };
    let moving = "/api/plenum/breakout/move";
    server.member(moving, &user, &to("U2", "room01-2")).await.refuses(NOT_ADMIN);
    server.member(moving, &admin, &to("nobody", "room01-2")).await.refuses("user not found");
    server.member(moving, &admin, &to("U2", "room01-9")).await.refuses("not found");
    let help = server.member("/api/plenum/breakout/help", &user, &pnm::BreakoutHelpReq::default()).await;
    help.refuses("only members of a breakout room can do this");
    assert_eq!(server.member(create, "rubbish", &rooms(&["1"], 5)).await.status, 401);
}

#[tokio::test]
async fn defaults_and_limits_of_the_server_hold_for_breakout_rooms_and_what_is_off_stays_off() {
    let server = Server::with(|deps| deps.rules.limits.max_duration = 10).await;
    let admin = server.token("U1", true).await;
    breakout(&server.member("/api/breakoutRoom/create", &admin, &rooms(&["1"], 0)).await);
    let info = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01-1"}"#).await;
    let info = &info["room"]["room_info"];
    assert_eq!((info["is_breakout_room"].as_i64(), info["parent_room_id"].as_str()), (Some(1), Some("room01")));
    let metadata: serde_json::Value = serde_json::from_str(info["metadata"].as_str().unwrap()).unwrap();
    let features = &metadata["room_features"];
    assert_eq!(features["room_duration"], "10");
    for off in ["breakout_room_features", "recording_features", "external_broadcasting_features"] {
        assert_eq!(features[off]["is_allow"], false, "{off}");
    }
    assert_eq!(features["enable_analytics"], false);
}

#[tokio::test]
async fn the_media_player_plays_public_addresses_and_our_own_files() {
    let server = Server::start().await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    let path = "/api/externalMediaPlayer";
    let play =
        |url: Option<&str>| pnm::ExternalMediaPlayerReq { task: 0, url: url.map(str::to_owned), ..Default::default() };
    let url = "https://video.example.org/a.mp4";

    server.member(path, &user, &play(Some(url))).await.refuses(NOT_ADMIN);
    for bad in [None, Some(""), Some("a.mp4"), Some("http://video.example.org/a.mp4"), Some("https://10.0.0.1/a.mp4")] {
        server.member(path, &admin, &play(bad)).await.refuses("valid url required");
    }
    succeeds(&server.member(path, &admin, &play(Some("http://meet.example.org/download/uploadedFile/a/b.mp4"))).await);
    succeeds(&server.member(path, &admin, &play(Some(url))).await);
    let info = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;
    let shown = info["room"]["room_info"]["metadata"].as_str().unwrap().to_owned();
    assert!(shown.contains(&format!(r#""is_active":true,"shared_by":"U1","url":"{url}""#)), "{shown}");

    succeeds(&server.member(path, &admin, &pnm::ExternalMediaPlayerReq { task: 1, ..Default::default() }).await);
    let odd = pnm::ExternalMediaPlayerReq { task: 7, ..Default::default() };
    server.member(path, &admin, &odd).await.refuses("not valid request");
}

#[tokio::test]
async fn a_moderator_puts_off_the_end_within_the_operators_limit() {
    let server = Server::with(|deps| deps.rules.limits.max_duration = 40).await;
    server.ask("/auth/room/create", &ROOM.replace("{}", r#"{"room_duration":30}"#)).await;
    let (admin, user) = (server.token("U1", true).await, server.token("U2", false).await);
    let path = "/api/plenum/increaseDuration";
    let more = |minutes| pnm::IncreaseRoomDurationReq { minutes };

    server.member(path, &user, &more(5)).await.refuses(NOT_ADMIN);
    server.member(path, &admin, &more(0)).await.refuses("this is not a number of minutes");
    server.member(path, &admin, &more(11)).await.refuses("the meeting can't last longer than 40 minutes");
    succeeds(&server.member(path, &admin, &more(10)).await);

    let server = Server::start().await;
    let admin = server.token("U1", true).await;
    server.member(path, &admin, &more(5)).await.refuses("this room has no end to put off");
}
