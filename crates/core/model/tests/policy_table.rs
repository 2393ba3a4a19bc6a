//! The policy table, said a second time as data: every capability for every role, feature and lock. `docs/policy.md` is
//! this data; a test says when the page is stale.
#![allow(clippy::unwrap_used, clippy::struct_field_names, reason = "a test")]

use std::fmt::Write;

use model::media::Source;
use model::policy::{Actor, Capability as C, Denial, Locks, Role, Rules, decide};

use Role::{Attendee, Hidden, HiddenModerator, Ingress, Moderator, Phone, Recorder};

/// A field of rules or locks.
type Field<T> = fn(&mut T) -> &mut bool;

/// Features by name, with the way to set them. The one that forbids is the last.
const FEATURES: [(&str, Field<Rules>); 17] = [
    ("allow_webcams", |r| &mut r.webcams),
    ("allow_screen_share", |r| &mut r.screen_share),
    ("allow_view_other_webcams", |r| &mut r.see_other_webcams),
    ("allow_view_other_users_list", |r| &mut r.see_other_users),
    ("allow_raise_hand", |r| &mut r.raise_hand),
    ("allow_reactions", |r| &mut r.reactions),
    ("chat_features", |r| &mut r.chat),
    ("chat_features.is_allow_file_upload", |r| &mut r.chat_files),
    ("whiteboard_features", |r| &mut r.whiteboard),
    ("shared_note_pad_features", |r| &mut r.shared_notepad),
    ("polls_features", |r| &mut r.polls),
    ("breakout_room_features", |r| &mut r.breakouts),
    ("external_media_player_features", |r| &mut r.media_player),
    ("allow_virtual_bg", |r| &mut r.virtual_backgrounds),
    ("display_external_link_features", |r| &mut r.external_link),
    ("plenum_media_data", |r| &mut r.media_data),
    ("admin_only_webcams", |r| &mut r.only_moderators_webcams),
];

const LOCKS: [(&str, Field<Locks>); 10] = [
    ("mic", |l| &mut l.microphone),
    ("webcam", |l| &mut l.webcam),
    ("screenShare", |l| &mut l.screen_sharing),
    ("chat", |l| &mut l.chat),
    ("sendChatMsg", |l| &mut l.chat_send_message),
    ("chatFile", |l| &mut l.chat_file_share),
    ("privateChat", |l| &mut l.private_chat),
    ("whiteboard", |l| &mut l.whiteboard),
    ("sharedNotepad", |l| &mut l.shared_notepad),
    ("reactions", |l| &mut l.reactions),
];

/// What presenting has to do with it.
#[derive(Clone, Copy, PartialEq)]
enum Presenting {
    /// Nothing.
    No,
    /// Attendees and moderators need it.
    Needed,
    /// It is enough for an attendee.
    Enough,
    /// It lifts the lock, and being a moderator does not.
    LiftsLock,
}

struct Row {
    what: C,
    title: &'static str,
    who: &'static [Role],
    presenting: Presenting,
    needs: &'static [&'static str],
    locks: &'static [&'static str],
}

const EVERYBODY_INSIDE: &[Role] = &[Moderator, Attendee, Hidden, HiddenModerator, Recorder];
const SPEAKERS: &[Role] = &[Moderator, Attendee];
const MODERATORS: &[Role] = &[Moderator];

const fn row(what: C, title: &'static str, who: &'static [Role]) -> Row {
    Row { what, title, who, presenting: Presenting::No, needs: &[], locks: &[] }
}

impl Row {
    const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    const fn locks(self, locks: &'static [&'static str]) -> Self {
        Self { locks, ..self }
    }

    const fn presenting(self, presenting: Presenting) -> Self {
        Self { presenting, ..self }
    }
}

const TABLE: [Row; C::ALL.len()] = [
    row(C::Subscribe, "receive media", &[Moderator, Attendee, Hidden, HiddenModerator, Recorder, Phone]),
    row(C::Listen, "receive chat, data, whiteboard, room events", EVERYBODY_INSIDE),
    row(C::SeeUsers, "see everybody on the list, not only moderators", EVERYBODY_INSIDE),
    row(
        C::ReportSelf,
        "report on oneself (tab hidden, line quality), ask to be synchronised",
        &[Moderator, Attendee, Recorder],
    ),
    row(C::Publish(Source::Microphone), "microphone", &[Moderator, Attendee, Ingress, Phone]).locks(&["mic"]),
    row(C::Publish(Source::Camera), "camera", &[Moderator, Attendee, Ingress])
        .needs(&["allow_webcams"])
        .locks(&["webcam"]),
    row(C::Publish(Source::ScreenShare), "shared screen", &[Moderator, Attendee, Ingress])
        .needs(&["allow_screen_share"])
        .locks(&["screenShare"]),
    row(C::Publish(Source::ScreenShareAudio), "sound of a shared screen", &[Moderator, Attendee, Ingress])
        .needs(&["allow_screen_share"])
        .locks(&["screenShare"]),
    row(C::PublishData, "data packets over the media connection", SPEAKERS)
        .needs(&["plenum_media_data"])
        .locks(&["chat", "sendChatMsg"]),
    row(C::PublicChat, "chat with everybody", SPEAKERS).needs(&["chat_features"]).locks(&["chat", "sendChatMsg"]),
    row(C::PrivateChatToModerator, "chat with one moderator", SPEAKERS).needs(&["chat_features"]).locks(&["chat"]),
    row(C::PrivateChatToAttendee, "chat with one attendee", SPEAKERS)
        .needs(&["chat_features"])
        .locks(&["chat", "privateChat"]),
    row(C::ReactToChat, "sign under a line of chat", SPEAKERS)
        .needs(&["chat_features", "allow_reactions"])
        .locks(&["chat", "reactions"]),
    row(C::RemoveOthersChat, "take away what others wrote in the chat", MODERATORS),
    row(C::ShareChatFile, "file in the chat", SPEAKERS)
        .needs(&["chat_features", "chat_features.is_allow_file_upload"])
        .locks(&["chat", "chatFile"]),
    row(C::UploadMedia, "upload a film or sound for the media player", MODERATORS)
        .needs(&["external_media_player_features"]),
    row(C::UploadBackground, "upload a picture to be seen in front of", &[Role::Waiting, Moderator, Attendee])
        .needs(&["allow_virtual_bg"]),
    row(C::RaiseHand, "raise one's hand", &[Moderator, Attendee, Phone]).needs(&["allow_raise_hand"]),
    row(C::React, "reaction", SPEAKERS).needs(&["allow_reactions"]).locks(&["reactions"]),
    row(C::EditWhiteboard, "draw on the whiteboard", SPEAKERS)
        .needs(&["whiteboard_features"])
        .locks(&["whiteboard"])
        .presenting(Presenting::LiftsLock),
    row(C::EditNotepad, "write on the notepad", SPEAKERS)
        .needs(&["shared_note_pad_features"])
        .locks(&["sharedNotepad"]),
    row(C::Present, "turn pages, drive the media player and shared views", SPEAKERS).presenting(Presenting::Needed),
    row(C::ChangeVisibility, "show or hide whiteboard and notepad for everybody", MODERATORS)
        .presenting(Presenting::Enough),
    row(C::ShareLink, "show everybody an external page", MODERATORS).needs(&["display_external_link_features"]),
    row(C::ManageNotepad, "turn the notepad on or off", MODERATORS).needs(&["shared_note_pad_features"]),
    row(C::Vote, "vote in polls", SPEAKERS).needs(&["polls_features"]),
    row(C::ManagePolls, "make and close polls, see who voted", MODERATORS).needs(&["polls_features"]),
    row(C::ManageBreakouts, "make and end breakout rooms, move people", MODERATORS).needs(&["breakout_room_features"]),
    row(C::PlayMedia, "play a video for everybody", MODERATORS).needs(&["external_media_player_features"]),
    row(C::LowerOthersHand, "lower somebody's hand, or all", MODERATORS),
    row(C::Instruct, "ask somebody to turn something on, push breakout invitations, announce recordings", MODERATORS),
    row(C::LeaveNote, "tell the hosts something from the waiting room", &[Role::Waiting]),
    row(C::ManageWaitingRoom, "let people in, turn the waiting room on or off, write what they read", MODERATORS),
    row(C::LockOthers, "lock and unlock", MODERATORS),
    row(C::MuteOthers, "mute others, say whether attendees unmute themselves", MODERATORS),
    row(C::StopOthers, "stop somebody's camera or shared screen", MODERATORS),
    row(C::RemoveOthers, "send somebody out, block and unblock", MODERATORS),
    row(C::AssignPresenter, "say who presents", MODERATORS),
    row(C::Spotlight, "say who is shown large", MODERATORS),
    row(C::PutAtRest, "put the meeting at rest, and back", MODERATORS),
    row(C::ExtendMeeting, "put off the end of the meeting", MODERATORS),
    row(C::EndRoom, "end the meeting", &[Moderator, HiddenModerator]),
];

fn open() -> Rules {
    let mut rules = Rules {
        webcams: true,
        only_moderators_webcams: false,
        screen_share: true,
        see_other_webcams: true,
        see_other_users: true,
        raise_hand: true,
        reactions: true,
        chat: true,
        chat_files: true,
        whiteboard: true,
        shared_notepad: true,
        polls: true,
        breakouts: true,
        media_player: true,
        virtual_backgrounds: true,
        external_link: true,
        media_data: true,
    };
    for (name, of) in FEATURES {
        *of(&mut rules) = name != "admin_only_webcams";
    }
    rules
}

/// What [`TABLE`] says.
fn expected(row: &Row, actor: &Actor, rules: &mut Rules, locks: &mut Locks) -> bool {
    let mut offers = |name: &str| *FEATURES.iter().find(|(feature, _)| *feature == name).unwrap().1(rules);
    let moderates = matches!(actor.role, Moderator | Ingress);
    let offered = row.needs.iter().all(|name| offers(name));
    let kept = row.what == C::Publish(Source::Camera) && offers("admin_only_webcams") && !moderates;
    let unlisted = row.what == C::SeeUsers
        && !offers("allow_view_other_users_list")
        && !matches!(actor.role, Moderator | Recorder);
    let is_locked =
        row.locks.iter().any(|name| *LOCKS.iter().find(|(lock, _)| lock == name).unwrap().1(locks)) && !moderates;
    let lock_holds = match row.presenting {
        Presenting::LiftsLock => locks.whiteboard && !actor.presenter,
        Presenting::No | Presenting::Needed | Presenting::Enough => is_locked,
    };
    let is_among = row.who.contains(&actor.role)
        || (row.presenting == Presenting::Enough && actor.presenter && actor.role == Attendee);
    let presents = row.presenting != Presenting::Needed || actor.presenter;
    is_among && presents && offered && !kept && !unlisted && !lock_holds
}

fn check(row: &Row, mut rules: Rules, mut locks: Locks) {
    for role in Role::ALL {
        for presenter in [false, true] {
            let actor = Actor { role, presenter, locks };
            let said = decide(&actor, &rules, row.what);
            let meant = expected(row, &actor, &mut rules, &mut locks);
            assert_eq!(said.is_ok(), meant, "{:?} as {actor:?} in {rules:?}: {said:?}", row.what);
        }
    }
}

fn locks_of(bits: u32) -> Locks {
    let mut locks = Locks::default();
    for (index, (_, of)) in LOCKS.iter().enumerate() {
        *of(&mut locks) = bits & (1 << index) != 0;
    }
    locks
}

fn rules_of(bits: u32) -> Rules {
    let mut rules = open();
    for (index, (_, of)) in FEATURES.iter().enumerate() {
        *of(&mut rules) = bits & (1 << index) != 0;
    }
    rules
}

/// Every one and every two of the features, as bits.
fn pairs() -> impl Iterator<Item = u32> {
    (0..FEATURES.len()).flat_map(|one| (0..=one).map(move |other| 1 << one | 1 << other))
}

#[test]
fn the_data_names_every_capability_once() {
    for capability in C::ALL {
        assert_eq!(TABLE.iter().filter(|row| row.what == capability).count(), 1, "{capability:?}");
    }
}

#[test]
fn every_lock_binds_whom_the_table_says_and_nobody_else() {
    for row in &TABLE {
        for locks in 0..1 << LOCKS.len() {
            check(row, open(), locks_of(locks));
        }
    }
}

#[test]
fn every_feature_opens_what_the_table_says_and_nothing_else() {
    for row in &TABLE {
        // No row looks at more than two of them: with everything on and everything off, each pair in all its states.
        for pair in pairs() {
            for rules in [0, u32::MAX, pair, !pair] {
                check(row, rules_of(rules), Locks::default());
                check(row, rules_of(rules), locks_of(u32::MAX));
            }
        }
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let as_role = |role, presenter, locks| Actor { role, presenter, locks };
    for row in &TABLE {
        let reason = |role| decide(&as_role(role, false, Locks::default()), &open(), row.what).err();
        let waits = row.who.contains(&Role::Waiting);
        assert_eq!(reason(Role::Waiting), (!waits).then_some(Denial::Waiting), "{:?}", row.what);
        for watcher in [Hidden, HiddenModerator, Recorder].into_iter().filter(|role| !row.who.contains(role)) {
            assert_eq!(reason(watcher), Some(Denial::Spectator), "{:?}", row.what);
        }
        for machine in [Ingress, Phone].into_iter().filter(|role| !row.who.contains(role)) {
            assert_eq!(reason(machine), Some(Denial::NoPart), "{:?}", row.what);
        }
        // What is for those who wait alone, whoever is inside has no part in.
        let inside = row.who.iter().any(|role| *role != Role::Waiting);
        if !row.who.contains(&Attendee) {
            let expected = if inside { Denial::NotModerator } else { Denial::NoPart };
            assert_eq!(reason(Attendee), Some(expected), "{:?}", row.what);
        }
        let locked = decide(&as_role(Attendee, false, locks_of(u32::MAX)), &open(), row.what).err();
        if !row.locks.is_empty() {
            assert_eq!(locked, Some(Denial::Locked), "{:?}", row.what);
        }
        let closed = decide(&as_role(Moderator, true, Locks::default()), &rules_of(0), row.what).err();
        let expected =
            if inside { (!row.needs.is_empty()).then_some(Denial::FeatureOff) } else { Some(Denial::NoPart) };
        assert_eq!(closed, expected, "{:?}", row.what);
    }
}

const HEAD: &str = "\
# Who may do what

Written from the policy table (`crates/core/model`), which the HTTP API, the messaging gateway and the media plane all ask; a
test fails when this page is stale. Everything not said here is refused. People in the waiting room may do nothing but (4) and (5).

- *Moderator*, *hidden moderator*: joined with `is_admin`. *Presenter*: whoever drives shared views, moderator or not.
- *Hidden*: joined with `is_hidden`; watches. *Recorder*: the recording or broadcasting bot. *Ingress*: a stream that is fed
  in. *Phone*: a caller.
- *Needs*: the room's features that must be on. *Locks*: the lock settings that take it away, a person's own or else the room's;
  they bind attendees and callers.

";

const FOOT: &str = "
1. With `admin_only_webcams` moderators and streams only.
2. Without `allow_view_other_users_list` moderators and recorders only; everybody else sees moderators and themselves.
3. The lock binds moderators as well; the presenter draws whatever is locked.
4. In the waiting room as well, whose preview offers it.
5. In the waiting room alone.

Whose cameras somebody receives: with `allow_view_other_webcams` everybody's, without it those of moderators and streams;
moderators and recorders always receive all.
";

fn page() -> String {
    let columns = [Moderator, Attendee, Hidden, HiddenModerator, Recorder, Ingress, Phone];
    let mut page = HEAD.to_owned();
    page.push_str(
        "| | Moderator | Presenter | Attendee | Hidden | Hidden moderator | Recorder | Ingress | Phone | Needs | Locks |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for row in &TABLE {
        let allowed =
            |role, presenter| decide(&Actor { role, presenter, locks: Locks::default() }, &open(), row.what).is_ok();
        let cell = |yes: bool| if yes { "yes" } else { "–" };
        let note = match row.what {
            C::Publish(Source::Camera) => " (1)",
            C::SeeUsers => " (2)",
            C::EditWhiteboard => " (3)",
            C::UploadBackground => " (4)",
            C::LeaveNote => " (5)",
            _ => "",
        };
        let mut cells = vec![cell(allowed(Moderator, false)), cell(allowed(Attendee, true))];
        cells.extend(columns.into_iter().skip(1).map(|role| cell(allowed(role, false))));
        let named = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let (needs, locks) = (named(row.needs), named(row.locks));
        writeln!(page, "| {}{note} | {} | {needs} | {locks} |", row.title, cells.join(" | ")).unwrap();
    }
    page.push_str(FOOT);
    page
}

#[test]
fn the_printed_table_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/policy.md");
    let page = page();
    if std::env::var_os("PLENUM_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|found| found == page),
        "docs/policy.md is stale: PLENUM_WRITE_DOCS=1 cargo test -p model --test policy_table writes it"
    );
}
