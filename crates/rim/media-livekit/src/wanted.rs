//! What the server is to have of people in the rooms of meetings: what the meeting gives them, what the API said of them
//! (decision 0009), and who is out. The other server knows no meetings: it takes the last word for the right.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::media::{MediaPermission, ParticipantChange};
use model::{Identity, RoomId};
use ports::media::{RestoredPerson, Standing};

/// Most people of a room of whom something is remembered beyond their stay, as in rooms of our own.
const MAX_REMEMBERED: usize = 1000;

/// Most people of a room who are out and whom the server may still have; the oldest make room.
const MAX_OUT: usize = 10_000;

/// Most that is remembered of somebody's attributes, in bytes of names and values: LiveKit's own limit.
const MAX_ATTRIBUTES: usize = 64 << 10;

/// What is known of somebody.
#[derive(Debug, Default)]
struct Known {
    /// What the meeting gives them; `None` while they are not in it.
    given: Option<MediaPermission>,
    /// What the API said of them, one call laid over the other.
    said: Option<ParticipantChange>,
    /// Since when they are out, unix seconds, until the server is known to have taken them out.
    out: Option<i64>,
}

impl Known {
    fn come(&mut self, permission: MediaPermission) {
        self.given = Some(permission);
        self.out = None;
    }

    fn go(&mut self, at: i64) {
        self.given = None;
        self.out = Some(at);
    }

    const fn is_needed(&self) -> bool {
        self.given.is_some() || self.said.is_some() || self.out.is_some()
    }
}

/// How the server is to have somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Like this.
    In(ParticipantChange),
    /// Not at all, if they came by this time, unix seconds.
    Out(i64),
    /// As they are: no meeting knows them.
    Anyhow,
}

/// Everybody of whom a meeting or the API said something, for as long as the meeting goes on.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Mutex<HashMap<RoomId, HashMap<Identity, Known>>>);

impl Wanted {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, HashMap<Identity, Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meeting gives somebody these rights from now on. Their native twin and what it has then, if it was seen.
    pub(crate) fn give(
        &self,
        room: &RoomId,
        who: &Identity,
        permission: MediaPermission,
    ) -> Option<(Identity, MediaPermission)> {
        let mut rooms = self.rooms();
        let people = rooms.entry(room.clone()).or_default();
        people.entry(who.clone()).or_default().come(permission);
        let (twin, permission) = (who.twin()?, permission.of_twin());
        people.get_mut(&twin)?.come(permission);
        Some((twin, permission))
    }

    /// Somebody is out of the meeting since `at`, unix seconds, and their native twin, if it was seen: which that is. What the
    /// API said of them holds if they come back.
    pub(crate) fn left(&self, room: &RoomId, who: &Identity, at: i64) -> Option<Identity> {
        let mut rooms = self.rooms();
        let people = rooms.entry(room.clone()).or_default();
        people.entry(who.clone()).or_default().go(at);
        let twin = who.twin()?;
        people.get_mut(&twin)?.go(at);
        Some(twin)
    }

    /// Bounds how many are out of a room. How many will not be taken out for that.
    pub(crate) fn bound_out(&self, room: &RoomId) -> u64 {
        let mut rooms = self.rooms();
        let Some(people) = rooms.get(room) else { return 0 };
        // Nobody is out for longer than the server does not answer.
        let out = people.iter().filter_map(|(who, known)| Some((known.out?, who.clone())));
        let too_many = if people.len() <= MAX_OUT { 0 } else { out.clone().count().saturating_sub(MAX_OUT) };
        if too_many == 0 {
            return 0;
        }
        let mut oldest: Vec<_> = out.collect();
        oldest.sort();
        for (_, who) in oldest.iter().take(too_many) {
            Self::change(&mut rooms, room, who, |known| known.out = None);
        }
        too_many as u64
    }

    /// Somebody who is out since `at`, unix seconds, is not there any more.
    pub(crate) fn is_gone(&self, room: &RoomId, who: &Identity, at: i64) {
        Self::change(&mut self.rooms(), room, who, |known| known.out = known.out.filter(|out| *out != at));
    }

    fn change(
        rooms: &mut HashMap<RoomId, HashMap<Identity, Known>>,
        room: &RoomId,
        who: &Identity,
        change: impl FnOnce(&mut Known),
    ) {
        let Some(people) = rooms.get_mut(room) else { return };
        if let Entry::Occupied(mut known) = people.entry(who.clone()) {
            change(known.get_mut());
            if !known.get().is_needed() {
                known.remove();
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

    /// Whether anything is wanted of anybody in the room.
    pub(crate) fn concerns(&self, room: &RoomId) -> bool {
        self.rooms().get(room).is_some_and(|people| people.values().any(|one| one.given.is_some() || one.out.is_some()))
    }

    /// Everybody who is to be out of the room, each since when, unix seconds.
    pub(crate) fn out(&self, room: &RoomId) -> Vec<(Identity, i64)> {
        let rooms = self.rooms();
        let people = rooms.get(room).into_iter().flatten();
        people.filter_map(|(who, known)| Some((who.clone(), known.out?))).collect()
    }

    /// Somebody is there. If they are somebody's native twin, they are to be as their owner is.
    pub(crate) fn see(&self, room: &RoomId, who: &Identity) {
        let mut rooms = self.rooms();
        let (Some(owner), Some(people)) = (who.twin_of(), rooms.get_mut(room)) else { return };
        match people.get(&owner).map(|known| (known.given, known.out)) {
            Some((Some(given), _)) => people.entry(who.clone()).or_default().come(given.of_twin()),
            Some((None, Some(at))) => people.entry(who.clone()).or_default().go(at),
            Some((None, None)) | None => {}
        }
    }

    /// How the server is to have somebody.
    pub(crate) fn wish(&self, room: &RoomId, who: &Identity) -> Wish {
        let rooms = self.rooms();
        let Some(known) = rooms.get(room).and_then(|people| people.get(who)) else { return Wish::Anyhow };
        match (known.given, known.out) {
            (Some(given), _) => Wish::In(below(known.said.as_ref(), given)),
            (None, Some(at)) => Wish::Out(at),
            (None, None) => Wish::Anyhow,
        }
    }

    /// What the API said of somebody, all of it.
    pub(crate) fn word(&self, room: &RoomId, who: &Identity) -> Option<ParticipantChange> {
        self.rooms().get(room)?.get(who)?.said.clone()
    }

    /// What an earlier process knew of people in a meeting that goes on.
    pub(crate) fn restore(&self, room: &RoomId, people: Vec<RestoredPerson>) {
        let mut remembered = 0;
        let known = people.into_iter().filter_map(|person| {
            let said = person.said.filter(|_| remembered < MAX_REMEMBERED);
            remembered += usize::from(said.is_some());
            let (given, out) = match person.standing {
                Standing::In(given) => (Some(given), None),
                Standing::Out { since } => (None, Some(since)),
                Standing::Neither => (None, None),
            };
            let known = Known { given, said, out };
            known.is_needed().then_some((person.who, known))
        });
        let known: HashMap<_, _> = known.collect();
        if !known.is_empty() {
            self.rooms().insert(room.clone(), known);
        }
    }

    /// The meeting is over.
    pub(crate) fn forget(&self, room: &RoomId) {
        self.rooms().remove(room);
    }

    /// Everything the server is to be told of somebody whom the meeting gives `given`.
    pub(crate) fn of(&self, room: &RoomId, who: &Identity, given: MediaPermission) -> ParticipantChange {
        let rooms = self.rooms();
        below(rooms.get(room).and_then(|people| people.get(who)?.said.as_ref()), given)
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
            people.values_mut().filter(|known| known.given.is_none()).for_each(|known| known.said = None);
            people.retain(|_, known| known.is_needed());
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

/// Everything the server is to be told of somebody of whom the API said this.
fn below(said: Option<&ParticipantChange>, given: MediaPermission) -> ParticipantChange {
    let said = said.cloned().unwrap_or_default();
    let permission = said.permission.map_or(given, |ceiling| given.within(ceiling));
    ParticipantChange { permission: Some(permission), ..said }
}

#[cfg(test)]
mod tests {
    use model::media::{Source, Sources};

    use super::*;

    const ALL: MediaPermission = MediaPermission { publish_data: false, update_own: false, ..MediaPermission::FREE };
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
        let wanted = Wanted::default();
        let (room, ann) = (room(), who("ann"));
        wanted.give(&room, &ann, SILENT);
        assert_eq!(wanted.within(&room, &ann, wish(ALL)), wish(SILENT), "no lock is lifted");

        let change = ParticipantChange {
            name: Some("Anna".into()),
            attributes: [("seat".into(), "1".into())].into(),
            ..wish(SILENT)
        };
        wanted.said(&room, &ann, change.clone());
        wanted.said(&room, &ann, ParticipantChange { metadata: Some("m".into()), ..ParticipantChange::default() });
        wanted.left(&room, &ann, 7);
        wanted.is_gone(&room, &ann, 7);
        wanted.give(&room, &ann, ALL);
        let expected = ParticipantChange { metadata: Some("m".into()), ..change };
        assert_eq!(wanted.of(&room, &ann, ALL), expected, "no unlock and no return lifts the ceiling");

        wanted.forget(&room);
        assert_eq!(wanted.of(&room, &ann, ALL), wish(ALL));
    }

    #[test]
    fn attributes_that_were_taken_away_are_forgotten_and_the_others_are_bounded() {
        let wanted = Wanted::default();
        let (room, ann) = (room(), who("ann"));
        let set = |name: &str, value: String| ParticipantChange {
            attributes: [(name.to_owned(), value)].into(),
            ..ParticipantChange::default()
        };
        let (half, whole) = ("h".repeat(MAX_ATTRIBUTES / 2 - 1), "w".repeat(MAX_ATTRIBUTES - 1));
        assert!(wanted.has_space(&room, &ann, &set("a", "x".repeat(MAX_ATTRIBUTES))), "nothing is remembered");
        wanted.give(&room, &ann, ALL);
        assert!(!wanted.has_space(&room, &ann, &set("a", "x".repeat(MAX_ATTRIBUTES))));

        wanted.said(&room, &ann, set("a", half.clone()));
        assert!(
            wanted.has_space(&room, &ann, &set("b", half)) && wanted.has_space(&room, &ann, &set("a", whole.clone()))
        );
        assert!(!wanted.has_space(&room, &ann, &set("b", whole.clone())));

        wanted.said(&room, &ann, set("a", String::new()));
        assert!(wanted.of(&room, &ann, ALL).attributes.is_empty());
        assert!(wanted.has_space(&room, &ann, &set("b", whole)));
    }

    #[test]
    fn without_a_meeting_the_word_of_the_api_is_the_right_itself_and_nothing_is_remembered() {
        let wanted = Wanted::default();
        assert_eq!(wanted.within(&room(), &who("ann"), wish(ALL)), wish(ALL));
        wanted.said(&room(), &who("ann"), wish(SILENT));
        assert!(wanted.rooms().is_empty());
    }

    #[test]
    fn people_who_left_are_forgotten_beyond_a_number_and_nobody_is_kept_for_nothing() {
        let wanted = Wanted::default();
        let room = room();
        for number in 0..=MAX_REMEMBERED {
            let somebody = who(&format!("p{number}"));
            wanted.give(&room, &somebody, ALL);
            wanted.said(&room, &somebody, wish(SILENT));
            wanted.left(&room, &somebody, 7);
            wanted.is_gone(&room, &somebody, 7);
        }
        assert_eq!(wanted.rooms()[&room].len(), 1, "those who left made room");
        wanted.give(&room, &who("bob"), ALL);
        wanted.left(&room, &who("bob"), 7);
        wanted.is_gone(&room, &who("bob"), 7);
        assert_eq!(wanted.rooms()[&room].len(), 1);
    }

    #[test]
    fn whoever_is_out_is_so_until_they_come_back_or_are_gone_and_a_later_removal_is_another() {
        let wanted = Wanted::default();
        let (room, ann) = (room(), who("ann"));
        wanted.give(&room, &ann, ALL);
        wanted.left(&room, &ann, 7);
        assert_eq!(wanted.wish(&room, &ann), Wish::Out(7));
        wanted.give(&room, &ann, SILENT);
        assert_eq!((wanted.wish(&room, &ann), wanted.out(&room)), (Wish::In(wish(SILENT)), Vec::new()));

        wanted.left(&room, &ann, 8);
        wanted.is_gone(&room, &ann, 7);
        assert_eq!(wanted.out(&room), [(ann.clone(), 8)]);
        wanted.is_gone(&room, &ann, 8);
        assert_eq!(wanted.wish(&room, &ann), Wish::Anyhow);
        assert!(!wanted.concerns(&room) && wanted.rooms().is_empty());
    }

    #[test]
    fn a_twin_that_was_seen_is_to_be_as_its_owner_is() {
        let wanted = Wanted::default();
        let (room, ann) = (room(), who("ann"));
        let twin = ann.twin().unwrap();
        assert_eq!(wanted.give(&room, &ann, ALL), None, "nobody saw one");
        wanted.see(&room, &twin);
        assert_eq!(wanted.wish(&room, &twin), Wish::In(wish(ALL.of_twin())));

        assert_eq!(wanted.give(&room, &ann, SILENT), Some((twin.clone(), SILENT.of_twin())));
        assert_eq!(wanted.within(&room, &twin, wish(ALL)), wish(SILENT.of_twin()), "the API lifts no lock of it");
        assert_eq!(wanted.left(&room, &ann, 7), Some(twin.clone()));
        assert_eq!(wanted.wish(&room, &twin), Wish::Out(7));
        wanted.is_gone(&room, &twin, 7);
        assert_eq!(wanted.left(&room, &ann, 8), None);

        wanted.see(&room, &who("bob-native"));
        assert_eq!(wanted.wish(&room, &who("bob-native")), Wish::Anyhow, "whose owner no meeting knows");
    }

    #[test]
    fn people_who_are_out_are_bounded_and_the_oldest_make_room() {
        let wanted = Wanted::default();
        let room = room();
        for number in 0..MAX_OUT {
            wanted.left(&room, &who(&format!("p{number}")), 1000 + i64::try_from(number).unwrap());
        }
        assert_eq!(wanted.bound_out(&room), 0);
        wanted.left(&room, &who("more"), i64::MAX);
        assert_eq!(wanted.bound_out(&room), 1);
        assert_eq!((wanted.wish(&room, &who("p0")), wanted.wish(&room, &who("p1"))), (Wish::Anyhow, Wish::Out(1001)));
    }

    #[test]
    fn what_an_earlier_process_knew_is_wanted_again() {
        let wanted = Wanted::default();
        let room = room();
        let person = |name, standing, said| RestoredPerson { who: who(name), standing, said };
        let people = vec![
            person("ann", Standing::In(ALL), Some(wish(SILENT))),
            person("bob", Standing::Out { since: 7 }, None),
            person("cyd", Standing::Neither, Some(wish(SILENT))),
            person("dan", Standing::Neither, None),
        ];
        wanted.restore(&room, people);

        assert_eq!(wanted.wish(&room, &who("ann")), Wish::In(wish(SILENT)));
        assert_eq!((wanted.wish(&room, &who("bob")), wanted.wish(&room, &who("cyd"))), (Wish::Out(7), Wish::Anyhow));
        assert_eq!(wanted.word(&room, &who("cyd")), Some(wish(SILENT)));
        assert_eq!(wanted.rooms()[&room].len(), 3);
    }
}
