//! How a room comes to be, one after the other for each id.

use std::sync::PoisonError;
use std::time::Duration;

use model::{RoomId, SessionId};
use ports::store::{NewSession, StateWrite};
use room::{NewRoom, Output, Room};
use tokio::time::timeout;
use uuid::Uuid;
use wire::pnm;

use super::{CreateError, Meetings, Unavailable};
use crate::actor::{RoomHandle, Silence, now};
use crate::turns::Turn;

/// How long a request waits for a room that is being created or ended (http-api.md section 8.4).
pub(super) const CREATION_WAIT: Duration = Duration::from_secs(15);

impl Meetings {
    /// Creates a room, or answers with the one that runs already (D-06): a room that is ending is waited for. The
    /// request must come from `wire::create`, which applied defaults and limits. Once the work has begun it is carried
    /// through, even if the caller goes away.
    ///
    /// # Errors
    /// When the store fails; then there is no room.
    pub async fn create(&self, request: pnm::CreateRoomReq) -> Result<pnm::ActiveRoomInfo, CreateError> {
        let id = RoomId::try_from(request.room_id.as_str()).map_err(|_| CreateError::InvalidId)?;
        let busy = CreateError::Busy { room: id.clone() };
        match timeout(CREATION_WAIT, self.place(&id)).await {
            Err(_) => Err(busy),
            Ok(Place::Taken(answer)) => answer,
            Ok(Place::Free(turn)) => {
                let meetings = self.clone();
                let work = async move {
                    let created = meetings.create_new(id, request).await;
                    drop(turn);
                    created
                };
                match tokio::spawn(work).await {
                    Ok(created) => created,
                    Err(broken) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
                    // The process stops.
                    Err(_) => Err(busy),
                }
            }
        }
    }

    /// Creates a room that must not run already.
    pub(crate) async fn create_fresh(&self, id: RoomId, request: pnm::CreateRoomReq) -> Result<(), CreateError> {
        match timeout(CREATION_WAIT, self.place(&id)).await {
            Ok(Place::Free(turn)) => {
                self.create_new(id, request).await?;
                drop(turn);
                Ok(())
            }
            Ok(Place::Taken(_)) | Err(_) => Err(CreateError::Busy { room: id }),
        }
    }

    /// Waits until nobody creates or ends this room.
    async fn place(&self, id: &RoomId) -> Place {
        loop {
            let turn = self.0.turns.of(id).await;
            let Some(running) = self.find(id.as_str()) else { return Place::Free(turn) };
            match running.view().await {
                Ok(view) if view.phase.is_open() => return Place::Taken(Ok(view.info)),
                Err(Silence::Stuck) => return Place::Taken(Err(Unavailable.into())),
                Ok(_) | Err(Silence::Over) => {
                    // Whoever ends it may need the turn.
                    drop(turn);
                    running.wait_until_over().await;
                    self.let_go(&running);
                }
            }
        }
    }

    /// Takes a room that is over off the map, if its own task has not done so.
    fn let_go(&self, over: &RoomHandle) {
        let mut rooms = self.0.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if rooms.get(over.id()).is_some_and(|handle| handle.session() == over.session()) {
            rooms.remove(over.id());
        }
    }

    async fn create_new(&self, id: RoomId, request: pnm::CreateRoomReq) -> Result<pnm::ActiveRoomInfo, CreateError> {
        let is_clear = self.take_over_name(&id).await;
        let around = &self.0.around;
        let metadata = request.metadata.unwrap_or_default();
        // Ids that grow: new ones lie side by side in the store's indexes, so that a commit touches few pages.
        let session = SessionId::try_from(Uuid::now_v7().to_string().as_str()).map_err(|_| CreateError::InvalidId)?;
        let moment = now();
        let record = NewSession {
            room: id.clone(),
            session: session.clone(),
            title: metadata.room_title.clone(),
            webhook_url: metadata.webhook_url.clone().unwrap_or_default(),
            parent: RoomId::try_from(metadata.parent_room_id.as_str()).ok(),
            created_at_ms: moment.unix_ms,
        };
        let new = NewRoom {
            room: id.clone(),
            session: session.clone(),
            metadata,
            max_participants: request.max_participants.unwrap_or_default(),
            empty_timeout: request.empty_timeout,
            seed: self.seed(),
            may_count: self.0.analytics,
        };
        let mut room = Room::new(new, moment);
        let info = room.view().info;
        let mut writes = Vec::new();
        let mut notices = Vec::new();
        while let Some(output) = room.poll_output() {
            match output {
                Output::Store(entry) => writes.push(StateWrite { key: entry.key, value: entry.value }),
                Output::Notify(notification) => {
                    notices.extend(around.webhooks.notices(&id, &session, room.webhook_url(), &notification));
                }
                // A room that nobody entered has nothing else to say.
                _ => {}
            }
        }
        let is_told = !notices.is_empty();
        let journalled = async {
            if is_told {
                around.state.commit_with(&session, writes, notices).await
            } else {
                around.state.commit(&session, writes).await
            }
        };
        // Both at once: the store makes one commit of them.
        match tokio::join!(around.records.open_session(record), journalled) {
            (Ok(table_id), Ok(())) => room.recorded_as(table_id),
            (Err(failure), _) | (_, Err(failure)) => {
                // What is left over of half a room is cleared by the next start if this fails as well.
                let _ = around.records.close_session(&session, moment.unix_ms).await;
                let _ = around.state.forget(&session).await;
                return Err(CreateError::Store(failure));
            }
        }
        self.0.outside.begin(&id, &session, is_clear);
        self.run(id, room);
        if is_told {
            around.webhooks.news.notify_one();
        }
        metrics::counter!("plenum_rooms_created_total").increment(1);
        Ok(info)
    }
}

/// What whoever wants to create a room finds.
enum Place {
    /// Nothing, and the right to create it.
    Free(Turn),
    /// A room that runs.
    Taken(Result<pnm::ActiveRoomInfo, CreateError>),
}
