//! Who is in media rooms, as rows of one table.

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::outbox::Notice;
use ports::presence::{MAX_ABOUT, MAX_PRESENCE_ID, MAX_PRESENCE_WRITES, Presence, PresenceWrite, Presences};
use ports::store::StoreError;
use sea_orm::EntityTrait;

use crate::entity::presence;
use crate::plan::Write;
use crate::{MAX_COMMIT_LENGTH, Store, fits, outbox, refuse};

fn check(writes: &[PresenceWrite]) -> Result<(), String> {
    if writes.len() > MAX_PRESENCE_WRITES {
        return Err(format!("{} changes at once, at most {MAX_PRESENCE_WRITES} are allowed", writes.len()));
    }
    let mut total = 0;
    for write in writes {
        let (PresenceWrite::Put(Presence { id, .. }) | PresenceWrite::Remove { id }) = write;
        if id.is_empty() {
            return Err("an id of 0 bytes".to_owned());
        }
        fits("id", id, MAX_PRESENCE_ID)?;
        if let PresenceWrite::Put(Presence { about, .. }) = write {
            if about.len() > MAX_ABOUT {
                return Err(format!("a description of {} bytes, at most {MAX_ABOUT} are allowed", about.len()));
            }
            total += about.len();
        }
    }
    if total > MAX_COMMIT_LENGTH {
        return Err(format!("{total} bytes at once, at most {MAX_COMMIT_LENGTH} are allowed"));
    }
    Ok(())
}

#[async_trait]
impl Presences for Store {
    async fn note(&self, writes: Vec<PresenceWrite>, notices: Vec<Notice>) -> Result<(), StoreError> {
        const ATTEMPT: &str = "note who is there";
        check(&writes).and_then(|()| outbox::check(&notices)).map_err(|reason| refuse(ATTEMPT, reason))?;
        if writes.is_empty() && notices.is_empty() {
            return Ok(());
        }
        self.write(ATTEMPT, Write::Note { writes, notices }).await.map(drop)
    }

    async fn present(&self) -> Result<Vec<Presence>, StoreError> {
        const ATTEMPT: &str = "list who is there";
        let rows = presence::Entity::find().all(&self.readers).await;
        let rows = rows.map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        let presences: Result<Vec<_>, String> = rows.into_iter().map(read).collect();
        let mut presences = presences.map_err(|reason| refuse(ATTEMPT, reason))?;
        // Sorted here, by bytes, because engines sort text by their own rules.
        presences.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(presences)
    }
}

fn read(row: presence::Model) -> Result<Presence, String> {
    let unreadable = |what: &str| format!("row {} holds an unreadable {what}", row.id);
    Ok(Presence {
        room: RoomId::try_from(row.room_id.as_str()).map_err(|_| unreadable("room id"))?,
        session: SessionId::try_from(row.sid.as_str()).map_err(|_| unreadable("session id"))?,
        about: Bytes::from(row.about),
        id: row.id,
    })
}
