//! Brings a room on the server to what is wanted of it, after orders did not reach it: asks who is there, and says only what
//! differs. Nobody whom no meeting knows is touched.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use model::media::{ParticipantChange, Source};
use model::{Identity, RoomId};
use wire::lk;

use crate::carry::{Carrier, Unfinished, count_lost, finished};
use crate::client::Refusal;
use crate::closing::Close;
use crate::mutes::{Mute, mute_track};
use crate::told::{admin, number, permission_of};
use crate::wanted::Wish;

/// How many people of a room the server is told of at a time.
const AT_ONCE: usize = 8;

impl Carrier {
    /// Closes the room if that is wanted, and otherwise sees to everybody in it.
    ///
    /// # Errors
    /// Something is not done yet and may be done later.
    pub(crate) async fn catch_up(&self, room: &RoomId) -> Result<(), Unfinished> {
        if let Some(close) = self.closing.find(room).filter(|close| close.is_whole)
            && self.close(room, close).await?
        {
            return Ok(());
        }
        let close = self.closing.find(room).filter(|close| !close.is_whole);
        let (mutes, expired) = self.mutes.take(room);
        count_lost(expired);
        if close.is_none() && mutes.is_empty() && !self.wanted.concerns(room) {
            return Ok(());
        }
        let there = match self.everybody(room).await {
            Ok(Some(there)) => there,
            Ok(None) => {
                count_lost(mutes.len() as u64);
                return Ok(());
            }
            Err(unfinished) => {
                self.mutes.put_back(room, mutes);
                return Err(unfinished);
            }
        };
        // First: somebody is heard who is not to be.
        let mut seen_to = self.mute(room, mutes, &there).await;
        let mut corrections = stream::iter(there).map(|one| self.correct(room, close, one)).buffer_unordered(AT_ONCE);
        while let Some(corrected) = corrections.next().await {
            seen_to = seen_to.and(corrected);
        }
        seen_to?;
        if let Some(close) = close {
            self.closing.done(room, close);
        }
        Ok(())
    }

    /// Mutes what was to be muted before. A track that is not there any more, or is not on, needs nothing, and never will.
    async fn mute(&self, room: &RoomId, mutes: Vec<Mute>, there: &[lk::ParticipantInfo]) -> Result<(), Unfinished> {
        let mut muted = stream::iter(mutes).map(|mute| self.mute_one(room, mute, there)).buffer_unordered(AT_ONCE);
        let mut seen_to = Ok(());
        while let Some(done) = muted.next().await {
            seen_to = seen_to.and(done);
        }
        seen_to
    }

    async fn mute_one(&self, room: &RoomId, mute: Mute, there: &[lk::ParticipantInfo]) -> Result<(), Unfinished> {
        for one in there.iter().filter(|one| mute.is_of(one)) {
            for track in mute.find_tracks_then(one).into_iter().filter(|track| !track.muted) {
                if let Err(unfinished) = finished(room, mute_track(&self.client, room, one, track).await) {
                    self.mutes.put_back(room, vec![mute]);
                    return Err(unfinished);
                }
            }
        }
        Ok(())
    }

    /// Everybody in the room; `None` if the server refuses to say. Whoever is to be out and is not there is out.
    async fn everybody(&self, room: &RoomId) -> Result<Option<Vec<lk::ParticipantInfo>>, Unfinished> {
        let out = self.wanted.out(room);
        let request = lk::ListParticipantsRequest { room: room.to_string() };
        let answer = self.client.call::<lk::ListParticipantsResponse>("ListParticipants", admin(room), &request).await;
        let there = match answer {
            Ok(answer) => answer.participants,
            Err(Refusal::NotFound(_)) => Vec::new(),
            Err(refusal) => {
                finished(room, Err(refusal))?;
                return Ok(None);
            }
        };
        // LiveKit lets in names that are none of ours.
        for who in there.iter().filter_map(|one| Identity::try_from(one.identity.as_str()).ok()) {
            self.wanted.see(room, &who);
        }
        let names: HashSet<&str> = there.iter().map(|one| one.identity.as_str()).collect();
        for (who, at) in out.into_iter().filter(|(who, _)| !names.contains(who.as_str())) {
            self.wanted.is_gone(room, &who, at);
        }
        Ok(Some(there))
    }

    async fn correct(&self, room: &RoomId, close: Option<Close>, one: lk::ParticipantInfo) -> Result<(), Unfinished> {
        // LiveKit lets in names that are none of ours; no meeting put them there.
        let Ok(who) = Identity::try_from(one.identity.as_str()) else { return Ok(()) };
        if let Some(close) = close.filter(|close| one.joined_at < close.at) {
            return finished(room, self.take_out(room, &who, close.at).await);
        }
        match self.wanted.wish(room, &who) {
            Wish::In(wanted) => finished(room, self.tell(room, &who, differing(wanted, &one)).await),
            Wish::Out(at) if one.joined_at <= at => self.remove(room, &who, at).await,
            Wish::Out(at) => {
                self.wanted.is_gone(room, &who, at);
                Ok(())
            }
            Wish::Anyhow => Ok(()),
        }
    }
}

/// What of a wish somebody there does not have.
fn differing(wanted: ParticipantChange, there: &lk::ParticipantInfo) -> ParticipantChange {
    let ParticipantChange { name, metadata, mut attributes, permission } = wanted;
    attributes.retain(|name, value| there.attributes.get(name) != Some(value));
    ParticipantChange {
        name: name.filter(|name| *name != there.name),
        metadata: metadata.filter(|metadata| *metadata != there.metadata),
        attributes,
        permission: permission
            .filter(|wanted| there.permission.as_ref().map(rights) != Some(rights(&permission_of(wanted)))),
    }
}

/// What we say of rights, whichever way it is written: to publish anything is every source named, or none.
fn rights(permission: &lk::ParticipantPermission) -> (bool, bool, bool, bool, Vec<i32>) {
    let named = &permission.can_publish_sources;
    let may = |source: &i32| permission.can_publish && (named.is_empty() || named.contains(source));
    (
        permission.can_subscribe,
        permission.can_publish_data,
        permission.hidden,
        permission.can_update_metadata,
        Source::ALL.into_iter().map(|source| i32::from(number(source))).filter(may).collect(),
    )
}

#[cfg(test)]
mod tests {
    use model::media::{MediaPermission, Sources};

    use super::*;

    const ALL: MediaPermission = MediaPermission { publish_data: false, update_own: false, ..MediaPermission::FREE };

    fn wish(permission: MediaPermission) -> ParticipantChange {
        ParticipantChange {
            name: Some("Ann".into()),
            attributes: [("seat".into(), "1".into()), ("row".into(), "2".into())].into(),
            permission: Some(permission),
            ..ParticipantChange::default()
        }
    }

    #[test]
    fn only_what_differs_is_said_again() {
        let there = lk::ParticipantInfo {
            name: "Ann".into(),
            attributes: wish(ALL).attributes.into_iter().collect(),
            permission: Some(permission_of(&ALL)),
            ..lk::ParticipantInfo::default()
        };
        assert_eq!(differing(wish(ALL), &there), ParticipantChange::default());

        let silent = MediaPermission { publish: Sources::NONE.with(Source::Camera), ..ALL };
        let locked = ParticipantChange { permission: Some(silent), ..ParticipantChange::default() };
        assert_eq!(differing(wish(silent), &there), locked);

        let moved = lk::ParticipantInfo { attributes: [("seat".into(), "1".into())].into(), ..there.clone() };
        let row = ParticipantChange { attributes: [("row".into(), "2".into())].into(), ..ParticipantChange::default() };
        assert_eq!(differing(wish(ALL), &moved), row);

        let unknown = lk::ParticipantInfo { permission: None, ..there };
        assert_eq!(differing(wish(ALL), &unknown).permission, Some(ALL));
    }

    #[test]
    fn rights_are_the_same_whichever_way_they_are_written() {
        let named = lk::ParticipantPermission {
            can_publish_sources: vec![4, 1, 2, 3],
            can_subscribe_metrics: true,
            ..permission_of(&ALL)
        };
        assert_eq!(rights(&named), rights(&permission_of(&ALL)));

        let nothing = permission_of(&MediaPermission { publish: Sources::NONE, ..ALL });
        let named = lk::ParticipantPermission { can_publish_sources: vec![1], ..nothing.clone() };
        assert_eq!(rights(&named), rights(&nothing), "who may not publish may publish no source");
    }
}
