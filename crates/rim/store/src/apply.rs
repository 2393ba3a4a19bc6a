//! Carries a plan out inside a transaction.
//!
//! Rows travel many to a statement, in sizes that are powers of two: a handful of distinct texts per table, which the
//! connection keeps prepared, instead of one text per batch size.

use std::collections::BTreeMap;

use model::SessionId;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
};

use crate::entity::{live_state, session};
use crate::plan::{Ending, Opening, Plan, StateChange};

/// Most rows in one statement. With ten columns that stays far below SQLite's 32,766 parameters.
const MOST_ROWS: usize = 128;

/// Applies a plan. The answer maps every opened session to its row id.
pub(crate) async fn apply(db: &impl ConnectionTrait, plan: Plan) -> Result<BTreeMap<String, i64>, DbErr> {
    end_sessions(db, &plan).await?;
    for (session, joined) in &plan.joined {
        session::Entity::update_many()
            .col_expr(session::Column::JoinedParticipants, Expr::value(*joined))
            .filter(session::Column::Sid.eq(session.as_str()))
            .exec(db)
            .await?;
    }
    let ids = insert_sessions(db, plan.openings).await?;
    change_state(db, plan.state).await?;
    Ok(ids)
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

/// Inserts and reads the ids back: engines disagree on what an insert of several rows can return.
async fn insert_sessions(db: &impl ConnectionTrait, openings: Vec<Opening>) -> Result<BTreeMap<String, i64>, DbErr> {
    let mut ids = BTreeMap::new();
    for openings in chunks(&openings) {
        session::Entity::insert_many(openings.iter().map(row)).exec_without_returning(db).await?;
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
    for rows in chunks(&upserts) {
        let rows = rows.iter().map(|(session, key, value)| live_state::ActiveModel {
            sid: Set(session.as_str().to_owned()),
            key: Set((*key).clone()),
            value: Set(value.to_vec()),
        });
        let replace = OnConflict::columns([live_state::Column::Sid, live_state::Column::Key])
            .update_column(live_state::Column::Value)
            .to_owned();
        live_state::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Cuts rows into pieces of `MOST_ROWS`, then of ever smaller powers of two.
fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = rows.len().checked_ilog2().map(|bits| (1 << bits).min(MOST_ROWS))?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_cut_into_powers_of_two() {
        for count in 0..600 {
            let rows: Vec<_> = (0..count).collect();

            let pieces: Vec<_> = chunks(&rows).collect();

            assert_eq!(pieces.concat(), rows);
            assert!(pieces.iter().all(|piece| piece.len().is_power_of_two() && piece.len() <= MOST_ROWS));
        }
    }
}
