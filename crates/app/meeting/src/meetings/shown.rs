//! Running rooms as the HTTP API shows them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::join_all;
use model::{NATIVE_SUFFIX, RoomId};
use prost::Message;
use room::{PersonView, Phase};
use tokio::time::timeout;
use wire::livekit::ParticipantInfo;
use wire::pnm;

use super::create::CREATION_WAIT;
use super::{Meetings, NotShown, Unavailable};
use crate::actor::{RoomHandle, Silence};

/// The state of a room that may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Created or active.
    Active,
    /// Ending.
    Inactive,
    /// No such room.
    Unknown,
}

/// A running room with the people connected to its media.
#[derive(Debug, Clone)]
pub struct ActiveRoom {
    /// As `getActiveRoomInfo` answers it.
    pub room: pnm::ActiveRoomWithParticipant,
    /// Everybody with a live socket whom others may see, connected to media or not.
    pub people: Vec<PersonView>,
    /// Whether anybody ever came.
    pub has_begun: bool,
}

impl Meetings {
    /// Whether a room runs.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn activity(&self, room: &str) -> Result<Activity, Unavailable> {
        let Some(handle) = self.find(room) else { return Ok(Activity::Unknown) };
        match handle.view().await {
            Ok(view) => Ok(view.phase.into()),
            Err(Silence::Over) => Ok(Activity::Unknown),
            Err(Silence::Stuck) => Err(Unavailable),
        }
    }

    /// A running room and who is connected to its media. A room being created is waited for.
    ///
    /// # Errors
    /// Why there is nothing to show.
    pub async fn active_room(&self, room: &str) -> Result<ActiveRoom, NotShown> {
        if let Ok(id) = RoomId::try_from(room) {
            // Whoever creates it for longer than that has not got one to show.
            drop(timeout(CREATION_WAIT, self.0.turns.of(&id)).await);
        }
        let handle = self.find(room).ok_or(NotShown::NotFound)?;
        self.show(&handle).await
    }

    /// Every running room, ordered by id.
    ///
    /// # Errors
    /// When one does not answer: leaving it out would say that it is over.
    pub async fn active_rooms(&self) -> Result<Vec<ActiveRoom>, Unavailable> {
        let mut handles = self.handles();
        handles.sort_by(|a, b| a.id().cmp(b.id()));
        let mut rooms = Vec::with_capacity(handles.len());
        for shown in join_all(handles.iter().map(|handle| self.show(handle))).await {
            match shown {
                Ok(room) => rooms.push(room),
                Err(NotShown::NotFound | NotShown::NotActive) => {}
                Err(NotShown::Unavailable(unavailable)) => return Err(unavailable),
            }
        }
        Ok(rooms)
    }

    async fn show(&self, handle: &RoomHandle) -> Result<ActiveRoom, NotShown> {
        let view = match handle.view().await {
            Ok(view) if view.phase.is_open() => view,
            Ok(_) => return Err(NotShown::NotActive),
            Err(Silence::Over) => return Err(NotShown::NotFound),
            Err(Silence::Stuck) => return Err(Unavailable.into()),
        };
        let connected =
            if view.around.is_empty() { Vec::new() } else { self.0.around.media.participants(handle.id()).await };
        let participants_info = participants(&view.around, connected);
        Ok(ActiveRoom {
            room: pnm::ActiveRoomWithParticipant { room_info: Some(view.info), participants_info },
            people: view.around,
            has_begun: view.phase == Phase::Active,
        })
    }
}

/// Who is connected to the media of a room and known to it, with the metadata the room has of them. A native twin is
/// its owner; where both are connected, the owner has the tracks of both.
fn participants(known: &[PersonView], connected: Vec<Bytes>) -> Vec<ParticipantInfo> {
    let mut found: BTreeMap<&str, ParticipantInfo> = BTreeMap::new();
    let mut connected: Vec<_> = connected.into_iter().filter_map(|bytes| ParticipantInfo::decode(bytes).ok()).collect();
    // Owners before their twins.
    connected.sort_by_key(|participant| participant.identity.ends_with(NATIVE_SUFFIX));
    for mut participant in connected {
        let owner = participant.identity.strip_suffix(NATIVE_SUFFIX).unwrap_or(&participant.identity);
        let Some(person) = known.iter().find(|person| person.id.as_str() == owner) else { continue };
        match found.get_mut(person.id.as_str()) {
            Some(owner) => {
                owner.tracks.append(&mut participant.tracks);
                owner.is_publisher |= participant.is_publisher;
            }
            None => {
                participant.identity = person.id.to_string();
                participant.metadata = person.metadata.to_string();
                found.insert(person.id.as_str(), participant);
            }
        }
    }
    found.into_values().collect()
}

/// The phase as the API's callers know it.
impl From<Phase> for Activity {
    fn from(phase: Phase) -> Self {
        if phase.is_open() { Self::Active } else { Self::Inactive }
    }
}
