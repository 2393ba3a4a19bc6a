//! Every input of a room, made from four numbers.

use std::time::Duration;

use model::media::{Fault, Source, Sources, Trouble};
use model::{Identity, RoomId};
use proptest::prelude::*;
use prost::Message;
use room::{
    Announcement, Audience, ClientReport, ClientSubject, ConnId, Device, EndReason, Forwarded, Guests, HelpCall,
    LockService, MediaStep, MediaUrl, Moderation, NewFile, OnMedia, PollAsk, Quota, RecorderReport, Request, Room,
    Whom,
};
use wire::livekit::{ParticipantInfo, TrackInfo, TrackSource};
use wire::pnm::{self, DataMsgBodyType as Body, PrivateDataDeliveryType as Kind, RoomUploadedFileType};

use crate::scene::{Scene, chat, private, user};
use crate::{NAMES, Play, SECRET};

/// Part of everything that moderators show to those inside.
pub(crate) const SHOWN: &str = "shown.example.org";
const SERVICES: [&str; 10] = [
    "mic",
    "webcam",
    "screenShare",
    "chat",
    "sendChatMsg",
    "chatFile",
    "privateChat",
    "whiteboard",
    "sharedNotepad",
    "reactions",
];

/// Which input, by whom, about whom, and the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    what: u8,
    who: usize,
    about: usize,
    more: u16,
}

pub(crate) fn any_step() -> impl Strategy<Value = Step> {
    any_step_of(0..KINDS)
}

/// Comings and goings, requests, what media servers tell, time and crashes, and more than anything else moderation.
pub(crate) fn any_moderating_step() -> impl Strategy<Value = Step> {
    any_step_of(prop_oneof![3 => 0..13u8, 6 => 18..29u8, 2 => 44..48u8, 1 => 55..58u8])
}

fn any_step_of(what: impl Strategy<Value = u8>) -> impl Strategy<Value = Step> {
    (what, 0..NAMES.len(), 0..NAMES.len(), any::<u16>()).prop_map(|(what, who, about, more)| Step {
        what,
        who,
        about,
        more,
    })
}

/// So many rows has the table of [`act`].
const KINDS: u8 = 60;

/// Does one thing. What is refused must leave the journal as it was.
pub(crate) fn act(mut play: Play, step: Step) -> Play {
    let Step { what, who, about, more } = step;
    let (name, other) = (NAMES[who], NAMES[about]);
    let (by, whom) = (user(name), user(other));
    let (flag, low) = (more & 1 == 1, usize::from(more >> 1));
    let now = play.scene.now();
    let scene = &mut play.scene;
    match what {
        0..=3 => {
            let refused = scene.admit(name, |ticket| {
                ticket.is_admin = if SECRET.contains(&name) { name != "ghost" } else { flag };
                ticket.is_hidden = SECRET.contains(&name);
            });
            drop(refused);
            play.come(name, flag);
        }
        4..=7 => play.come(name, more.is_multiple_of(3)),
        8 | 9 if scene.is_online(name) => scene.drop_socket(name),
        10..=12 => request(scene, step),
        13..=16 => publish(scene, step),
        17 => deliver(scene, step),
        18..=26 => {
            unless_refused(scene, |scene| scene.moderate(name, moderation(step)));
        }
        27 | 28 => {
            let guests = if flag { Guests::All } else { Guests::One(whom) };
            unless_refused(scene, |scene| scene.room.let_in(now, &by, &guests));
        }
        29 => drop(unless_refused(scene, |scene| scene.room.set_waiting_text(now, &by, "soon"))),
        30 => {
            let text = ["", "me", "me too"][low % 3];
            unless_refused(scene, |scene| scene.room.leave_note(now, &by, text));
        }
        31..=33 => poll(&mut play, step),
        34..=36 => breakouts(scene, step),
        37 => drop(unless_refused(scene, |scene| {
            let url = MediaUrl::parse(&format!("https://{SHOWN}/a.mp4"), "https://own.example").unwrap();
            scene.room.play_media(now, &by, url, flag.then_some(5.0))
        })),
        38 => drop(unless_refused(scene, |scene| scene.room.stop_media(now, &by))),
        39 => drop(unless_refused(scene, |scene| scene.room.prolong(now, &by, u64::from(more % 40), Some(120)))),
        40 | 41 => files(scene, step),
        42 => drop(unless_refused(scene, |scene| {
            let audience = match low % 3 {
                0 => Audience::Everybody,
                1 => Audience::Moderators(Some(whom.clone())),
                _ => Audience::One(Some(whom.clone())),
            };
            scene.room.broadcast(now, &audience, Announcement::Chat("said".into()))
        })),
        43 => scene.room.on_recorder(now, report(low)),
        44..=47 => media(scene, step),
        48 => scene.room.on_media_opened(now, Forwarded { id: "f".into(), created_at: 1 }),
        49 => drop(unless_refused(scene, |scene| scene.room.expel(now, &by))),
        50 => drop(unless_refused(scene, |scene| scene.room.remove_absent(now, &by, &whom, flag))),
        51 => scene.room.send_out(now, &by, &whom, flag),
        52 => drop(unless_refused(scene, |scene| scene.room.close_in(now, Duration::from_secs(5)))),
        53 => scene.room.keep_open(now),
        54 if scene.is_online(name) => consume(scene, step),
        55 | 56 => {
            scene.advance(Duration::from_millis(u64::from(more % 600) * 100));
            scene.ping_everybody();
        }
        57 if more.is_multiple_of(2) => return play.restart(),
        58 => scene.room.settle_up(),
        59 if more.is_multiple_of(64) => scene.room.end(now, EndReason::Asked),
        _ => {}
    }
    play.scene.drain();
    play
}

/// Whatever is refused changes nothing that is kept.
fn unless_refused<T, E>(scene: &mut Scene, act: impl FnOnce(&mut Scene) -> Result<T, E>) -> Option<T> {
    let before = scene.journal.clone();
    let done = act(scene).ok();
    scene.drain();
    assert!(done.is_some() || scene.journal == before, "a refusal changes nothing");
    done
}

fn request(scene: &mut Scene, step: Step) {
    let name = NAMES[step.who];
    if !scene.is_online(name) {
        return;
    }
    let whose = if step.more.is_multiple_of(5) { Whom::All } else { Whom::One(user(NAMES[step.about])) };
    let request = match step.more % 9 {
        0 => Request::InitialData,
        1 => Request::MediaServerData,
        2 if step.more.is_multiple_of(7) => Request::OnlineUsers,
        3 => Request::RenewToken { token: "t".into() },
        4 => Request::RaiseHand { text: "a question".into() },
        5 => Request::LowerHand,
        6 => Request::LowerOthersHand { whose },
        7 => Request::Report(ClientReport::WhiteboardFile("a.pdf".into())),
        _ => Request::Ping,
    };
    scene.request(name, request);
}

fn subject(number: u16) -> ClientSubject {
    [ClientSubject::Chat, ClientSubject::Data, ClientSubject::Whiteboard][usize::from(number % 3)]
}

/// A message of any kind, in the sender's name or another's.
fn payload(step: Step, at: i64) -> Vec<u8> {
    let from = if step.more.is_multiple_of(7) { NAMES[step.about] } else { NAMES[step.who] };
    let id = format!("m{}", step.more % 50);
    match step.more % 11 {
        0 => vec![0xff, 0xfe],
        1..=5 => chat(from, &id, "hello", at).encode_to_vec(),
        _ => {
            let kinds = [1101, 1102, 1103].into_iter().chain(0..26);
            let kind = kinds.cycle().nth(usize::from(step.more / 11) % 29).unwrap_or_default();
            let line = pnm::ChatAction {
                message_id: format!("m{}", step.more % 13),
                at: 0,
                action: Some(match step.more % 4 {
                    0 => pnm::chat_action::Action::Remove(true),
                    1 => pnm::chat_action::Action::Edit("better".into()),
                    _ => pnm::chat_action::Action::React(pnm::ChatReaction {
                        emoji: "👍".into(),
                        on: step.more % 8 > 3,
                    }),
                }),
            };
            let message = pnm::DataChannelMessage {
                id,
                r#type: kind,
                from_user_id: from.into(),
                message: r#"{"emoji":"👍","action":"play","seekTo":7}"#.into(),
                bin_message: Some(line.encode_to_vec()),
                to_user_id: None,
            };
            message.encode_to_vec()
        }
    }
}

fn publish(scene: &mut Scene, step: Step) {
    let name = NAMES[step.who];
    if !scene.is_online(name) {
        return;
    }
    let payload = payload(step, scene.now().unix_ms);
    scene.publish(name, subject(step.more / 3), payload);
    if step.more.is_multiple_of(97) {
        let conn = scene.conn(name);
        scene.room.oversized(scene.now(), conn, ClientSubject::Chat);
        scene.drain();
    }
}

fn deliver(scene: &mut Scene, step: Step) {
    let (name, other) = (NAMES[step.who], NAMES[step.about]);
    if !scene.is_online(name) {
        return;
    }
    let kind = [Kind::Chat, Kind::DataMsg, Kind::WhiteboardMsg][usize::from(step.more % 3)];
    let mut line = chat(name, "p", "psst", scene.now().unix_ms);
    (line.is_private, line.to_user_id) = (true, Some(other.into()));
    let question = pnm::DataChannelMessage {
        id: "q".into(),
        r#type: [Body::ReqPublicChatData, Body::WhiteboardSyncRequest, Body::WhiteboardSyncResponse, Body::Info]
            [usize::from(step.more / 3 % 4)]
        .into(),
        from_user_id: name.into(),
        ..Default::default()
    };
    let payload = if kind == Kind::Chat { line.encode_to_vec() } else { question.encode_to_vec() };
    // The header of a private message names its receiver, and goes to the sender as well if asked for.
    let delivery = private(other, kind);
    scene.request(name, Request::PrivateDelivery { delivery, payload });
}

fn moderation(step: Step) -> Moderation {
    let (more, flag) = (usize::from(step.more >> 5), step.more >> 4 & 1 == 1);
    let user = user(NAMES[step.about]);
    let device = [Device::Microphone, Device::Camera, Device::ScreenShare][more % 3];
    let service = LockService::named(SERVICES[more % SERVICES.len()]).unwrap();
    let whom = if more.is_multiple_of(2) { Whom::All } else { Whom::One(user.clone()) };
    match step.more % 16 {
        0 | 1 => Moderation::Lock { whom, service, locked: flag },
        2 => Moderation::MuteAll { including_moderators: flag },
        3 => Moderation::Muted { user },
        4 => Moderation::Remove { user, msg: "out".into(), block: more.is_multiple_of(3) },
        5 => Moderation::Unblock { user },
        6 => Moderation::Promote { user },
        7 => Moderation::Demote { user },
        8 => Moderation::ChangeVisibility { notepad: Some(flag), whiteboard: more.is_multiple_of(2).then_some(flag) },
        9 => Moderation::ActivateNotepad(flag),
        10 => Moderation::ShowLink(flag.then(|| format!("https://{SHOWN}/"))),
        11 => Moderation::Spotlight(if flag { vec![user] } else { Vec::new() }),
        12 => Moderation::AllowSelfUnmute(flag),
        13 if flag => Moderation::Ask { user, device },
        13 => Moderation::Stop { user, device },
        14 => Moderation::Lobby(flag),
        _ => Moderation::Rest(flag),
    }
}

fn poll(play: &mut Play, step: Step) {
    let by = user(NAMES[step.who]);
    let now = play.scene.now();
    let known = play.polls.get(usize::from(step.more >> 4) % play.polls.len().max(1)).cloned().unwrap_or_default();
    let option = |id| pnm::CreatePollOptions { id, text: format!("option {id}") };
    let ask = match step.more % 10 {
        0 | 1 => PollAsk::Create(pnm::CreatePollReq {
            question: "which?".into(),
            options: (1..=3).map(option).collect(),
            anonymous: step.more & 16 > 0,
            multiple_choice: step.more & 32 > 0,
            live_results: step.more & 64 > 0,
            ..Default::default()
        }),
        2..=4 => PollAsk::Vote { poll: known, chosen: vec![u64::from(step.more >> 6) % 5] },
        5 => PollAsk::Close(known),
        6 => PollAsk::Activate(step.more & 16 > 0),
        7 => PollAsk::Choice { poll: known, whose: NAMES[step.about].into() },
        8 => PollAsk::Details(known),
        _ => PollAsk::Result(known),
    };
    let is_new = matches!(ask, PollAsk::Create(_));
    let told = unless_refused(&mut play.scene, |scene| scene.room.poll(now, &by, ask));
    play.polls.extend(told.filter(|_| is_new).and_then(|told| told.poll_id));
}

fn breakouts(scene: &mut Scene, step: Step) {
    let (by, whom, now) = (user(NAMES[step.who]), user(NAMES[step.about]), scene.now());
    let room = RoomId::try_from(format!("room01-{}", step.more >> 4 & 3).as_str()).unwrap();
    match step.more % 10 {
        0..=2 => {
            let users = NAMES.iter().take(4).map(|id| pnm::BreakoutRoomUser { id: (*id).into(), ..Default::default() });
            let asked = pnm::BreakoutRoom {
                id: (step.more >> 4 & 3).to_string(),
                title: "A room".into(),
                users: users.collect(),
                ..Default::default()
            };
            let wish = pnm::CreateBreakoutRoomsReq {
                duration: 5,
                self_select: step.more & 64 > 0,
                rooms: vec![asked],
                ..Default::default()
            };
            let plans = unless_refused(scene, |scene| scene.room.plan_breakouts(now, &by, &wish));
            if let Some(plans) = plans {
                unless_refused(scene, |scene| scene.room.open_breakouts(now, &by, plans));
            }
        }
        3 => drop(unless_refused(scene, |scene| scene.room.close_breakout(now, &by, &room))),
        4 => scene.room.breakout_is_over(now, &room),
        5 => scene.room.strike_from_breakout(&whom, &room),
        6 => drop(unless_refused(scene, |scene| scene.room.breakout_ticket(&by, &room, "g".into()))),
        7 => drop(unless_refused(scene, |scene| {
            scene.room.move_to_breakout(&by, &whom, (step.more & 16 > 0).then_some(&room))
        })),
        8 => drop(unless_refused(scene, |scene| {
            let name = "Somebody".to_owned();
            scene.room.note_help(now, &HelpCall { room, by, name, is_withdrawn: step.more & 64 > 0 })
        })),
        _ => {
            scene.room.invite(now, &whom, &room);
            scene.room.say_as_system(now, "five minutes");
        }
    }
    assert_one_place(&mut scene.room);
}

/// Nobody stands on two lists.
fn assert_one_place(room: &mut Room) {
    for name in NAMES {
        let Ok(rooms) = room.list_breakouts(&user(name)) else { continue };
        let mut listed: Vec<String> =
            rooms.into_iter().flat_map(|(_, room)| room.users).map(|listed| listed.id).collect();
        listed.sort();
        let all = listed.len();
        listed.dedup();
        assert_eq!(listed.len(), all, "nobody is in two places");
    }
}

fn files(scene: &mut Scene, step: Step) {
    let (by, now) = (user(NAMES[step.who]), scene.now());
    let kind = RoomUploadedFileType::try_from(i32::from(step.more % 5)).unwrap();
    let file = NewFile {
        id: format!("f{}", step.more),
        name: "a.png".into(),
        path: "sid/a.png".into(),
        mime_type: "image/png".into(),
        kind,
        bytes: 1000,
    };
    let quota = Quota { bytes: 10_000, files: 8 };
    unless_refused(scene, |scene| match step.more % 6 {
        0 => scene.room.add_outside_file(file, quota).map(drop),
        _ => scene.room.add_file(now, &by, file, quota).map(drop),
    });
}

fn report(number: usize) -> RecorderReport {
    let task = pnm::RecordingTasks::try_from(i32::try_from(number % 9).unwrap()).unwrap();
    RecorderReport { task, went_well: number.is_multiple_of(2), recording: pnm::RecordingInfoEvent::default() }
}

fn media(scene: &mut Scene, step: Step) {
    let source = [TrackSource::Microphone, TrackSource::Camera, TrackSource::ScreenShare][usize::from(step.more % 3)];
    let trouble =
        Trouble { fault: Fault::ALL[usize::from(step.more) % Fault::ALL.len()], from_ms: 1, to_ms: 2, amount: 3 };
    let what = [
        MediaStep::Joined,
        MediaStep::Published,
        MediaStep::Muted,
        MediaStep::Unpublished,
        MediaStep::Spoke { millis: 500 },
        MediaStep::Troubled(trouble),
        MediaStep::Left,
    ][usize::from(step.more / 3) % 7];
    let sid = format!("TR_{}", step.more % 6);
    let track = TrackInfo { sid, source: source.into(), muted: step.more & 64 > 0, ..TrackInfo::default() };
    let who = Identity::from(&user(NAMES[step.who]));
    // Two connections, two servers that tell of them, and a twin.
    let participant =
        ParticipantInfo { sid: format!("PA_{}", step.more / 7 % 2), identity: who.to_string(), ..Default::default() };
    let forwarded = (step.more & 256 > 0).then(|| Forwarded { id: "EV_1".into(), created_at: 1 });
    let who = who.twin().filter(|_| step.more & 1536 == 1536).unwrap_or(who);
    let on = OnMedia { who, what, participant: Some(participant), track: Some(track), forwarded };
    scene.room.on_media(scene.now(), on);
    scene.drain();
    // What the room takes off the air is somebody's own.
    for (owner, sources) in std::mem::take(&mut scene.unpublished) {
        assert!(NAMES.contains(&owner.as_str()) && sources != Sources::NONE.with(Source::Microphone));
    }
}

/// What a client does with its mail besides taking it.
fn consume(scene: &mut Scene, step: Step) {
    let (conn, now) = (scene.conn(NAMES[step.who]), scene.now());
    let number = u64::from(step.more % 200);
    match step.more % 4 {
        0 => scene.room.set_credit(now, conn, u32::from(step.more % 3)),
        1 => scene.room.working(now, conn, number),
        2 => drop(scene.room.refuse(now, conn, number, Some(Duration::from_secs(1)))),
        _ => scene.room.acknowledge(now, ConnId(u64::MAX), number),
    }
}
