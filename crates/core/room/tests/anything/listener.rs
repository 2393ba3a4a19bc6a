//! A server that is told of the meeting and keeps a list of who is connected.

use std::collections::{BTreeMap, BTreeSet};

use room::Notification;

use crate::SECRET;

/// Connections and their tracks, by identity.
#[derive(Debug, Default)]
pub(crate) struct Listener(BTreeMap<String, BTreeSet<String>>);

impl Listener {
    /// Nobody comes twice, has a track before they come or goes before their tracks do; hidden people are never heard of;
    /// and at the end nobody is left.
    pub(crate) fn hear(&mut self, notification: &Notification) {
        let body = &notification.body;
        let who = body.participant.as_ref().map(|participant| participant.identity.clone()).unwrap_or_default();
        let track = body.track.as_ref().map(|track| track.sid.clone()).unwrap_or_default();
        assert!(!SECRET.contains(&who.as_str()));
        match notification.event {
            "participant_joined" => assert!(self.0.insert(who, BTreeSet::new()).is_none(), "comes twice: {body:?}"),
            "participant_left" => assert_eq!(self.0.remove(&who), Some(BTreeSet::new()), "{body:?}"),
            "track_published" => assert!(self.0.get_mut(&who).unwrap().insert(track), "{body:?}"),
            "track_unpublished" => assert!(self.0.get_mut(&who).unwrap().remove(&track), "{body:?}"),
            "room_finished" => assert!(self.0.is_empty(), "{:?} are left", self.0),
            _ => {}
        }
    }
}
