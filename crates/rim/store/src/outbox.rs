//! The queue of notices, as rows of one table.

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::outbox::{Backlog, MAX_BODY, MAX_EVENT, MAX_NOTICES, MAX_URL, Notice, Outbox, Queued};
use ports::store::StoreError;
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};

use crate::entity::notice;
use crate::plan::{Fate, Shelving, Write};
use crate::writer::Answer;
use crate::{MAX_COMMIT_LENGTH, Store, fits, refuse};

/// Most notices in one answer.
const MOST_NOTICES: u64 = 100;

/// Which line a notice stands in: a number for its room and address, since a long address is no key of an index. Should
/// two lines ever share a number, they wait for each other and nothing is lost; a digest, so that nobody can choose
/// that.
pub(crate) fn line(room: &RoomId, url: &str) -> i64 {
    let digest = Sha256::new().chain_update(room.as_str()).chain_update([0]).chain_update(url).finalize();
    digest.iter().take(8).fold(0, |line, byte| line << 8 | i64::from(*byte))
}

/// What no engine could store, or only some.
pub(crate) fn check(notices: &[Notice]) -> Result<(), String> {
    if notices.len() > MAX_NOTICES {
        return Err(format!("{} notices at once, at most {MAX_NOTICES} are allowed", notices.len()));
    }
    let mut total = 0;
    for notice in notices {
        fits("event of a notice", &notice.event, MAX_EVENT)?;
        fits("address of a notice", &notice.url, MAX_URL)?;
        if notice.body.len() > MAX_BODY {
            return Err(format!("a notice of {} bytes, at most {MAX_BODY} are allowed", notice.body.len()));
        }
        total += notice.body.len();
    }
    if total > MAX_COMMIT_LENGTH {
        return Err(format!("{total} bytes of notices at once, at most {MAX_COMMIT_LENGTH} are allowed"));
    }
    Ok(())
}

#[async_trait]
impl Outbox for Store {
    async fn enqueue(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        const ATTEMPT: &str = "enqueue notices";
        check(&notices).map_err(|reason| refuse(ATTEMPT, reason))?;
        if notices.is_empty() {
            return Ok(());
        }
        self.write(ATTEMPT, Write::Enqueue { notices }).await.map(drop)
    }

    async fn due(&self, now_ms: i64, limit: u64) -> Result<Vec<Queued>, StoreError> {
        const ATTEMPT: &str = "find due notices";
        let rows = notice::Entity::find()
            .filter(notice::Column::Id.in_subquery(heads()))
            .filter(notice::Column::Due.lte(now_ms))
            .order_by_asc(notice::Column::Id)
            .limit(Ord::min(limit, MOST_NOTICES))
            .all(&self.readers)
            .await
            .map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        all_queued(ATTEMPT, rows)
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        let least = notice::Entity::find()
            .select_only()
            .column_as(notice::Column::Due.min(), "due")
            .filter(notice::Column::Id.in_subquery(heads()))
            .into_tuple::<Option<i64>>()
            .one(&self.readers)
            .await
            .map_err(|error| refuse("look for the next notice", error.to_string()))?;
        Ok(least.flatten())
    }

    async fn delivered(&self, id: u64) -> Result<(), StoreError> {
        self.settle("remove a notice", id, Fate::Delivered).await
    }

    async fn postponed(&self, id: u64, due_ms: i64) -> Result<(), StoreError> {
        self.settle("postpone a notice", id, Fate::Postponed { due_ms }).await
    }

    async fn parked(&self, id: u64, at_ms: i64) -> Result<(), StoreError> {
        self.settle("park a notice", id, Fate::Parked { at_ms }).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let count = async |parked: bool| {
            let rows = notice::Entity::find().select_only().column(notice::Column::Id);
            rows.filter(notice::Column::IsParked.eq(parked)).count(&self.readers).await
        };
        let counts = async { Ok(Backlog { waiting: count(false).await?, parked: count(true).await? }) };
        counts.await.map_err(|error: sea_orm::DbErr| refuse("count notices", error.to_string()))
    }

    async fn list_parked(&self, limit: u64) -> Result<Vec<Queued>, StoreError> {
        const ATTEMPT: &str = "list parked notices";
        let rows = notice::Entity::find()
            .filter(notice::Column::IsParked.eq(true))
            .order_by_desc(notice::Column::Due)
            .order_by_desc(notice::Column::Id)
            .limit(Ord::min(limit, MOST_NOTICES))
            .all(&self.readers)
            .await
            .map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        all_queued(ATTEMPT, rows)
    }

    async fn clear_parked(&self, before_ms: i64) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "clear parked notices";
        match self.write(ATTEMPT, Write::Shelve(Shelving::ClearParked { before_ms })).await? {
            Answer::Count(count) => Ok(count),
            other => Err(refuse(ATTEMPT, format!("the engine gave no count but {other:?}"))),
        }
    }
}

impl Store {
    async fn settle(&self, attempt: &'static str, id: u64, fate: Fate) -> Result<(), StoreError> {
        // A number no row can have names no notice.
        let Ok(notice) = i64::try_from(id) else { return Ok(()) };
        self.write(attempt, Write::Settle { notice, fate }).await.map(drop)
    }
}

/// The first waiting notice of every line.
fn heads() -> SelectStatement {
    Query::select()
        .expr(notice::Column::Id.into_expr().min())
        .from(notice::Entity)
        .and_where(notice::Column::IsParked.eq(false))
        .group_by_col(notice::Column::Line)
        .take()
}

fn all_queued(attempt: &'static str, rows: Vec<notice::Model>) -> Result<Vec<Queued>, StoreError> {
    rows.into_iter().map(|row| queued(row).map_err(|reason| refuse(attempt, reason))).collect()
}

fn queued(row: notice::Model) -> Result<Queued, String> {
    let unreadable = |what: &str| format!("notice {} holds an unreadable {what}", row.id);
    Ok(Queued {
        id: u64::try_from(row.id).map_err(|_| unreadable("id"))?,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        due_ms: row.due,
        notice: Notice {
            room: RoomId::try_from(row.room_id.as_str()).map_err(|_| unreadable("room id"))?,
            session: SessionId::try_from(row.sid.as_str()).map_err(|_| unreadable("session id"))?,
            event: row.event,
            url: row.url,
            body: Bytes::from(row.body),
            created_at_ms: row.created,
        },
    })
}
