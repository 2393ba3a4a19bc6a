//! What LiveKit's server API said of people in meetings (decision 0009), written down with the meeting: on another media server
//! the media room outlives this process, and what was said of its people with it.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::media::{MediaPermission, ParticipantChange, Source};
use model::{Identity, RoomId, UserId};
use prost::Message;
use tracing::warn;

use crate::actor::RoomHandle;
use crate::meetings::Meetings;

/// [`ParticipantChange`] as the journal keeps it.
#[derive(Clone, PartialEq, Message)]
struct WordRecord {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    metadata: Option<String>,
    #[prost(btree_map = "string, string", tag = "3")]
    attributes: BTreeMap<String, String>,
    #[prost(message, optional, tag = "4")]
    ceiling: Option<CeilingRecord>,
}

/// Of a ceiling, what it has a say in.
#[derive(Clone, PartialEq, Message)]
struct CeilingRecord {
    /// Numbers of `model::media::Source`.
    #[prost(uint32, repeated, tag = "1")]
    publish: Vec<u32>,
    #[prost(bool, tag = "2")]
    subscribe: bool,
    #[prost(bool, tag = "3")]
    publish_data: bool,
    #[prost(bool, tag = "4")]
    hidden: bool,
    #[prost(bool, tag = "5")]
    update_own: bool,
}

fn number(source: Source) -> u32 {
    u32::from(source as u8)
}

impl From<MediaPermission> for CeilingRecord {
    fn from(ceiling: MediaPermission) -> Self {
        Self {
            publish: ceiling.publish.iter().map(number).collect(),
            subscribe: ceiling.subscribe,
            publish_data: ceiling.publish_data,
            hidden: ceiling.hidden,
            update_own: ceiling.update_own,
        }
    }
}

impl From<CeilingRecord> for MediaPermission {
    fn from(record: CeilingRecord) -> Self {
        let is_named = |source: &Source| record.publish.contains(&number(*source));
        Self {
            publish: Source::ALL.into_iter().filter(is_named).collect(),
            subscribe: record.subscribe,
            publish_data: record.publish_data,
            hidden: record.hidden,
            update_own: record.update_own,
            ..MediaPermission::FREE
        }
    }
}

fn written(word: ParticipantChange) -> Bytes {
    let ParticipantChange { name, metadata, attributes, permission } = word;
    WordRecord { name, metadata, attributes, ceiling: permission.map(CeilingRecord::from) }.encode_to_vec().into()
}

/// What was written down of people in a meeting.
pub(crate) struct Words(BTreeMap<UserId, ParticipantChange>);

impl Words {
    pub(crate) fn read(room: &RoomId, words: Vec<(UserId, Bytes)>) -> Self {
        let words = words.into_iter().filter_map(|(user, word)| match WordRecord::decode(word) {
            Ok(WordRecord { name, metadata, attributes, ceiling }) => {
                let permission = ceiling.map(MediaPermission::from);
                Some((user, ParticipantChange { name, metadata, attributes, permission }))
            }
            Err(error) => {
                warn!(room.id = %room, %error, "what the API said of somebody is damaged and left out");
                None
            }
        });
        Self(words.collect())
    }

    pub(crate) fn take(&mut self, user: &UserId) -> Option<ParticipantChange> {
        self.0.remove(user)
    }

    pub(crate) fn owners(&self) -> Vec<UserId> {
        self.0.keys().cloned().collect()
    }
}

impl Meetings {
    /// Writes down what the API said of somebody in a meeting, if the media plane outlives this process. The change is made: what
    /// cannot be written holds until the process ends.
    pub(crate) async fn keep_word(&self, handle: &RoomHandle, who: &Identity) {
        let around = &self.0.around;
        let (true, Ok(user)) = (around.credentials.media_server.is_some(), UserId::try_from(who.as_str())) else {
            return;
        };
        let (media, room_id, who) = (around.media.clone(), handle.id().clone(), who.clone());
        let kept = handle.write(move |room, _| {
            if let Some(word) = media.word(&room_id, &who) {
                room.note_word(&user, written(word));
            }
        });
        if let Err(silence) = kept.await {
            warn!(room.id = %handle.id(), ?silence, "what the API said of somebody is forgotten when the process ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use model::media::Sources;

    use super::*;

    #[test]
    fn what_was_said_is_read_as_it_was_written_and_what_is_damaged_is_left_out() {
        let (ann, bob) = (UserId::try_from("ann").unwrap(), UserId::try_from("bob").unwrap());
        let said = ParticipantChange {
            name: Some("Anna".into()),
            metadata: None,
            attributes: [("seat".into(), "1".into())].into(),
            permission: Some(MediaPermission {
                publish: Sources::NONE.with(Source::Microphone).with(Source::ScreenShareAudio),
                hidden: true,
                subscribe: false,
                ..MediaPermission::FREE
            }),
        };
        let read = |word| Words::read(&RoomId::try_from("r").unwrap(), vec![(ann.clone(), word)]).take(&ann);

        assert_eq!(read(written(said.clone())), Some(said));
        assert_eq!(read(written(ParticipantChange::default())), Some(ParticipantChange::default()));
        assert_eq!(read(Bytes::from_static(b"\xff")), None);
        assert_eq!(Words(BTreeMap::new()).take(&bob), None);
    }
}
