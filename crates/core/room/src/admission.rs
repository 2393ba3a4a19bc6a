//! Getting in: join tokens, who still holds a valid one, and what a socket may do (http-api.md sections 2.2 and 4.1).

use std::collections::BTreeMap;

use model::media::Sources;
use model::policy::{Capability, Denial};
use model::{NATIVE_SUFFIX, UserId};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

use crate::devices::HELD;
use crate::journal;
use crate::limits::Allowance;
use crate::outbox::Outbox;
use crate::output::{Moment, Output};
use crate::person::{Asks, Person, Presence};
use crate::queue::{NOTE, Place, WAITS_SINCE};
use crate::rules::BOTS;
use crate::state::Room;
use crate::unsent::Refused;

/// This name once made a connection a recorder's; nobody may carry it.
const RECORDER_NAME: &str = "PLUGNMEET_RECORDER_AUTH";
const RESERVED_PREFIXES: [&str; 4] = ["ingres_", "pnm_agent-", "pnm_tts_agent-", "sip_"];
/// Who the server's own chat lines are from.
pub(crate) const SYSTEM_ID: &str = "system";

/// Somebody is to get a join token.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// As the application calls them; may be empty when the room makes ids itself.
    pub user_id: String,
    /// Display name, not empty.
    pub name: String,
    /// Moderator?
    pub is_admin: bool,
    /// Sees and hears, is not seen.
    pub is_hidden: bool,
    /// 0 web, 1 hybrid.
    pub client_type: i32,
    /// As the application sent it.
    pub metadata: pnm::UserMetadata,
    /// A fresh UUID, the session generation.
    pub generation: String,
    /// A fresh UUID, used when the room makes ids itself.
    pub spare_id: UserId,
}

/// What stays with somebody who gets another token.
#[derive(Debug, Default)]
struct Kept {
    /// Locked or unlocked for them by moderators.
    locks: pnm::LockSettings,
    /// Their place among the raised hands.
    hand: Option<pnm::UserRaisedHand>,
    is_presenter: bool,
    /// Need not wait again.
    is_let_in: bool,
    /// In the waiting room.
    place: Place,
}

/// Somebody is on the list now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Under this id.
    pub user_id: UserId,
    /// In this generation.
    pub generation: String,
}

/// Why nobody was put on the list. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitRefusal {
    /// On the block list.
    #[error("this user is blocked to join this session")]
    Blocked,
    /// The room is ending or over.
    #[error("room is not active")]
    NotActive,
    /// See [`RECORDER_NAME`].
    #[error("name: {RECORDER_NAME} is reserved for internal use only")]
    ReservedName,
    /// Ids of bots, callers and streams.
    #[error("user_id: {0} is reserved for internal use only")]
    ReservedId(String),
    /// Ids of native twins.
    #[error("user_id: suffix -native is reserved for internal use only")]
    ReservedSuffix,
    /// A pattern of the reference's storage.
    #[error("user_id cannot contain the reserved pattern '-FIELD_'")]
    FieldPattern,
    /// Another one.
    #[error("user_id cannot start with the reserved pattern 'user_'")]
    UserPattern,
    /// Not an id.
    #[error("user_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_")]
    Characters,
    /// Too long (D-38).
    #[error("user_id should not be longer than 64 characters")]
    Length,
}

/// Why a token no longer opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeRefusal {
    /// The room is ending or over.
    #[error("notifications.room-not-active")]
    NotActive,
    /// No token was made for this user in this session.
    #[error("notifications.user-info-not-found")]
    Unknown,
    /// The token ran out, and nobody who was in the meeting held it.
    #[error("notifications.token-expired")]
    Expired,
    /// Not in the meeting: media is for people whose messaging socket is, or was a moment ago, open.
    #[error("notifications.user-info-not-found")]
    NotInside,
    /// A newer token replaced this one.
    #[error("notifications.room-disconnected-duplicate-entry")]
    Superseded,
    /// On the block list.
    #[error("notifications.you-are-blocked")]
    Blocked,
    /// A moderator sent them out; a new token lets them in again.
    #[error("notifications.room-disconnected-participant-removed")]
    Removed,
    /// Opened so many sockets in so little time that the next must wait; nothing is wrong with the token.
    #[error("too many connections, try again in a moment")]
    TooOften,
    /// The room holds `max_participants` people.
    #[error("notifications.max-num-participates-exceeded")]
    Full,
}

/// A socket may not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ConnectRefusal(#[from] pub AuthorizeRefusal);

/// Who a socket says it is, from a token that was checked.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who.
    pub user: &'a UserId,
    /// In which generation; a token of the application's own making names none.
    pub generation: Option<&'a str>,
    /// The token ran out a while ago, which is forgiven to people who were in the meeting: their browser could not renew
    /// it while the network was gone.
    pub expired: bool,
}

/// A socket is somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// Whether it may take part in chat, whiteboard and data; not so in the waiting room.
    pub admitted: bool,
}

/// What a valid token is worth right now; rights come from the list, not from the token (hardening rule S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization {
    /// Moderator?
    pub is_admin: bool,
    /// In the waiting room?
    pub is_waiting: bool,
}

/// Who somebody is, as tokens say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonIdentity<'a> {
    /// Display name.
    pub name: &'a str,
    /// The session generation that is valid now.
    pub generation: &'a str,
    /// Moderator?
    pub is_admin: bool,
    /// Seen by others?
    pub is_hidden: bool,
    /// 0 web, 1 hybrid.
    pub client_type: i32,
}

impl Room {
    /// Puts somebody on the list for a new join token. If they are here already, their old session is told so and ends.
    ///
    /// # Errors
    /// A refusal leaves the room exactly as it was.
    pub fn admit(&mut self, now: Moment, ticket: Ticket) -> Result<Admission, AdmitRefusal> {
        if self.is_blocked(&ticket.user_id) {
            return Err(AdmitRefusal::Blocked);
        }
        if !self.phase().is_open() {
            return Err(AdmitRefusal::NotActive);
        }
        check_reserved(&ticket)?;
        let user_id = self.choose_id(&ticket)?;
        let kept = Kept { locks: self.locks_before(&user_id), ..self.kept(now, &user_id) };
        let stood_in_queue = self.people.get(&user_id).is_some_and(|person| person.is_waiting() && person.is_present());
        let outbox = self.evict(now, &user_id);

        let metadata = self.complete(&user_id, &ticket, kept);
        let generation = ticket.generation;
        let person = Person {
            id: user_id.clone(),
            generation: generation.clone(),
            name: ticket.name,
            hidden: ticket.is_hidden,
            blocked: None,
            removed: false,
            client_type: ticket.client_type,
            metadata,
            joined_at: 0,
            reconnected_at: 0,
            disconnected_at: 0,
            metadata_changed_at: now.unix_ms,
            presence: Presence::Added,
            outbox,
            came_before: false,
            inside: false,
            allowance: Allowance::default(),
            refused: Refused::default(),
            asked: Asks::default(),
            history_given: None,
            heard_upto: 0,
            on_air: Sources::NONE,
            was_heard: false,
        };
        self.people.insert(user_id.clone(), person);
        self.person_changed(&user_id);
        if stood_in_queue {
            self.queue_changed(now);
        }
        self.look_for_presenter(now);
        Ok(Admission { user_id, generation })
    }

    fn choose_id(&self, ticket: &Ticket) -> Result<UserId, AdmitRefusal> {
        let automatic = self.metadata.room_features.as_ref().and_then(|f| f.auto_gen_user_id).unwrap_or(false);
        if automatic && !BOTS.contains(&ticket.user_id.as_str()) {
            return Ok(ticket.spare_id.clone());
        }
        UserId::try_from(ticket.user_id.as_str()).map_err(|error| match error {
            model::IdError::Characters => AdmitRefusal::Characters,
            model::IdError::Length => AdmitRefusal::Length,
        })
    }

    /// Ends somebody's running session because a newer token takes its place. The outbox of the next session goes on
    /// with the numbers of this one, so that their journal entries never meet.
    fn evict(&mut self, now: Moment, user: &UserId) -> Outbox {
        let Some(person) = self.people.get_mut(user) else { return Outbox::default() };
        let was_listed = person.is_present() && !person.is_before_joining();
        let was_around = person.is_around();
        if let Some(conn) = person.conn() {
            person.presence = Presence::Away;
            self.conns.remove(&conn);
            self.hangup(conn, "notifications.room-disconnected-duplicate-entry");
        }
        self.record_left(now, user);
        if was_listed {
            self.tell_presence(now, user, Event::UserOffline);
        }
        if was_around {
            self.outputs.push_back(Output::RemoveFromMedia { who: user.into(), duplicate: true });
        }
        let mut outbox = self.people.remove(user).map(|person| person.outbox).unwrap_or_default();
        outbox.clear();
        let next = Outbox::restored(outbox.set_aside(), Vec::new(), BTreeMap::new());
        while let Some(number) = outbox.next_touched() {
            self.store(journal::mail_removed(user, number));
        }
        self.somebody_went(now);
        next
    }

    /// Whoever gets another token keeps what moderators locked or unlocked for them.
    fn locks_before(&self, user: &UserId) -> pnm::LockSettings {
        let Some(person) = self.people.get(user).filter(|person| !person.is_admin()) else {
            return pnm::LockSettings::default();
        };
        let mut locks = person.metadata.lock_settings.unwrap_or_default();
        if person.is_held() {
            locks.lock_microphone = None;
        }
        locks
    }

    /// What somebody who is here, or went a moment ago, keeps with another token besides the locks: it is the same person
    /// at another door of the application.
    fn kept(&self, now: Moment, user: &UserId) -> Kept {
        let Some(person) = self.people.get(user).filter(|person| !person.is_out()) else { return Kept::default() };
        let is_around = person.is_around();
        Kept {
            locks: pnm::LockSettings::default(),
            hand: person.metadata.raised_hand.filter(|hand| hand.is_raised && is_around),
            is_presenter: person.metadata.is_presenter && is_around,
            is_let_in: !person.is_waiting() && is_around,
            place: Place::of(now, person),
        }
    }

    fn complete(&self, user: &UserId, ticket: &Ticket, kept: Kept) -> pnm::UserMetadata {
        let mut metadata = ticket.metadata.clone();
        metadata.is_admin = ticket.is_admin;
        metadata.record_webcam.get_or_insert(true);
        metadata.raised_hand = Some(kept.hand.unwrap_or_default());
        metadata.wait_for_approval = false;
        metadata.is_presenter = kept.is_presenter && !ticket.is_hidden;
        for key in [HELD, WAITS_SINCE, NOTE] {
            metadata.extra_data.remove(key);
        }
        metadata.metadata_id = Some(ticket.generation.clone());
        if metadata.ex_user_id.as_deref().unwrap_or_default().is_empty() {
            metadata.ex_user_id = Some(ticket.user_id.clone());
        }
        let room_locks = self.metadata.default_lock_settings.unwrap_or_default();
        if ticket.is_admin {
            let presenter_here = self.people.values().any(|p| p.is_online() && p.metadata.is_presenter);
            metadata.is_presenter |= !presenter_here && !ticket.is_hidden && !BOTS.contains(&user.as_str());
            let mut locks = pnm::LockSettings::default();
            if !metadata.is_presenter {
                locks.lock_whiteboard = room_locks.lock_whiteboard;
            }
            metadata.lock_settings = Some(locks);
        } else {
            let asked = inherit(metadata.lock_settings.unwrap_or_default(), kept.locks);
            let mut locks = inherit(asked, room_locks);
            if !self.allows_self_unmute() && locks.lock_microphone != Some(true) {
                locks.lock_microphone = Some(true);
                metadata.extra_data.insert(HELD.into(), "true".into());
            }
            metadata.lock_settings = Some(locks);
            let waiting = self.metadata.room_features.as_ref().and_then(|f| f.waiting_room_features.as_ref());
            // Whom nobody sees nobody could let in.
            let waits = !kept.is_let_in && !ticket.is_hidden;
            metadata.wait_for_approval = waits && waiting.is_some_and(|waiting| waiting.is_active);
            if metadata.wait_for_approval {
                kept.place.restore_to(&mut metadata);
            }
        }
        metadata
    }

    /// What a token is worth. `generation` is what the token carries; one made by the application itself carries none.
    ///
    /// # Errors
    /// The reasons a token may have stopped working.
    pub fn authorize(&self, user: &UserId, generation: Option<&str>) -> Result<Authorization, AuthorizeRefusal> {
        if !self.phase().is_open() {
            return Err(AuthorizeRefusal::NotActive);
        }
        let person = self.people.get(user).ok_or(AuthorizeRefusal::Unknown)?;
        if person.blocked.is_some() {
            return Err(AuthorizeRefusal::Blocked);
        }
        if person.removed {
            return Err(AuthorizeRefusal::Removed);
        }
        if generation.is_some_and(|generation| generation != person.generation) {
            return Err(AuthorizeRefusal::Superseded);
        }
        Ok(Authorization { is_admin: person.is_admin(), is_waiting: person.is_waiting() })
    }

    /// Whether somebody may come in now: the checks of `verifyToken`, in its order. A reload after a half-open socket
    /// is let through; the new socket supersedes the old one. A token of the application's own making names no
    /// generation, so that nothing tells such a reload from somebody else.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify_join(&self, user: &UserId, generation: Option<&str>) -> Result<(), AuthorizeRefusal> {
        self.authorize(user, generation)?;
        if generation.is_none() && self.people.get(user).is_some_and(Person::is_online) {
            return Err(AuthorizeRefusal::Superseded);
        }
        self.check_room_for(user)
    }

    /// Whether the room holds one more person besides those online.
    pub(crate) fn check_room_for(&self, user: &UserId) -> Result<(), AuthorizeRefusal> {
        let limit = usize::try_from(self.max_participants).unwrap_or(usize::MAX);
        let others = self.people.values().filter(|p| p.is_online() && p.id != *user).count();
        if limit > 0 && others >= limit { Err(AuthorizeRefusal::Full) } else { Ok(()) }
    }

    /// Whether somebody may enter the media room now.
    ///
    /// # Errors
    /// As [`Self::authorize`], and when they are not in the meeting.
    pub fn authorize_media(&self, user: &UserId, generation: Option<&str>) -> Result<(), AuthorizeRefusal> {
        self.authorize(user, generation)?;
        if self.people.get(user).is_some_and(Person::is_around) { Ok(()) } else { Err(AuthorizeRefusal::NotInside) }
    }

    /// What goes into somebody's next token; nothing for the blocked and the unknown.
    pub fn identity_of(&self, user: &UserId) -> Option<PersonIdentity<'_>> {
        let person = self.people.get(user).filter(|person| !person.is_out())?;
        Some(PersonIdentity {
            name: &person.name,
            generation: &person.generation,
            is_admin: person.is_admin(),
            is_hidden: person.hidden,
            client_type: person.client_type,
        })
    }

    /// Whether somebody may end the meeting.
    ///
    /// # Errors
    /// Why not; an unknown person is refused as in the waiting room.
    pub fn may_end(&self, user: &UserId) -> Result<(), Denial> {
        let person = self.people.get(user).ok_or(Denial::Waiting)?;
        self.may(person, Capability::EndRoom)
    }

    /// Whether browsers are asked for a key of their own making (`enabled_self_insert_encryption_key`), if messages are
    /// encrypted end to end at all.
    pub fn self_inserted_key(&self) -> Option<bool> {
        let e2ee = self.metadata.room_features.as_ref()?.end_to_end_encryption_features.as_ref()?;
        e2ee.is_enabled.then_some(e2ee.enabled_self_insert_encryption_key)
    }

    /// Whether frames are encrypted end to end.
    pub fn is_encrypted(&self) -> bool {
        self.self_inserted_key().is_some()
    }

    /// One of the creator's own settings.
    pub fn extra(&self, key: &str) -> Option<&str> {
        self.metadata.extra_data.get(key).map(String::as_str)
    }
}

fn check_reserved(ticket: &Ticket) -> Result<(), AdmitRefusal> {
    let id = &ticket.user_id;
    if ticket.name == RECORDER_NAME {
        return Err(AdmitRefusal::ReservedName);
    }
    if id == SYSTEM_ID || RESERVED_PREFIXES.iter().any(|prefix| id.starts_with(prefix)) {
        return Err(AdmitRefusal::ReservedId(id.chars().take(64).collect()));
    }
    if id.ends_with(NATIVE_SUFFIX) {
        return Err(AdmitRefusal::ReservedSuffix);
    }
    if id.contains("-FIELD_") {
        return Err(AdmitRefusal::FieldPattern);
    }
    if id.starts_with("user_") {
        return Err(AdmitRefusal::UserPattern);
    }
    Ok(())
}

/// Each lock the application left unset is the room's.
fn inherit(own: pnm::LockSettings, room: pnm::LockSettings) -> pnm::LockSettings {
    pnm::LockSettings {
        lock_microphone: own.lock_microphone.or(room.lock_microphone),
        lock_webcam: own.lock_webcam.or(room.lock_webcam),
        lock_screen_sharing: own.lock_screen_sharing.or(room.lock_screen_sharing),
        lock_chat: own.lock_chat.or(room.lock_chat),
        lock_chat_send_message: own.lock_chat_send_message.or(room.lock_chat_send_message),
        lock_chat_file_share: own.lock_chat_file_share.or(room.lock_chat_file_share),
        lock_private_chat: own.lock_private_chat.or(room.lock_private_chat),
        lock_whiteboard: own.lock_whiteboard.or(room.lock_whiteboard),
        lock_shared_notepad: own.lock_shared_notepad.or(room.lock_shared_notepad),
        lock_reactions: own.lock_reactions.or(room.lock_reactions),
    }
}
