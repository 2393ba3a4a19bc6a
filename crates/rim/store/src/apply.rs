//! Carries a plan out inside a transaction.
//!
//! Rows travel many to a statement, in few sizes: a dozen or two distinct texts per table, which the connection keeps
//! prepared, instead of one text per batch size. A usual batch is one statement per table all the same, for each
//! statement is a question to another thread or another machine, and everybody in the batch waits for the answer.

use std::collections::BTreeMap;

use model::SessionId;
use ports::outbox::Notice;
use ports::presence::Presence;
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Query};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};

use crate::entity::{artifact, live_state, notice, presence, recording, session};
use crate::outbox::line;
use crate::plan::{Ending, NoticeChange, Opening, Plan, Shelving, StateChange};

/// Most rows in one statement. With eleven columns that stays far below SQLite's 32,766 parameters.
const MOST_ROWS: usize = 128;

/// Up to so many rows travel in one statement whatever their number; beyond that, numbers are powers of two. With four
/// tables that makes 76 texts, and a connection keeps 100. What changes rarely, and then by ones or hundreds, travels in powers
/// of two alone: 16 more.
const FEW_ROWS: usize = 16;

/// Most bytes of values in one statement, unless a single one has more.
const MOST_BYTES: usize = 4 << 20;

/// What came of a plan.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The row id of every opened session.
    pub(crate) sessions: BTreeMap<String, i64>,
    /// How many rows each write of `Plan::shelvings` touched, by its position in the batch.
    pub(crate) counts: BTreeMap<usize, u64>,
}

/// Applies a plan.
pub(crate) async fn apply(db: &impl ConnectionTrait, plan: Plan) -> Result<Applied, DbErr> {
    end_sessions(db, &plan).await?;
    for (session, joined) in &plan.joined {
        session::Entity::update_many()
            .col_expr(session::Column::JoinedParticipants, Expr::value(*joined))
            .filter(session::Column::Sid.eq(session.as_str()))
            .exec(db)
            .await?;
    }
    let sessions = insert_sessions(db, plan.openings).await?;
    change_state(db, plan.state).await?;
    settle_notices(db, &plan.fates).await?;
    insert_notices(db, &plan.notices).await?;
    change_presences(db, plan.presences).await?;
    let mut counts = BTreeMap::new();
    for (turn, shelving) in plan.shelvings {
        counts.insert(turn, shelve(db, shelving).await?);
    }
    Ok(Applied { sessions, counts })
}

/// Closes what was asked to be closed and what still ran for rooms that got a new session.
async fn end_sessions(db: &impl ConnectionTrait, plan: &Plan) -> Result<(), DbErr> {
    let mut endings: BTreeMap<String, Ending> =
        plan.closings.iter().map(|(session, ending)| (session.as_str().to_owned(), *ending)).collect();

    let rooms: Vec<_> = plan.superseded.keys().map(|room| room.as_str()).collect();
    for rooms in chunks(&rooms) {
        let running: Vec<(String, String)> = session::Entity::find()
            .select_only()
            .columns([session::Column::Sid, session::Column::RoomId])
            .filter(session::Column::IsRunning.eq(true))
            .filter(session::Column::RoomId.is_in(rooms.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        for (sid, room) in running {
            if let Some(superseded) = plan.superseded.get(room.as_str()) {
                let ending = endings.entry(sid).or_insert(*superseded);
                *ending = (*ending).min(*superseded);
            }
        }
    }

    for (sid, ending) in endings {
        session::Entity::update_many()
            .col_expr(session::Column::IsRunning, Expr::value(false))
            .col_expr(session::Column::Ended, Expr::value(ending.at_ms))
            .filter(session::Column::Sid.eq(sid))
            .filter(session::Column::IsRunning.eq(true))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Inserts and learns the ids. SQLite numbers the rows of a statement one after the other, after the largest there is, and
/// tells the last: cheaper than a row of answer for each, which wakes whoever waits each time. MySQL, which the driver takes
/// MariaDB for, must be asked.
async fn insert_sessions(db: &impl ConnectionTrait, openings: Vec<Opening>) -> Result<BTreeMap<String, i64>, DbErr> {
    let mut ids = BTreeMap::new();
    for openings in chunks(&openings) {
        let insert = session::Entity::insert_many(openings.iter().map(row));
        if db.get_database_backend() == DbBackend::Sqlite {
            let last = db.execute(&insert.into_query()).await?.last_insert_id().cast_signed();
            for (opening, back) in openings.iter().rev().zip(0..) {
                ids.insert(opening.session.session.as_str().to_owned(), last - back);
            }
            continue;
        }
        if db.support_returning() {
            let mut insert = insert.into_query();
            insert.returning(Query::returning().columns([session::Column::Sid, session::Column::Id]));
            for row in db.query_all(&insert).await? {
                ids.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            }
            continue;
        }
        insert.exec_without_returning(db).await?;
        let sids = openings.iter().map(|opening| opening.session.session.as_str());
        let inserted: Vec<(String, i64)> = session::Entity::find()
            .select_only()
            .columns([session::Column::Sid, session::Column::Id])
            .filter(session::Column::Sid.is_in(sids))
            .into_tuple()
            .all(db)
            .await?;
        ids.extend(inserted);
    }
    Ok(ids)
}

fn row(opening: &Opening) -> session::ActiveModel {
    let new = &opening.session;
    session::ActiveModel {
        id: NotSet,
        room_id: Set(new.room.as_str().to_owned()),
        sid: Set(new.session.as_str().to_owned()),
        room_title: Set(new.title.clone()),
        webhook_url: Set(new.webhook_url.clone()),
        parent_room_id: Set(new.parent.as_ref().map(|room| room.as_str().to_owned())),
        is_running: Set(opening.ended_at_ms.is_none()),
        joined_participants: Set(opening.joined),
        created: Set(new.created_at_ms),
        ended: Set(opening.ended_at_ms),
    }
}

async fn change_state(db: &impl ConnectionTrait, changes: BTreeMap<SessionId, StateChange>) -> Result<(), DbErr> {
    let forgotten: Vec<_> =
        changes.iter().filter(|(_, change)| change.forget).map(|(session, _)| session.as_str()).collect();
    for sids in chunks(&forgotten) {
        live_state::Entity::delete_many().filter(live_state::Column::Sid.is_in(sids.iter().copied())).exec(db).await?;
    }

    let mut upserts = Vec::new();
    for (session, change) in &changes {
        let mut removed = Vec::new();
        for (key, value) in &change.entries {
            match value {
                Some(value) => upserts.push((session, key, value)),
                None => removed.push(key.as_str()),
            }
        }
        for keys in chunks(&removed) {
            live_state::Entity::delete_many()
                .filter(live_state::Column::Sid.eq(session.as_str()))
                .filter(live_state::Column::Key.is_in(keys.iter().copied()))
                .exec(db)
                .await?;
        }
    }
    let most = most_at_once(db.get_database_backend());
    for rows in chunks_by(&upserts, |(_, _, value)| value.len()) {
        let rows = rows.iter().map(|(session, key, value)| live_state::ActiveModel {
            sid: Set(session.as_str().to_owned()),
            key: Set((*key).clone()),
            value: Set(value[..Ord::min(value.len(), most)].to_vec()),
        });
        let replace = OnConflict::columns([live_state::Column::Sid, live_state::Column::Key])
            .update_column(live_state::Column::Value)
            .to_owned();
        live_state::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    }
    for (session, key, value) in upserts.into_iter().filter(|(_, _, value)| value.len() > most) {
        for piece in value[most..].chunks(most) {
            append(db, session, key, piece).await?;
        }
    }
    Ok(())
}

/// How much of a value travels in one statement. MariaDB takes no statement of more than its `max_allowed_packet`, which
/// is 16 MiB unless somebody changed it, and our largest value alone is as much.
const fn most_at_once(backend: DbBackend) -> usize {
    match backend {
        DbBackend::MySql => MOST_BYTES,
        _ => usize::MAX,
    }
}

/// Puts another piece behind what is stored; only MariaDB needs it.
async fn append(db: &impl ConnectionTrait, session: &SessionId, key: &str, piece: &[u8]) -> Result<(), DbErr> {
    let longer = Func::cust("CONCAT").arg(Expr::col(live_state::Column::Value)).arg(Expr::val(piece.to_vec()));
    live_state::Entity::update_many()
        .col_expr(live_state::Column::Value, longer.into())
        .filter(live_state::Column::Sid.eq(session.as_str()))
        .filter(live_state::Column::Key.eq(key))
        .exec(db)
        .await
        .map(drop)
}

async fn settle_notices(db: &impl ConnectionTrait, fates: &BTreeMap<i64, NoticeChange>) -> Result<(), DbErr> {
    let delivered: Vec<_> = fates.iter().filter(|(_, change)| change.delivered).map(|(id, _)| *id).collect();
    for ids in chunks(&delivered) {
        notice::Entity::delete_many().filter(notice::Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    }
    for (id, change) in fates.iter().filter(|(_, change)| !change.delivered) {
        let mut update = notice::Entity::update_many()
            .col_expr(notice::Column::Attempts, Expr::col(notice::Column::Attempts).add(change.attempts))
            .filter(notice::Column::Id.eq(*id))
            .filter(notice::Column::IsParked.eq(false));
        if let Some(due_ms) = change.parked_ms.or(change.due_ms) {
            update = update.col_expr(notice::Column::Due, Expr::value(due_ms));
        }
        if change.parked_ms.is_some() {
            update = update.col_expr(notice::Column::IsParked, Expr::value(true));
        }
        update.exec(db).await?;
    }
    Ok(())
}

async fn insert_notices(db: &impl ConnectionTrait, notices: &[Notice]) -> Result<(), DbErr> {
    for notices in chunks_by(notices, |notice| notice.body.len()) {
        let rows = notices.iter().map(|new| notice::ActiveModel {
            id: NotSet,
            line: Set(line(&new.room, &new.url)),
            room_id: Set(new.room.as_str().to_owned()),
            sid: Set(new.session.as_str().to_owned()),
            event: Set(new.event.clone()),
            url: Set(new.url.clone()),
            body: Set(new.body.to_vec()),
            created: Set(new.created_at_ms),
            attempts: Set(0),
            due: Set(new.created_at_ms),
            is_parked: Set(false),
        });
        notice::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn change_presences(db: &impl ConnectionTrait, changes: BTreeMap<String, Option<Presence>>) -> Result<(), DbErr> {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for (id, change) in changes {
        match change {
            Some(presence) => there.push(presence),
            None => gone.push(id),
        }
    }
    for ids in pieces(&gone, 1, |_| 0) {
        presence::Entity::delete_many().filter(presence::Column::Id.is_in(ids.iter().cloned())).exec(db).await?;
    }
    for rows in pieces(&there, 1, |presence| presence.about.len()) {
        let rows = rows.iter().map(|presence| presence::ActiveModel {
            id: Set(presence.id.clone()),
            room_id: Set(presence.room.as_str().to_owned()),
            sid: Set(presence.session.as_str().to_owned()),
            about: Set(presence.about.to_vec()),
        });
        let replace = OnConflict::column(presence::Column::Id)
            .update_columns([presence::Column::RoomId, presence::Column::Sid, presence::Column::About])
            .to_owned();
        presence::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    }
    Ok(())
}

/// The answer is how many rows were touched.
async fn shelve(db: &impl ConnectionTrait, shelving: Shelving) -> Result<u64, DbErr> {
    match shelving {
        Shelving::AdoptSession(past) => {
            let there = session::Entity::find().filter(session::Column::Sid.eq(past.session.session.as_str()));
            if there.one(db).await?.is_some() {
                return Ok(0);
            }
            let ended_at_ms = past.ended_at_ms.or(Some(past.session.created_at_ms));
            let closed = Opening { session: past.session, joined: past.joined_participants, ended_at_ms };
            session::Entity::insert(row(&closed)).exec_without_returning(db).await
        }
        Shelving::AddRecording(new) => {
            let row = recording::ActiveModel {
                id: NotSet,
                record_id: Set(new.record_id),
                room_id: Set(new.room.as_str().to_owned()),
                sid: Set(new.session.as_str().to_owned()),
                recorder_id: Set(new.recorder_id),
                file_path: Set(new.file_path),
                megabytes: Set(new.megabytes),
                metadata: Set(new.metadata),
                created: Set(new.created_at_ms),
                room_created: Set(new.room_created_at_ms),
            };
            recording::Entity::insert(row).exec_without_returning(db).await
        }
        Shelving::SetRecordingMetadata { record_id, metadata } => {
            let update = recording::Entity::update_many()
                .col_expr(recording::Column::Metadata, Expr::value(metadata))
                .filter(recording::Column::RecordId.eq(record_id));
            Ok(update.exec(db).await?.rows_affected)
        }
        Shelving::RemoveRecording { record_id } => {
            let delete = recording::Entity::delete_many().filter(recording::Column::RecordId.eq(record_id));
            Ok(delete.exec(db).await?.rows_affected)
        }
        Shelving::AddArtifact(new) => {
            let row = artifact::ActiveModel {
                id: NotSet,
                artifact_id: Set(new.artifact_id),
                room_id: Set(new.room.as_str().to_owned()),
                sid: Set(new.session.as_str().to_owned()),
                kind: Set(new.kind),
                metadata: Set(new.metadata),
                created: Set(new.created_at_ms),
            };
            artifact::Entity::insert(row).exec_without_returning(db).await
        }
        Shelving::RemoveArtifact { artifact_id } => {
            let delete = artifact::Entity::delete_many().filter(artifact::Column::ArtifactId.eq(artifact_id));
            Ok(delete.exec(db).await?.rows_affected)
        }
        Shelving::ClearParked { before_ms } => {
            let delete = notice::Entity::delete_many()
                .filter(notice::Column::IsParked.eq(true))
                .filter(notice::Column::Due.lt(before_ms));
            Ok(delete.exec(db).await?.rows_affected)
        }
    }
}

/// Cuts rows into pieces of `MOST_ROWS`, then of smaller powers of two, then into one of what is left.
fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    chunks_by(rows, |_| 0)
}

/// The same, and no piece weighs more than `MOST_BYTES` unless it is a single row.
fn chunks_by<T>(rows: &[T], weight: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    pieces(rows, FEW_ROWS, weight)
}

/// The same with another number of rows up to which they are not cut.
fn pieces<T>(mut rows: &[T], few: usize, weight: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let bits = rows.len().checked_ilog2()?;
        let mut size = if rows.len() <= few { rows.len() } else { Ord::min(1 << bits, MOST_ROWS) };
        while size > 1 && rows[..size].iter().map(&weight).sum::<usize>() > MOST_BYTES {
            size /= 2;
        }
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_cut_into_pieces_of_few_sizes() {
        let mut sizes = std::collections::BTreeSet::new();
        for count in 0..600 {
            let rows: Vec<_> = (0..count).collect();

            let pieces: Vec<_> = chunks(&rows).collect();

            assert_eq!(pieces.concat(), rows);
            assert!(pieces.iter().all(|piece| piece.len() <= MOST_ROWS));
            sizes.extend(pieces.iter().map(|piece| piece.len()));
            assert!(count > FEW_ROWS || pieces.len() <= 1, "{count} rows in {} statements", pieces.len());
        }
        assert_eq!(sizes.len(), 19, "{sizes:?}");
        let rows = [0; 599];
        let sizes: std::collections::BTreeSet<_> =
            (0..600).flat_map(|count| pieces(&rows[..count], 1, |_| 0)).map(<[_]>::len).collect();
        assert_eq!(sizes.len(), 8, "{sizes:?}");
    }

    #[test]
    fn heavy_rows_travel_in_smaller_pieces() {
        let mebibytes = [1, 1, 1, 1, 1, 16, 2, 3, 1, 0, 0, 0];

        let pieces: Vec<_> = chunks_by(&mebibytes, |mebibytes| mebibytes << 20).collect();

        assert_eq!(pieces, [&[1, 1, 1][..], &[1, 1], &[16], &[2], &[3, 1, 0, 0, 0]].map(Vec::from));
    }
}
