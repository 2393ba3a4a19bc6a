//! From what was counted to what is handed out.

use bytes::Bytes;
use prost::Message;
use wire::pnm;

use super::collector::{Collector, Visitor};
use super::connection;
use crate::journal::Entry;
use crate::output::Moment;
use crate::rules;
use crate::state::Room;

/// The figures of a session that is over. They lie in its journal until they are handed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// What the file is called by the API; the same however often it is written.
    pub artifact_id: String,
    /// When the session ended, unix milliseconds.
    pub ended_ms: i64,
    /// Where this room's creator wants to hear of it.
    pub webhook_url: Option<String>,
    /// Everything, as the file has it.
    pub result: pnm::AnalyticsResult,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FiguresRecord {
    #[prost(string, tag = "1")]
    artifact_id: String,
    #[prost(int64, tag = "2")]
    ended_ms: i64,
    #[prost(string, optional, tag = "3")]
    webhook_url: Option<String>,
    #[prost(message, optional, tag = "4")]
    result: Option<pnm::AnalyticsResult>,
}

impl Figures {
    /// Key of the entry in the journal.
    pub const KEY: &'static str = "figures";

    /// Reads the entry; `None` if it is damaged.
    pub fn read(value: &[u8]) -> Option<Self> {
        let FiguresRecord { artifact_id, ended_ms, webhook_url, result } = FiguresRecord::decode(value).ok()?;
        Some(Self { artifact_id, ended_ms, webhook_url, result: result? })
    }

    pub(super) fn to_entry(&self) -> Entry {
        let Self { artifact_id, ended_ms, webhook_url, result } = self.clone();
        let record = FiguresRecord { artifact_id, ended_ms, webhook_url, result: Some(result) };
        Entry { key: Self::KEY.into(), value: Some(Bytes::from(record.encode_to_vec())) }
    }
}

/// What is counted of somebody. Speech is what the media plane heard, if it heard any: of that clients can only tell less.
fn events(visitor: &Visitor) -> Vec<pnm::AnalyticsEventData> {
    let mut events = visitor.tally.events();
    if let Some((times, millis)) = connection::speech(visitor) {
        for (name, total) in [("talked", times), ("talked_duration", millis)] {
            match events.iter_mut().find(|event| event.name == name) {
                Some(event) => event.total = total,
                None => events.push(pnm::AnalyticsEventData { name: name.into(), total, ..Default::default() }),
            }
        }
    }
    events
}

/// Everybody who came in.
pub(super) fn users(collector: &Collector) -> Vec<pnm::AnalyticsUserInfo> {
    let visitors = collector.visitors.iter().map(|(user, visitor)| pnm::AnalyticsUserInfo {
        user_id: user.to_string(),
        name: visitor.profile.name.clone(),
        is_admin: visitor.profile.is_admin,
        extra_data: connection::extra(visitor),
        ex_user_id: Some(visitor.profile.ex_user_id.clone()),
        events: events(visitor),
    });
    visitors.collect()
}

impl Room {
    pub(super) fn export(&mut self, now: Moment, collector: &Collector) -> Figures {
        let (creation, ended) = (self.created_ms / 1000, now.unix_ms / 1000);
        let users = users(collector);
        let room = pnm::AnalyticsRoomInfo {
            room_id: self.id.to_string(),
            room_title: self.metadata.room_title.clone(),
            room_total_users: i64::try_from(users.len()).unwrap_or(i64::MAX),
            room_creation: creation,
            room_ended: ended,
            room_duration: ended.saturating_sub(creation).max(0),
            enabled_e2ee: rules::encrypted(&self.metadata).data,
            events: collector.room.events().into_iter().chain(self.poll_results()).collect(),
        };
        Figures {
            artifact_id: self.ids.uuid(),
            ended_ms: now.unix_ms,
            webhook_url: self.metadata.webhook_url.clone(),
            result: pnm::AnalyticsResult { room: Some(room), users },
        }
    }
}
