//! What all shards know together: which room lives where, who is called under which ICE name, and who was lost.
//!
//! Behind locks, because joins, ends and connectivity checks that went astray ask here. No media packet does.

use model::{Identity, RoomId, SessionId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

/// Number of a shard.
pub(crate) type ShardIndex = usize;

/// Somebody in a meeting, whatever their connection.
pub(crate) type Who = (RoomId, SessionId, Identity);

/// So many who were lost are remembered; of more, those of the last hour alone.
const MAX_LOST: usize = 10_000;
const LOST_FOR: Duration = Duration::from_secs(3600);

/// Where a room lives.
#[derive(Debug, Clone, Copy)]
struct Place {
    shard: ShardIndex,
    /// Joins on their way to it.
    expected: usize,
}

#[derive(Debug)]
struct Placement {
    rooms: HashMap<RoomId, Place>,
    /// Sessions whose connections are on each shard, by the shard that has their room.
    sessions: Vec<Vec<usize>>,
    /// Which shards have time for nobody else.
    full: Vec<bool>,
}

impl Placement {
    /// The shard for somebody whose room is nowhere yet: of those that have time, the one with the fewest people.
    fn best(&self, is_alive: impl Fn(ShardIndex) -> bool) -> ShardIndex {
        let mut load: Vec<usize> = (0..self.sessions.len()).map(|shard| self.people(shard)).collect();
        for place in self.rooms.values() {
            load[place.shard] += place.expected;
        }
        let alive = (0..load.len()).filter(|shard| is_alive(*shard));
        alive.min_by_key(|shard| (self.full[*shard], load[*shard])).unwrap_or(0)
    }

    /// Sessions of a shard.
    fn people(&self, shard: ShardIndex) -> usize {
        self.sessions[shard].iter().sum()
    }

    fn sessions_of(&mut self, home: ShardIndex, shard: ShardIndex) -> Option<&mut usize> {
        self.sessions.get_mut(shard)?.get_mut(home)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Registry {
    placement: Mutex<Placement>,
    names: RwLock<HashMap<String, ShardIndex>>,
    /// Whose connection was given up after it had failed, and when it was last heard.
    lost: Mutex<HashMap<Who, Instant>>,
    dead: Vec<AtomicBool>,
}

impl Registry {
    pub(crate) fn new(shards: usize) -> Self {
        let sessions = vec![vec![0; shards]; shards];
        let placement = Placement { rooms: HashMap::new(), sessions, full: vec![false; shards] };
        let dead = (0..shards).map(|_| AtomicBool::new(false)).collect();
        Self { placement: Mutex::new(placement), names: RwLock::default(), lost: Mutex::default(), dead }
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.dead.len()
    }

    /// Somebody is given up whose connection was last heard then. Their next one, on whichever shard, will know.
    pub(crate) fn note_lost(&self, who: Who, since: Instant, now: Instant) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.len() >= MAX_LOST {
            lost.retain(|_, since| now.saturating_duration_since(*since) < LOST_FOR);
        }
        if lost.len() < MAX_LOST || lost.contains_key(&who) {
            lost.entry(who).or_insert(since);
        }
    }

    /// Since when somebody was lost who is back now, if they were.
    pub(crate) fn lost_since(&self, who: &Who) -> Option<Instant> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).remove(who)
    }

    /// Whether a shard is no more.
    pub(crate) fn is_dead(&self, shard: ShardIndex) -> bool {
        self.dead.get(shard).is_some_and(|dead| dead.load(Ordering::Relaxed))
    }

    /// The living shard with the fewest people, if it can be one that has time; of several none that is `own`, which has more
    /// to do for each of them.
    pub(crate) fn emptiest(&self, own: ShardIndex) -> ShardIndex {
        let placement = self.placement();
        let alive = (0..self.shards()).filter(|shard| !self.is_dead(*shard));
        let cost = |shard: &ShardIndex| (placement.full[*shard], placement.people(*shard), *shard == own);
        alive.min_by_key(cost).unwrap_or(own)
    }

    /// The shard that takes a join: where the room is, or else the one with the fewest people, if it can be one that has
    /// time. A room of a shard that is no longer alive begins anew elsewhere. What becomes of the join has to be told by
    /// [`Self::arrived`].
    pub(crate) fn place(&self, room: &RoomId, is_alive: impl Fn(ShardIndex) -> bool) -> ShardIndex {
        let placement = &mut *self.placement();
        if let Some(place) = placement.rooms.get_mut(room).filter(|place| is_alive(place.shard)) {
            place.expected += 1;
            return place.shard;
        }
        let shard = placement.best(is_alive);
        placement.rooms.insert(room.clone(), Place { shard, expected: 1 });
        shard
    }

    /// The shard that would take a join now.
    pub(crate) fn likely(&self, room: &RoomId, is_alive: impl Fn(ShardIndex) -> bool) -> ShardIndex {
        let placement = self.placement();
        let place = placement.rooms.get(room).filter(|place| is_alive(place.shard));
        place.map_or_else(|| placement.best(&is_alive), |place| place.shard)
    }

    /// Where a room lives.
    pub(crate) fn find(&self, room: &RoomId) -> Option<ShardIndex> {
        self.placement().rooms.get(room).map(|place| place.shard)
    }

    /// A join that was placed on a shard is over, one way or the other; `lives`: the room is there now.
    pub(crate) fn arrived(&self, room: &RoomId, shard: ShardIndex, lives: bool) {
        let placement = &mut *self.placement();
        let Some(place) = placement.rooms.get_mut(room).filter(|place| place.shard == shard) else { return };
        place.expected = place.expected.saturating_sub(1);
        if !lives && place.expected == 0 {
            placement.rooms.remove(room);
        }
    }

    /// A room is no more. One that somebody is about to join stays where it is.
    pub(crate) fn gone(&self, room: &RoomId, shard: ShardIndex) {
        let rooms = &mut self.placement().rooms;
        if rooms.get(room).is_some_and(|place| place.shard == shard && place.expected == 0) {
            rooms.remove(room);
        }
    }

    /// Somebody is in a room of the shard `home`, with connections on the other.
    pub(crate) fn session_began(&self, home: ShardIndex, shard: ShardIndex) {
        if let Some(sessions) = self.placement().sessions_of(home, shard) {
            *sessions += 1;
        }
    }

    pub(crate) fn session_ended(&self, home: ShardIndex, shard: ShardIndex) {
        if let Some(sessions) = self.placement().sessions_of(home, shard) {
            *sessions = sessions.saturating_sub(1);
        }
    }

    /// A shard has time for nobody else, or again.
    pub(crate) fn note_full(&self, shard: ShardIndex, full: bool) {
        if let Some(known) = self.placement().full.get_mut(shard) {
            *known = full;
        }
    }

    /// A connection of a shard's is called by that ICE name.
    pub(crate) fn note_name(&self, ufrag: String, shard: ShardIndex) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(ufrag, shard);
    }

    pub(crate) fn forget_name(&self, ufrag: &str) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).remove(ufrag);
    }

    /// Whose connection is called by that ICE name.
    pub(crate) fn named(&self, ufrag: &str) -> Option<ShardIndex> {
        self.names().get(ufrag).copied()
    }

    /// A shard died: nobody is called there any more, and its rooms have nobody anywhere. They begin anew elsewhere when
    /// somebody joins.
    pub(crate) fn died(&self, shard: ShardIndex) {
        if let Some(dead) = self.dead.get(shard) {
            dead.store(true, Ordering::Relaxed);
        }
        self.names.write().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at != shard);
        let placement = &mut *self.placement();
        placement.rooms.retain(|_, place| place.shard != shard);
        placement.sessions.iter_mut().filter_map(|homes| homes.get_mut(shard)).for_each(|sessions| *sessions = 0);
    }

    // A shard that panicked while it held a lock left maps that are whole: every change of them is a single call.
    fn placement(&self) -> MutexGuard<'_, Placement> {
        self.placement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> RwLockReadGuard<'_, HashMap<String, ShardIndex>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomId {
        RoomId::try_from(name).unwrap()
    }

    fn join(registry: &Registry, name: &str) -> ShardIndex {
        let shard = registry.place(&room(name), |_| true);
        registry.session_began(shard, shard);
        registry.arrived(&room(name), shard, true);
        shard
    }

    #[test]
    fn a_room_stays_where_its_first_member_went_and_the_next_goes_to_the_emptiest_shard() {
        let registry = Registry::new(3);

        assert_eq!([join(&registry, "a"), join(&registry, "b"), join(&registry, "c")], [0, 1, 2]);
        assert_eq!([join(&registry, "a"), join(&registry, "a"), join(&registry, "b")], [0, 0, 1]);
        assert_eq!(join(&registry, "d"), 2);
        (0..3).for_each(|_| registry.session_ended(0, 0));
        assert_eq!(join(&registry, "e"), 0);
    }

    #[test]
    fn joins_under_way_count_as_people() {
        let registry = Registry::new(2);
        assert_eq!(registry.place(&room("a"), |_| true), 0);
        assert_eq!(registry.place(&room("b"), |_| true), 1);
        assert_eq!(registry.place(&room("b"), |_| true), 1);
        assert_eq!(registry.place(&room("c"), |_| true), 0);
    }

    #[test]
    fn a_room_begins_on_a_shard_that_has_time() {
        let registry = Registry::new(2);
        assert_eq!([join(&registry, "a"), join(&registry, "b"), join(&registry, "b")], [0, 1, 1]);
        registry.note_full(0, true);
        assert_eq!([join(&registry, "c"), join(&registry, "a")], [1, 0], "a room that is there stays");
        let likely = |name: &str| registry.likely(&room(name), |_| true);
        assert_eq!([likely("a"), likely("b"), likely("new"), likely("new")], [0, 1, 1, 1]);

        registry.note_full(0, false);
        assert_eq!(join(&registry, "d"), 0);
    }

    #[test]
    fn a_room_that_ends_while_somebody_is_on_the_way_to_it_stays_put() {
        let registry = Registry::new(2);
        let shard = join(&registry, "a");
        assert_eq!(registry.place(&room("a"), |_| true), shard);
        registry.gone(&room("a"), shard);
        assert_eq!(registry.find(&room("a")), Some(shard));

        registry.arrived(&room("a"), shard, false);
        assert_eq!(registry.find(&room("a")), None);
    }

    #[test]
    fn people_of_a_dead_shard_s_rooms_count_nowhere() {
        let registry = Registry::new(3);
        assert_eq!([join(&registry, "a"), join(&registry, "b"), join(&registry, "c")], [0, 1, 2]);
        (0..5).for_each(|_| registry.session_began(0, 1));
        registry.session_began(1, 2);
        assert_eq!(registry.emptiest(1), 0);

        registry.died(0);

        let alive = |shard| !registry.is_dead(shard);
        assert_eq!(registry.likely(&room("d"), alive), 1, "one person there, two on the other");
        assert_eq!(registry.emptiest(2), 1);
        registry.session_ended(1, 2);
        (0..2).for_each(|_| registry.session_began(1, 1));
        assert_eq!(registry.likely(&room("d"), alive), 2);
    }

    #[test]
    fn a_room_of_a_dead_shard_begins_anew_on_a_living_one() {
        let registry = Registry::new(2);
        let shard = join(&registry, "a");
        registry.note_name("name".into(), shard);
        assert_eq!(registry.place(&room("a"), |other| other != shard), 1 - shard);

        // What the dead one had to say about it comes too late.
        registry.gone(&room("a"), shard);
        registry.died(shard);
        assert_eq!(registry.find(&room("a")), Some(1 - shard));
        assert_eq!(registry.named("name"), None);
    }
}
