//! Who is told of whom, and when (media-protocol.md section 11.2). Every message is encoded once, whoever gets it.
//!
//! In a big room people come by dozens, and each is news to everybody: what is to be said of those who publish nothing yet is
//! gathered for a moment and said at once. Whatever else happens to one of them says it earlier.

use crate::encode::response;
use crate::participant::Participant;
use crate::room::MediaRoom;
use crate::types::{Now, Output, PeerKey};
use bytes::Bytes;
use prost::Message;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// From so many people on newcomers are announced together.
const BIG_ROOM: usize = 50;

/// How long they are gathered: section 11.2 says 50 to 100 ms.
const GATHERING: Duration = Duration::from_millis(75);

/// Most bytes of participants in one `update` message (section 11.2). One participant alone may be longer.
const UPDATE_BYTES: usize = 128 * 1024;

/// The same for the answer to a join, half of what a message may have (section 1.6): clients expect everybody in it.
const JOIN_BYTES: usize = 1024 * 1024;

/// News that wait to be told.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    /// Whom the others will be told of together.
    gathered: BTreeSet<PeerKey>,
    /// When.
    due: Option<Instant>,
    /// How often somebody was told of everybody at once, as happens at a join or a resume.
    introductions: u64,
}

impl Announcements {
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Somebody is told of everybody now: the number of that.
    pub(crate) fn introduce(&mut self) -> u64 {
        self.introductions += 1;
        self.introductions
    }

    fn gather(&mut self, peer: PeerKey, now: Now) {
        self.gathered.insert(peer);
        self.due.get_or_insert(now.at + GATHERING);
    }

    fn forget(&mut self, peer: PeerKey) {
        self.gathered.remove(&peer);
        if self.gathered.is_empty() {
            self.due = None;
        }
    }

    fn take(&mut self) -> BTreeSet<PeerKey> {
        self.due = None;
        std::mem::take(&mut self.gathered)
    }
}

impl MediaRoom {
    /// Tells everybody who may know what a participant looks like now.
    pub(crate) fn announce(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.unannounced = None;
        self.announcements.forget(peer);
        let hidden = participant.permission.hidden;
        self.repeat_mute_orders(peer);
        let Some(participant) = self.participants.get(&peer) else { return };
        let message = update(vec![self.full_info(participant)]);
        if hidden {
            self.send_bytes(peer, message);
        } else {
            self.send_to_all(&message);
        }
    }

    /// Tells the others of somebody who just came.
    pub(crate) fn announce_newcomer(&mut self, peer: PeerKey, now: Now) {
        let gathers = self.participants.len() >= BIG_ROOM;
        let Some(participant) = self.participants.get_mut(&peer).filter(|known| !known.permission.hidden) else {
            return;
        };
        if gathers {
            participant.unannounced = Some(participant.introduced);
            self.announcements.gather(peer, now);
        } else if let Some(participant) = self.participants.get(&peer) {
            let message = update(vec![self.full_info(participant)]);
            self.send_to_others(peer, None, &message);
        }
    }

    /// Tells everybody that somebody is connected now.
    pub(crate) fn announce_connected(&mut self, peer: PeerKey, now: Now) {
        let only_listens = |known: &Participant| known.tracks.is_empty() && !known.permission.hidden;
        if self.participants.len() >= BIG_ROOM && self.participants.get(&peer).is_some_and(only_listens) {
            self.announcements.gather(peer, now);
        } else {
            self.announce(peer);
        }
    }

    /// Tells everybody of those who were gathered.
    pub(crate) fn tell_gathered(&mut self) {
        let gathered = self.announcements.take();
        for peer in &gathered {
            if let Some(participant) = self.participants.get_mut(peer) {
                participant.unannounced = None;
            }
        }
        let known = gathered.iter().filter_map(|peer| self.participants.get(peer));
        let infos: Vec<_> = known.map(|participant| self.full_info(participant)).collect();
        for infos in cut(infos, UPDATE_BYTES) {
            self.send_to_all(&update(infos));
        }
    }

    /// Whoever knows of somebody is told that they are gone: `info` says so. Not told are the gone themselves, and those whom
    /// they were not announced to yet (`unannounced`, of [`Participant`]).
    pub(crate) fn tell_gone(&mut self, peer: PeerKey, unannounced: Option<u64>, info: &lk::ParticipantInfo) {
        self.announcements.forget(peer);
        self.send_to_others(peer, unannounced, &update(vec![info.clone()]));
    }

    /// Sends any number of infos to one, cut into messages of a bearable size.
    pub(crate) fn send_infos(&mut self, to: PeerKey, infos: Vec<lk::ParticipantInfo>) {
        for infos in cut(infos, UPDATE_BYTES) {
            self.send_bytes(to, update(infos));
        }
    }

    pub(crate) fn linked(&self) -> Vec<PeerKey> {
        self.participants.values().filter(|participant| participant.linked).map(|participant| participant.key).collect()
    }

    pub(crate) fn send_to_all(&mut self, message: &Bytes) {
        let linked = self.participants.values().filter(|participant| participant.linked);
        self.outputs.extend(linked.map(|one| Output::Send { to: one.key, message: message.clone() }));
    }

    fn send_to_others(&mut self, but: PeerKey, introduced_after: Option<u64>, message: &Bytes) {
        let others = self.participants.values().filter(|other| other.linked && other.key != but);
        let told = others.filter(|other| introduced_after.is_none_or(|number| other.introduced > number));
        self.outputs.extend(told.map(|one| Output::Send { to: one.key, message: message.clone() }));
    }
}

/// Parts off what goes into the answer to a join; the rest follows in updates.
pub(crate) fn cut_for_join(infos: Vec<lk::ParticipantInfo>) -> (Vec<lk::ParticipantInfo>, Vec<lk::ParticipantInfo>) {
    let mut parts = cut(infos, JOIN_BYTES).into_iter();
    (parts.next().unwrap_or_default(), parts.flatten().collect())
}

fn update(participants: Vec<lk::ParticipantInfo>) -> Bytes {
    response(Response::Update(lk::ParticipantUpdate { participants }))
}

/// Cuts infos into parts of at most so many bytes, or of one that has more.
fn cut(infos: Vec<lk::ParticipantInfo>, most: usize) -> Vec<Vec<lk::ParticipantInfo>> {
    let mut parts: Vec<Vec<lk::ParticipantInfo>> = Vec::new();
    let mut size = 0;
    for info in infos {
        let length = info.encoded_len();
        match parts.last_mut() {
            Some(part) if size + length <= most => {
                size += length;
                part.push(info);
            }
            _ => {
                size = length;
                parts.push(vec![info]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(bytes: usize) -> lk::ParticipantInfo {
        lk::ParticipantInfo { metadata: "m".repeat(bytes), ..Default::default() }
    }

    #[test]
    fn infos_are_cut_where_the_next_does_not_fit() {
        let lengths =
            |most| cut([400, 500, 90, 2000, 1].map(info).into(), most).iter().map(Vec::len).collect::<Vec<_>>();

        assert_eq!(lengths(1010), [3, 1, 1], "three with their headers fit exactly or nearly");
        assert_eq!(lengths(800), [1, 2, 1, 1]);
        assert_eq!(lengths(1), [1; 5]);
        assert!(cut(Vec::new(), 1).is_empty());
    }

    #[test]
    fn the_answer_to_a_join_has_a_megabyte_of_people_and_the_rest_follows() {
        let (first, rest) = cut_for_join((0..5).map(|_| info(300 * 1024)).collect());
        assert_eq!((first.len(), rest.len()), (3, 2));
        let (first, rest) = cut_for_join(vec![info(1), info(1)]);
        assert_eq!((first.len(), rest.len()), (2, 0));
    }
}
