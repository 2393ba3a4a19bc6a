use super::*;

const OPEN: Rules = Rules {
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

const ALL_LOCKED: Locks = Locks {
    microphone: true,
    webcam: true,
    screen_sharing: true,
    chat: true,
    chat_send_message: true,
    chat_file_share: true,
    private_chat: true,
    whiteboard: true,
    shared_notepad: true,
    reactions: true,
};

fn actor(role: Role, locks: Locks) -> Actor {
    Actor { role, presenter: false, locks }
}

#[test]
fn waiting_people_may_choose_a_background_and_leave_a_note_and_do_nothing_else() {
    let waiting = actor(Role::Waiting, Locks::default());
    let allowed = [Capability::UploadBackground, Capability::LeaveNote];
    for capability in allowed {
        assert_eq!(decide(&waiting, &OPEN, capability), Ok(()));
    }
    for capability in Capability::ALL.into_iter().filter(|it| !allowed.contains(it)) {
        assert_eq!(decide(&waiting, &OPEN, capability), Err(Denial::Waiting), "{capability:?}");
    }
}

#[test]
fn spectators_watch_and_do_nothing_else_but_a_moderator_among_them_may_end_the_meeting() {
    for role in [Role::Hidden, Role::HiddenModerator, Role::Recorder] {
        for capability in Capability::ALL {
            let allowed = decide(&actor(role, Locks::default()), &OPEN, capability).is_ok();
            let watching = matches!(capability, Capability::Subscribe | Capability::Listen | Capability::SeeUsers)
                || (role == Role::Recorder && capability == Capability::ReportSelf);
            let ending = role == Role::HiddenModerator && capability == Capability::EndRoom;
            assert_eq!(allowed, watching || ending, "{role:?} {capability:?}");
        }
    }
}

#[test]
fn locks_bind_attendees_and_spare_moderators_except_at_the_whiteboard() {
    for capability in Capability::ALL {
        let attendee = decide(&actor(Role::Attendee, ALL_LOCKED), &OPEN, capability);
        let moderator = decide(&actor(Role::Moderator, ALL_LOCKED), &OPEN, capability);
        match capability {
            Capability::EditWhiteboard => assert_eq!(moderator, Err(Denial::Locked)),
            Capability::Present => assert_eq!(moderator, Err(Denial::NotPresenter)),
            Capability::LeaveNote => assert_eq!(moderator, Err(Denial::NoPart)),
            _ => assert_eq!(moderator, Ok(()), "{capability:?}"),
        }
        match capability {
            Capability::Subscribe
            | Capability::Listen
            | Capability::SeeUsers
            | Capability::RaiseHand
            | Capability::Vote
            | Capability::ReportSelf
            | Capability::UploadBackground => assert_eq!(attendee, Ok(()), "{capability:?}"),
            Capability::Present => assert_eq!(attendee, Err(Denial::NotPresenter)),
            Capability::LeaveNote => assert_eq!(attendee, Err(Denial::NoPart)),
            Capability::Publish(_)
            | Capability::PublishData
            | Capability::PublicChat
            | Capability::PrivateChatToModerator
            | Capability::PrivateChatToAttendee
            | Capability::ShareChatFile
            | Capability::ReactToChat
            | Capability::React
            | Capability::EditWhiteboard
            | Capability::EditNotepad => assert_eq!(attendee, Err(Denial::Locked), "{capability:?}"),
            _ => assert_eq!(attendee, Err(Denial::NotModerator), "{capability:?}"),
        }
    }
}

#[test]
fn a_locked_private_chat_still_reaches_moderators() {
    let locks = Locks { private_chat: true, ..Locks::default() };
    let ana = actor(Role::Attendee, locks);

    assert_eq!(decide(&ana, &OPEN, Capability::PrivateChatToAttendee), Err(Denial::Locked));
    assert_eq!(decide(&ana, &OPEN, Capability::PrivateChatToModerator), Ok(()));
}

#[test]
fn webcams_can_be_kept_to_moderators() {
    let rules = Rules { only_moderators_webcams: true, ..OPEN };
    let camera = Capability::Publish(Source::Camera);

    assert_eq!(decide(&actor(Role::Attendee, Locks::default()), &rules, camera), Err(Denial::NotModerator));
    assert_eq!(decide(&actor(Role::Moderator, Locks::default()), &rules, camera), Ok(()));
}

#[test]
fn media_rights_follow_the_table() {
    let rules = Rules { see_other_webcams: false, ..OPEN };
    let locks = Locks { screen_sharing: true, ..Locks::default() };
    let attendee = media_permission(&actor(Role::Attendee, locks), &rules);

    assert!(attendee.publish.contains(Source::Camera) && attendee.publish.contains(Source::Microphone));
    assert!(!attendee.publish.contains(Source::ScreenShare));
    assert_eq!(attendee.cameras, CameraView::Moderators);
    assert!(attendee.publish_data);
    let closed = Rules { media_data: false, ..OPEN };
    assert!(!media_permission(&actor(Role::Moderator, Locks::default()), &closed).publish_data);

    let waiting = media_permission(&actor(Role::Waiting, locks), &rules);
    assert!(waiting.publish.is_empty() && !waiting.subscribe);

    let bot = media_permission(&actor(Role::Recorder, Locks::default()), &rules);
    assert!(bot.hidden && bot.subscribe && bot.publish.is_empty());
    assert_eq!(bot.cameras, CameraView::Everyone);
}
