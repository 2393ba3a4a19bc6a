//! What the process before left behind: meetings that go on, and ends that were not seen to.

use model::{Identity, UserId};
use ports::media::{RestoredPerson, Standing};
use ports::store::{NewSession, StoreError};
use room::{MediaStanding, RestoreError, Restored, Room};
use tracing::{info, warn};

use super::Meetings;
use crate::actor::now;
use crate::words::Words;

/// For how long an order to close a media room may have been on its way when the process ended, in milliseconds.
const ENDED_LATELY_MS: i64 = 24 * 60 * 60 * 1000;

impl Meetings {
    pub(super) async fn take_up(&self) -> Result<(), StoreError> {
        let around = &self.0.around;
        let mut running = Vec::new();
        for record in around.records.running_sessions().await? {
            let NewSession { room: id, session, .. } = record.session;
            let entries = around.state.load(&session).await?.into_iter().map(|entry| (entry.key, entry.value));
            match Room::restore(id.clone(), session.clone(), record.id, entries, self.seed(), now()) {
                Ok(Restored { room, damaged, words }) => {
                    for reason in damaged {
                        warn!(room.id = %id, session.id = %session, %reason, "a part of the journal is left out");
                    }
                    info!(room.id = %id, session.id = %session, "room is taken up again");
                    around.media.restore(&id, people_of(&room, Words::read(&id, words)));
                    self.run(id, room);
                    running.push(session);
                }
                Err(reason) => {
                    warn!(room.id = %id, session.id = %session, %reason, "a session could not be taken up and is closed");
                    around.records.close_session(&session, now().unix_ms).await?;
                    // A damaged journal is kept until the next start, for whoever wants to look at it.
                    if matches!(reason, RestoreError::Damaged { .. }) {
                        running.push(session);
                    }
                }
            }
        }
        // What a crash at the end of a session, or between that and the end of its journal, left behind.
        for session in around.state.sessions().await?.into_iter().filter(|session| !running.contains(session)) {
            around.uploads.forget(&session).await;
            around.seeing_out.see_out(&session).await;
        }
        self.see_to_ended_media().await
    }

    /// Whether another media server was told of an end that came shortly before that of the process, nobody wrote down.
    async fn see_to_ended_media(&self) -> Result<(), StoreError> {
        let around = &self.0.around;
        if around.credentials.media_server.is_none() {
            return Ok(());
        }
        for (room, at_ms) in around.records.ended_since(now().unix_ms - ENDED_LATELY_MS).await? {
            // Whoever came in the second of the end may belong to a meeting that has the room since. Without one they go as well.
            let is_taken = self.find(room.as_str()).is_some();
            around.media.restore_end(&room, at_ms / 1000 + i64::from(!is_taken));
        }
        Ok(())
    }
}

/// Everybody whom a room that is taken up again knows, as the media plane has to.
fn people_of(room: &Room, mut words: Words) -> Vec<RestoredPerson> {
    let mut people: Vec<RestoredPerson> = room
        .media_standings(now())
        .into_iter()
        .map(|(user, standing)| {
            let standing = match standing {
                MediaStanding::In(permission) => Standing::In(permission),
                MediaStanding::Out { since_ms } => Standing::Out { since: since_ms / 1000 },
            };
            person(&user, standing, &mut words)
        })
        .collect();
    for user in words.owners() {
        people.push(person(&user, Standing::Neither, &mut words));
    }
    people
}

fn person(user: &UserId, standing: Standing, words: &mut Words) -> RestoredPerson {
    RestoredPerson { who: Identity::from(user), standing, said: words.take(user) }
}
