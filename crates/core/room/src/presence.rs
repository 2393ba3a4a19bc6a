//! Coming and going (meeting-protocol.md sections 2.9 and 10).

use std::time::{Duration, Instant};

use model::media::MediaPermission;
use model::policy::Capability;
use model::{Identity, UserId};
use wire::pnm::NatsMsgServerToClientEvents as Event;

use crate::admission::{AuthorizeRefusal, Claim, ConnectRefusal, Connected};
use crate::outbox::Route;
use crate::output::{ConnId, Moment, Output};
use crate::person::{Person, Presence};
use crate::rules;
use crate::state::Room;

/// How long others keep listing somebody whose socket closed.
pub(crate) const RECONNECT_GRACE: Duration = Duration::from_secs(5);
/// How much longer their mail and media are kept.
const OFFLINE_GRACE: Duration = Duration::from_secs(30);

/// How the media plane is to have somebody who was in the meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaStanding {
    /// With these rights.
    In(MediaPermission),
    /// Not at all, unless they came there later.
    Out {
        /// Since when, unix milliseconds.
        since_ms: i64,
    },
}

impl Person {
    fn is_gone(&self) -> bool {
        self.is_out() || matches!(self.presence, Presence::Away)
    }

    /// Since when somebody who is gone is so, unix milliseconds. Of those who were sent out, and of those who went with a
    /// process, nobody wrote it down: since now.
    fn gone_since(&self, now_ms: i64) -> i64 {
        let graces = i64::try_from((RECONNECT_GRACE + OFFLINE_GRACE).as_millis()).unwrap_or_default();
        let is_known = !self.is_out() && self.disconnected_at >= self.reconnected_at.max(self.joined_at);
        if is_known { now_ms.min(self.disconnected_at + graces) } else { now_ms }
    }
}
/// Without a PING event for this long somebody is gone, whatever their socket says.
const PING_DEADLINE: Duration = Duration::from_secs(120);

impl Room {
    /// A socket authenticated as somebody. An older socket of theirs is told that it is superseded and closed, without
    /// anybody else noticing.
    ///
    /// # Errors
    /// A refusal changes nothing; the socket gets an authorisation error.
    pub fn connect(&mut self, now: Moment, conn: ConnId, claim: Claim<'_>) -> Result<Connected, ConnectRefusal> {
        let Claim { user, generation, expired } = claim;
        self.authorize(user, generation)?;
        if expired && !self.people.get(user).is_some_and(|person| person.came_before) {
            return Err(ConnectRefusal(AuthorizeRefusal::Expired));
        }
        if !self.people.get(user).is_some_and(Person::is_present) {
            self.check_room_for(user)?;
        }
        if !self.people.get_mut(user).is_some_and(|person| person.allowance.connects.take(now.at)) {
            return Err(ConnectRefusal(AuthorizeRefusal::TooOften));
        }
        self.settle_presenter(now, user);
        let Some(person) = self.people.get_mut(user) else { return Err(ConnectRefusal(AuthorizeRefusal::Unknown)) };

        let before = person.presence;
        let came_before = std::mem::replace(&mut person.came_before, true);
        let away_since = person.disconnected_at;
        if matches!(before, Presence::Added | Presence::Away) {
            person.outbox.clear();
        }
        person.outbox.disconnected();
        person.outbox.make_room();
        let owed = person.outbox.take_owed();
        person.history_given = None;
        let heard_upto = person.heard_upto;
        person.presence = Presence::Online { conn, ping_due: now.at + PING_DEADLINE };
        if person.joined_at == 0 {
            person.joined_at = now.unix_ms;
            self.joined_total += 1;
            self.changed.info = true;
            self.outputs.push_back(Output::SetJoined(self.joined_total));
        } else {
            person.reconnected_at = now.unix_ms;
        }
        self.stand_in_queue(now, user);
        let admitted = self.people.get(user).is_some_and(|p| self.may(p, Capability::Listen).is_ok());
        self.record_joined(now, user);
        self.conns.insert(conn, user.clone());
        self.person_changed(user);

        if let Presence::Online { conn: old, .. } = before {
            self.conns.remove(&old);
            self.hangup(old, "notifications.room-disconnected-duplicate-entry");
        } else {
            self.tell_presence(now, user, Event::UserJoined);
        }
        if !rules::BOTS.contains(&user.as_str()) {
            self.somebody_came(now, user);
        }
        if came_before {
            self.bring_up_to_date(now, user, away_since);
            self.send_missed_chat(now, user, heard_upto);
            self.tell_player(now, user);
        }
        for question in owed {
            self.answer(now, user, question);
        }
        self.mail_changed(user);
        self.queue_changed(now);
        self.look_for_presenter(now);
        Ok(Connected { admitted })
    }

    /// Somebody did what clients do in a meeting and not on the page before it: from now on others know of them.
    pub(crate) fn step_inside(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.people.get(user).filter(|person| !person.inside) else { return };
        if self.may(person, Capability::Listen).is_err() {
            return;
        }
        if let Some(person) = self.people.get_mut(user) {
            person.inside = true;
        }
        self.person_changed(user);
        self.tell_presence(now, user, Event::UserJoined);
    }

    /// Somebody's client began anew: they are on the page before the meeting again. How often others are told is bounded
    /// as connections are.
    pub(crate) fn step_outside(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.people.get_mut(user).filter(|person| person.inside) else { return };
        if !person.allowance.connects.take(now.at) {
            return;
        }
        self.tell_presence(now, user, Event::UserOffline);
        if let Some(person) = self.people.get_mut(user) {
            person.inside = false;
        }
        self.person_changed(user);
    }

    /// Two moderators may get tokens before either is here, or one of them before the presenter is back: whoever comes
    /// while another presents is not presenter.
    fn settle_presenter(&mut self, now: Moment, user: &UserId) {
        let taken = self.people.values().any(|p| p.metadata.is_presenter && p.is_present() && p.id != *user);
        let id = self.ids.uuid();
        if let Some(person) = self.people.get_mut(user).filter(|person| taken && person.metadata.is_presenter) {
            person.metadata.is_presenter = false;
            person.metadata.metadata_id = Some(id);
            person.metadata_changed_at = now.unix_ms;
        }
    }

    /// Missed state is not asked for again by the client, so whoever comes back is told (section 2.9).
    fn bring_up_to_date(&mut self, now: Moment, user: &UserId, away_since: i64) {
        self.tell_room_metadata_to(now, user);
        self.tell_metadata_of(now, std::slice::from_ref(user), Route::Private, user);
        if let Some(list) = self.users_list(now, user) {
            self.tell(now, user, Event::RespOnlineUsersList, list);
        }
        let Some(viewer) = self.people.get(user) else { return };
        let changed: Vec<UserId> = self
            .people
            .values()
            .filter(|p| {
                p.id != *user && p.is_online() && p.metadata_changed_at >= away_since && self.knows_of(viewer, p)
            })
            .map(|p| p.id.clone())
            .collect();
        for about in changed {
            self.tell_metadata_of(now, std::slice::from_ref(user), Route::Private, &about);
        }
    }

    /// A socket closed. Only that of somebody's current connection says anything about them.
    pub fn disconnect(&mut self, now: Moment, conn: ConnId) {
        let Some(user) = self.conns.remove(&conn) else { return };
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.conn() != Some(conn) {
            return;
        }
        person.outbox.disconnected();
        person.disconnected_at = now.unix_ms;
        person.presence = Presence::Disconnected { until: now.at + RECONNECT_GRACE };
        self.person_changed(&user);
        self.mail_changed(&user);
        self.record_left(now, &user);
        self.tell_presence(now, &user, Event::UserDisconnected);
        if self.life.is_over() {
            self.somebody_went(now);
        }
    }

    /// The consumer of this socket takes so many messages now.
    pub fn set_credit(&mut self, now: Moment, conn: ConnId, available: u32) {
        let Some(person) = self.conns.get(&conn).and_then(|user| self.people.get_mut(user)) else { return };
        person.outbox.set_credit(available);
        Self::flush(person, now, self.history.last_number(), &mut self.outputs);
    }

    /// A message was handled.
    pub fn acknowledge(&mut self, now: Moment, conn: ConnId, stream_seq: u64) {
        let Some(user) = self.conns.get(&conn).cloned() else { return };
        let Some(person) = self.people.get_mut(&user) else { return };
        // Whatever was said before this message was sent went down the same socket first.
        person.heard_upto = person.heard_upto.max(person.outbox.ack(stream_seq));
        let done = person.outbox.is_idle() && self.life.is_over();
        Self::flush(person, now, self.history.last_number(), &mut self.outputs);
        self.mail_changed(&user);
        if done {
            self.outputs.push_back(Output::Hangup { conn, farewell: None });
        }
    }

    /// A message could not be handled. `false` if it was given up after the last try.
    pub fn refuse(&mut self, now: Moment, conn: ConnId, stream_seq: u64, delay: Option<Duration>) -> bool {
        let Some(user) = self.conns.get(&conn).cloned() else { return true };
        let Some(person) = self.people.get_mut(&user) else { return true };
        let comes_again = person.outbox.nak(now.at, stream_seq, delay);
        self.mail_changed(&user);
        comes_again
    }

    /// A message takes longer to handle.
    pub fn working(&mut self, now: Moment, conn: ConnId, stream_seq: u64) {
        if let Some(person) = self.conns.get(&conn).and_then(|user| self.people.get_mut(user)) {
            person.outbox.working(now.at, stream_seq);
        }
    }

    /// Somebody's application answered: they are here.
    pub(crate) fn pinged(&mut self, now: Moment, user: &UserId) {
        if let Some(person) = self.people.get_mut(user)
            && let Presence::Online { ping_due, .. } = &mut person.presence
        {
            *ping_due = now.at + PING_DEADLINE;
        }
    }

    /// Whether people are not to see each other's webcams, which only a media plane of our own can see to.
    pub fn hides_webcams(&self) -> bool {
        !rules::rules(&self.metadata).see_other_webcams
    }

    /// Rights on the media plane, as they are now.
    pub fn media_permission(&self, user: &UserId) -> Option<MediaPermission> {
        let person = self.people.get(user)?;
        Some(model::policy::media_permission(&rules::actor(person, &self.metadata), &rules::rules(&self.metadata)))
    }

    /// Whether somebody was in the meeting and is not any more, so that nothing on the media plane is theirs.
    pub fn is_gone(&self, user: &UserId) -> bool {
        self.people.get(user).is_some_and(Person::is_gone)
    }

    /// Everybody who was in the meeting as the media plane is to have them. Whoever has only been given a token is not among
    /// them.
    pub fn media_standings(&self, now: Moment) -> Vec<(UserId, MediaStanding)> {
        let been = self.people.values().filter(|person| person.is_gone() || person.is_around());
        been.filter_map(|person| {
            let standing = if person.is_gone() {
                MediaStanding::Out { since_ms: person.gone_since(now.unix_ms) }
            } else {
                MediaStanding::In(self.media_permission(&person.id)?)
            };
            Some((person.id.clone(), standing))
        })
        .collect()
    }

    pub(crate) fn presence_timeouts(&mut self, now: Moment) {
        let due: Vec<UserId> =
            self.people.values().filter(|p| presence_due(p.presence, now.at)).map(|p| p.id.clone()).collect();
        for user in due {
            let Some(person) = self.people.get_mut(&user) else { continue };
            match person.presence {
                Presence::Online { conn, .. } => {
                    self.outputs.push_back(Output::Hangup { conn, farewell: None });
                    self.disconnect(now, conn);
                }
                Presence::Disconnected { .. } => {
                    person.presence = Presence::Offline { until: now.at + OFFLINE_GRACE };
                    self.person_changed(&user);
                    // Whose socket went with the last process has not left before.
                    self.record_left(now, &user);
                    self.tell_presence(now, &user, Event::UserOffline);
                    self.somebody_went(now);
                }
                Presence::Offline { .. } => {
                    person.presence = Presence::Away;
                    person.inside = false;
                    person.outbox.clear();
                    self.mail_changed(&user);
                    self.person_changed(&user);
                    self.outputs.push_back(Output::RemoveFromMedia { who: Identity::from(&user), duplicate: false });
                    self.tell_former_gone(now, &user);
                    self.leave_spotlight(now, &user);
                    self.lower_hand(now, &user);
                }
                Presence::Added | Presence::Away => {}
            }
        }
        self.hand_over_presenter(now);
        self.queue_changed(now);
    }
}

fn presence_due(presence: Presence, now: Instant) -> bool {
    match presence {
        Presence::Online { ping_due, .. } => ping_due <= now,
        Presence::Disconnected { until } | Presence::Offline { until } => until <= now,
        Presence::Added | Presence::Away => false,
    }
}
