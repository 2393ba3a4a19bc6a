//! The bookkeeping of the original client (meeting-protocol.md section 6): a list of people and the metadata of the room,
//! kept by what it is told.

use std::collections::BTreeMap;

use serde_json::Value;
use wire::pnm::NatsMsgServerToClientEvents as Event;

use crate::scene::Mail;

/// Somebody as a client knows them.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    metadata: String,
    is_online: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Client {
    pub(crate) me: String,
    pub(crate) generation: String,
    room: Option<String>,
    own: Option<String>,
    people: BTreeMap<String, Known>,
    /// Was given the list once.
    is_in: bool,
}

impl Client {
    pub(crate) fn new(me: &str, generation: String) -> Self {
        Self { me: me.into(), generation, room: None, own: None, people: BTreeMap::new(), is_in: false }
    }

    /// Knows everything it asked for.
    pub(crate) fn is_complete(&self) -> bool {
        self.room.is_some() && self.own.is_some() && self.is_in
    }

    /// Asks for the list, and may have to again.
    pub(crate) fn wants_list(&mut self) {
        self.is_in = false;
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.own.as_deref().is_some_and(|own| value(own)["wait_for_approval"] == true)
    }

    /// The first thing in which another client differs.
    pub(crate) fn differs(&self, other: &Self) -> String {
        if self.room != other.room {
            return format!("room\n{:?}\n{:?}", self.room, other.room);
        }
        if self.own != other.own {
            return format!("own\n{:?}\n{:?}", self.own, other.own);
        }
        let ids = |client: &Self| client.people.keys().cloned().collect::<Vec<_>>();
        if ids(self) != ids(other) {
            return format!("people\n{:?}\n{:?}", ids(self), ids(other));
        }
        let mut pairs = self.people.iter().zip(&other.people);
        format!("person\n{:?}", pairs.find(|(one, two)| one != two))
    }

    pub(crate) fn take(&mut self, letter: &Mail) {
        match letter.event {
            Event::ResInitialData => {
                let data = value(&letter.msg);
                self.room = Some(text(&data["room"]["metadata"]));
                self.own = Some(text(&data["local_user"]["metadata"]));
            }
            Event::ResJoinedUsersList => {
                self.people = listed(&letter.msg).filter(|(id, _)| *id != self.me).collect();
                self.is_in = true;
            }
            Event::RespOnlineUsersList => {
                let list: BTreeMap<String, Known> = listed(&letter.msg).filter(|(id, _)| *id != self.me).collect();
                self.people.retain(|id, _| list.contains_key(id));
                for (id, known) in list {
                    self.people.entry(id).and_modify(|old| old.is_online = true).or_insert(known);
                }
            }
            Event::RoomMetadataUpdate => self.room = Some(letter.msg.clone()),
            Event::UserMetadataUpdate => {
                let update = value(&letter.msg);
                let metadata = text(&update["metadata"]);
                if update["user_id"] == self.me.as_str() {
                    self.own = Some(metadata);
                } else if let Some(known) = self.people.get_mut(update["user_id"].as_str().unwrap()) {
                    known.metadata = metadata;
                }
            }
            Event::UserJoined => {
                let (id, known) = person(&value(&letter.msg));
                self.people.insert(id, known);
            }
            Event::UserDisconnected | Event::UserOffline => {
                let (id, _) = person(&value(&letter.msg));
                self.people.remove(&id);
            }
            _ => {}
        }
    }
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn person(user: &Value) -> (String, Known) {
    (text(&user["user_id"]), Known { metadata: text(&user["metadata"]), is_online: true })
}

fn listed(json: &str) -> impl Iterator<Item = (String, Known)> {
    let users = value(json).as_array().unwrap().clone();
    users.into_iter().map(|user| person(&user))
}
