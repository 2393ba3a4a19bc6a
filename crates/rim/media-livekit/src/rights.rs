//! What holds of people in the rooms of meetings: what the meeting gives them, and what the API said of them (decision 0009).
//! The other server knows no meetings: it takes the last word for the right.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::media::{MediaPermission, ParticipantChange};
use model::{Identity, RoomId};

/// Most people of a room of whom something is remembered beyond their stay, as in rooms of our own.
const MAX_REMEMBERED: usize = 1000;

/// Most that is remembered of somebody's attributes, in bytes of names and values: LiveKit's own limit.
const MAX_ATTRIBUTES: usize = 64 << 10;

/// What is known of somebody.
#[derive(Debug, Default)]
struct Known {
    /// What the meeting gives them; `None` while they are not in it.
    given: Option<MediaPermission>,
    /// What the API said of them, one call laid over the other.
    said: Option<ParticipantChange>,
}

/// Everybody of whom the meeting or the API said something, for as long as the meeting goes on.
#[derive(Debug, Default)]
pub(crate) struct Rights(Mutex<HashMap<RoomId, HashMap<Identity, Known>>>);

impl Rights {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, HashMap<Identity, Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meeting gives somebody these rights from now on.
    pub(crate) fn give(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        let mut rooms = self.rooms();
        rooms.entry(room.clone()).or_default().entry(who.clone()).or_default().given = Some(permission);
    }

    /// Somebody is out of the meeting. What the API said of them holds if they come back.
    pub(crate) fn left(&self, room: &RoomId, who: &Identity) {
        let mut rooms = self.rooms();
        let Some(people) = rooms.get_mut(room) else { return };
        if let Some(known) = people.get_mut(who) {
            known.given = None;
            if known.said.is_none() {
                people.remove(who);
            }
        }
        if people.is_empty() {
            rooms.remove(room);
        }
    }

    /// Whether the meeting gives somebody anything: they are in it.
    pub(crate) fn has(&self, room: &RoomId, who: &Identity) -> bool {
        self.rooms().get(room).and_then(|people| people.get(who)).is_some_and(|known| known.given.is_some())
    }

    /// The meeting is over.
    pub(crate) fn forget(&self, room: &RoomId) {
        self.rooms().remove(room);
    }

    /// Everything the server is to be told of somebody whom the meeting gives `given`.
    pub(crate) fn of(&self, room: &RoomId, who: &Identity, given: MediaPermission) -> ParticipantChange {
        let rooms = self.rooms();
        let said = rooms.get(room).and_then(|people| people.get(who)?.said.clone()).unwrap_or_default();
        let permission = said.permission.map_or(given, |ceiling| given.within(ceiling));
        ParticipantChange { permission: Some(permission), ..said }
    }

    /// A change that the API wants, with rights no further than the meeting's; without a meeting the change as it is.
    pub(crate) fn within(&self, room: &RoomId, who: &Identity, change: ParticipantChange) -> ParticipantChange {
        let given = self.rooms().get(room).and_then(|people| people.get(who)?.given);
        let permission = change.permission.map(|wanted| given.map_or(wanted, |given| given.within(wanted)));
        ParticipantChange { permission, ..change }
    }

    /// Whether what the API said of somebody in a meeting can still be remembered with this change.
    pub(crate) fn has_space(&self, room: &RoomId, who: &Identity, change: &ParticipantChange) -> bool {
        let rooms = self.rooms();
        let known = rooms.get(room).and_then(|people| people.get(who)).filter(|known| known.given.is_some());
        let Some(known) = known else { return true };
        let size = |(name, value): (&String, &String)| if value.is_empty() { 0 } else { name.len() + value.len() };
        let before = known.said.iter().flat_map(|said| &said.attributes);
        let kept: usize = before.filter(|(name, _)| !change.attributes.contains_key(*name)).map(size).sum();
        kept + change.attributes.iter().map(size).sum::<usize>() <= MAX_ATTRIBUTES
    }

    /// The API's change was made. In a meeting it holds from now on, its rights as a ceiling.
    pub(crate) fn said(&self, room: &RoomId, who: &Identity, change: ParticipantChange) {
        let mut rooms = self.rooms();
        let Some(people) = rooms.get_mut(room) else { return };
        if people.get(who).is_none_or(|known| known.given.is_none()) {
            return;
        }
        if people.values().filter(|known| known.said.is_some()).count() >= MAX_REMEMBERED {
            // Those who are here come first.
            people.retain(|_, known| known.given.is_some());
        }
        let Some(known) = people.get_mut(who) else { return };
        let before = known.said.take().unwrap_or_default();
        let mut attributes: BTreeMap<String, String> = before.attributes;
        attributes.extend(change.attributes);
        // They are gone now.
        attributes.retain(|_, value| !value.is_empty());
        known.said = Some(ParticipantChange {
            name: change.name.or(before.name),
            metadata: change.metadata.or(before.metadata),
            attributes,
            permission: change.permission.or(before.permission),
        });
    }
}

#[cfg(test)]
mod tests {
    use model::media::{CameraView, Source, Sources};

    use super::*;

    const ALL: MediaPermission = MediaPermission {
        publish: Sources::all(),
        subscribe: true,
        publish_data: false,
        hidden: false,
        update_own: false,
        moderator: false,
        cameras: CameraView::Everyone,
    };
    const SILENT: MediaPermission = MediaPermission { publish: Sources::NONE.with(Source::Camera), ..ALL };

    fn room() -> RoomId {
        RoomId::try_from("room01").unwrap()
    }

    fn who(name: &str) -> Identity {
        Identity::try_from(name).unwrap()
    }

    fn wish(permission: MediaPermission) -> ParticipantChange {
        ParticipantChange { permission: Some(permission), ..ParticipantChange::default() }
    }

    #[test]
    fn what_the_api_says_of_somebody_in_a_meeting_is_a_ceiling_that_stays() {
        let rights = Rights::default();
        let (room, ann) = (room(), who("ann"));
        rights.give(&room, &ann, SILENT);
        assert_eq!(rights.within(&room, &ann, wish(ALL)), wish(SILENT), "no lock is lifted");

        let change = ParticipantChange {
            name: Some("Anna".into()),
            attributes: [("seat".into(), "1".into())].into(),
            ..wish(SILENT)
        };
        rights.said(&room, &ann, change.clone());
        rights.said(&room, &ann, ParticipantChange { metadata: Some("m".into()), ..ParticipantChange::default() });
        rights.left(&room, &ann);
        rights.give(&room, &ann, ALL);
        let expected = ParticipantChange { metadata: Some("m".into()), ..change };
        assert_eq!(rights.of(&room, &ann, ALL), expected, "no unlock and no return lifts the ceiling");

        rights.forget(&room);
        assert_eq!(rights.of(&room, &ann, ALL), wish(ALL));
    }

    #[test]
    fn attributes_that_were_taken_away_are_forgotten_and_the_others_are_bounded() {
        let rights = Rights::default();
        let (room, ann) = (room(), who("ann"));
        let set = |name: &str, value: String| ParticipantChange {
            attributes: [(name.to_owned(), value)].into(),
            ..ParticipantChange::default()
        };
        let (half, whole) = ("h".repeat(MAX_ATTRIBUTES / 2 - 1), "w".repeat(MAX_ATTRIBUTES - 1));
        assert!(rights.has_space(&room, &ann, &set("a", "x".repeat(MAX_ATTRIBUTES))), "nothing is remembered");
        rights.give(&room, &ann, ALL);
        assert!(!rights.has_space(&room, &ann, &set("a", "x".repeat(MAX_ATTRIBUTES))));

        rights.said(&room, &ann, set("a", half.clone()));
        assert!(
            rights.has_space(&room, &ann, &set("b", half)) && rights.has_space(&room, &ann, &set("a", whole.clone()))
        );
        assert!(!rights.has_space(&room, &ann, &set("b", whole.clone())));

        rights.said(&room, &ann, set("a", String::new()));
        assert!(rights.of(&room, &ann, ALL).attributes.is_empty());
        assert!(rights.has_space(&room, &ann, &set("b", whole)));
    }

    #[test]
    fn without_a_meeting_the_word_of_the_api_is_the_right_itself_and_nothing_is_remembered() {
        let rights = Rights::default();
        assert_eq!(rights.within(&room(), &who("ann"), wish(ALL)), wish(ALL));
        rights.said(&room(), &who("ann"), wish(SILENT));
        assert!(rights.rooms().is_empty());
    }

    #[test]
    fn people_who_left_are_forgotten_beyond_a_number_and_nobody_is_kept_for_nothing() {
        let rights = Rights::default();
        let room = room();
        for number in 0..=MAX_REMEMBERED {
            let somebody = who(&format!("p{number}"));
            rights.give(&room, &somebody, ALL);
            rights.said(&room, &somebody, wish(SILENT));
            rights.left(&room, &somebody);
        }
        assert_eq!(rights.rooms()[&room].len(), 1, "those who left made room");
        rights.give(&room, &who("bob"), ALL);
        rights.left(&room, &who("bob"));
        assert_eq!(rights.rooms()[&room].len(), 1);
    }
}
