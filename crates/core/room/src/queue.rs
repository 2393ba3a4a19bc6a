//! The queue before the door: everybody's place, what they tell the hosts, and since when they wait (docs/api.md,
//! "In-meeting extensions").

use std::time::Duration;

use model::UserId;
use model::policy::Capability;

use crate::output::Moment;
use crate::person::Person;
use crate::state::Room;
use crate::waiting::WaitingRefusal;

/// `extra_data` of somebody who waits: since when, in unix milliseconds. No two in a room have the same, so that the queue
/// is the same for everybody.
pub(crate) const WAITS_SINCE: &str = "plenum_waits_since";
/// `extra_data` of somebody who waits: what they tell the hosts.
pub(crate) const NOTE: &str = "plenum_note";
/// `extra_data` of the room as those who wait see it: the moments of everybody who waits, first come first, separated by
/// commas. Who they are it does not say.
pub(crate) const QUEUE: &str = "plenum_queue";
/// Longest note, in characters.
const MAX_NOTE: usize = 300;
/// So many of the queue are listed; whoever stands behind them learns the place when they come closer.
const MAX_LISTED: usize = 200;
/// Whoever was gone for longer has left the queue, and starts anew with another token.
const PLACE_KEPT: Duration = Duration::from_secs(10 * 60);

/// What somebody who waits had before they got another token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    since: Option<String>,
    note: Option<String>,
}

impl Place {
    /// The place of somebody who is here, or went a short while ago.
    pub(crate) fn of(now: Moment, person: &Person) -> Self {
        let gone_for = now.unix_ms.saturating_sub(person.disconnected_at);
        let is_kept = person.is_present() || i64::try_from(PLACE_KEPT.as_millis()).is_ok_and(|kept| gone_for < kept);
        if !person.is_waiting() || person.is_out() || !is_kept {
            return Self::default();
        }
        let extra = &person.metadata.extra_data;
        Self { since: extra.get(WAITS_SINCE).cloned(), note: extra.get(NOTE).cloned() }
    }

    pub(crate) fn restore_to(self, person: &mut wire::pnm::UserMetadata) {
        for (key, value) in [(WAITS_SINCE, self.since), (NOTE, self.note)] {
            if let Some(value) = value {
                person.extra_data.insert(key.into(), value);
            }
        }
    }
}

/// Since when somebody waits, if they stand in the queue.
fn waits_since(person: &Person) -> Option<i64> {
    person.metadata.extra_data.get(WAITS_SINCE)?.parse().ok()
}

/// Whoever is let in tells nothing of this any more.
pub(crate) fn leave(person: &mut Person) {
    person.metadata.extra_data.remove(WAITS_SINCE);
    person.metadata.extra_data.remove(NOTE);
}

impl Room {
    /// Somebody came to the door: they stand at the end, unless they stood there before.
    pub(crate) fn stand_in_queue(&mut self, now: Moment, user: &UserId) {
        let last = self.people.values().filter_map(waits_since).max().unwrap_or_default();
        let Some(person) = self.people.get_mut(user).filter(|person| person.is_waiting()) else { return };
        if waits_since(person).is_none() {
            let since = now.unix_ms.max(last.saturating_add(1));
            person.metadata.extra_data.insert(WAITS_SINCE.into(), since.to_string());
        }
    }

    /// Tells those who wait what the queue looks like, if that changed. Call after whatever may have moved it.
    pub(crate) fn queue_changed(&mut self, now: Moment) {
        let mut since: Vec<i64> = self
            .people
            .values()
            .filter(|person| person.is_waiting() && person.is_present())
            .filter_map(waits_since)
            .collect();
        since.sort_unstable();
        let queue: Vec<String> = since.into_iter().take(MAX_LISTED).map(|since| since.to_string()).collect();
        if self.views.show_queue(queue.join(","), &mut self.ids) {
            self.tell_room_metadata_to_waiting(now);
        }
    }

    /// Somebody who waits tells the hosts something, or something else; an empty text takes it back.
    ///
    /// # Errors
    /// Whoever does not wait talks to hosts in the chat; nobody may write more than a few times.
    pub fn leave_note(&mut self, now: Moment, by: &UserId, text: &str) -> Result<(), WaitingRefusal> {
        self.may_moderate(by, Capability::LeaveNote)?;
        let Some(person) = self.people.get_mut(by).filter(|person| person.is_online()) else {
            return Err(WaitingRefusal::NoUser);
        };
        let note: String = text.chars().filter(|c| !c.is_control() || *c == '\n').take(MAX_NOTE).collect();
        let note = note.trim();
        if person.metadata.extra_data.get(NOTE).map_or("", String::as_str) == note {
            return Ok(());
        }
        if !person.allowance.notes.take(now.at) {
            return Err(WaitingRefusal::TooOften);
        }
        if note.is_empty() {
            person.metadata.extra_data.remove(NOTE);
        } else {
            person.metadata.extra_data.insert(NOTE.into(), note.into());
        }
        self.person_metadata_changed(now, by);
        Ok(())
    }
}
