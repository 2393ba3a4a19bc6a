//! What every engine must do, written over the traits alone. An engine joins at the bottom.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod archive;
mod outbox;
mod presence;
#[path = "../servers/mod.rs"]
mod servers;
mod sessions;
mod state;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::archive::{Archive, Artifact, MAX_METADATA, MAX_ROWS, Order, Page, Recording, Scope};
use ports::outbox::{Backlog, MAX_BODY, MAX_EVENT, MAX_NOTICES, MAX_URL, Notice, Outbox, Queued};
use ports::presence::{MAX_ABOUT, MAX_PRESENCE_ID, MAX_PRESENCE_WRITES, Presence, PresenceWrite, Presences};
use ports::store::{NewSession, Records, State, StateEntry, StateWrite};
use store::{Driver, Server, Store};

/// Makes fresh, empty stores of one engine.
trait Engine: Send + Sync + 'static {
    type Store: Records + State + Archive + Outbox + Presences;

    fn open(&self) -> impl Future<Output = Self::Store> + Send;
}

macro_rules! contract {
    ($($test:ident,)*) => {
        contract!(sqlite Sqlite: $($test)*);
        contract!(postgres Postgres: $($test)*);
        contract!(mariadb MariaDb: $($test)*);
    };
    ($module:ident $engine:ident: $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(engine) = super::$engine::new().await {
                        super::suite::$test(&engine).await;
                    }
                }
            )*
        }
    };
}

/// Everything an engine must do.
mod suite {
    pub(super) use super::archive::*;
    pub(super) use super::outbox::*;
    pub(super) use super::presence::*;
    pub(super) use super::sessions::*;
    pub(super) use super::state::*;
}

struct Sqlite(tempfile::TempDir);

impl Sqlite {
    async fn new() -> Option<Self> {
        Some(Self(tempfile::tempdir().unwrap()))
    }
}

impl Engine for Sqlite {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::open(&self.0.path().join("plenum.db")).await.unwrap()
    }
}

struct Postgres(Server);

impl Postgres {
    async fn new() -> Option<Self> {
        servers::fresh(Driver::Postgres).await.map(Self)
    }
}

impl Engine for Postgres {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::connect(&self.0).await.unwrap()
    }
}

struct MariaDb(Server);

impl MariaDb {
    async fn new() -> Option<Self> {
        servers::fresh(Driver::MariaDb).await.map(Self)
    }
}

impl Engine for MariaDb {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::connect(&self.0).await.unwrap()
    }
}

contract!(
    an_opened_session_is_listed_as_it_was_given,
    running_sessions_come_oldest_first_with_ids_that_grow,
    a_new_session_closes_the_one_left_running_in_its_room,
    a_session_id_is_used_once,
    a_refused_session_hurts_nobody_who_shares_its_batch,
    a_closed_session_is_no_longer_running,
    rooms_whose_sessions_ended_lately_are_listed_with_their_last_end,
    the_count_of_people_is_kept,
    an_unknown_session_changes_nothing_and_has_no_state,
    texts_have_at_most_255_characters,
    state_is_loaded_as_written_and_in_order_of_its_keys,
    a_key_holds_its_last_value_and_can_be_removed,
    any_bytes_may_be_a_value,
    values_have_at_most_16_mib,
    keys_have_1_to_160_bytes,
    a_large_commit_is_stored_whole,
    forgetting_a_session_leaves_others_alone,
    sessions_with_state_are_listed_once,
    many_writers_at_once_each_find_what_they_wrote,
    racing_sessions_of_one_room_leave_one_running,
    a_healthy_store_answers,
    a_commit_takes_notices_along,
    a_refused_commit_takes_no_notice_along,
    a_session_is_found_by_its_id_and_by_its_row,
    past_sessions_are_those_that_ended,
    past_sessions_name_their_first_analytics,
    a_page_begins_and_ends_where_it_was_asked_to,
    ids_differ_by_case_and_by_what_follows,
    a_recording_is_found_as_it_was_added,
    a_recording_id_is_used_once,
    recordings_are_listed_in_scope_and_in_order,
    metadata_of_a_recording_is_replaced,
    a_removed_recording_is_gone_once,
    an_artifact_is_found_as_it_was_added,
    an_artifact_id_is_used_once,
    artifacts_are_listed_in_scope_and_by_kind,
    a_removed_artifact_is_gone_once,
    texts_no_engine_could_hold_are_refused,
    an_unknown_id_finds_nothing,
    notices_come_back_as_they_were_put_in,
    the_first_of_every_line_is_due,
    those_behind_a_postponed_notice_wait,
    those_behind_a_parked_notice_go_on,
    what_is_said_about_an_unknown_notice_changes_nothing,
    parked_notices_are_listed_last_first_and_cleared_by_age,
    the_next_due_is_that_of_a_head,
    too_many_or_too_large_notices_are_refused,
    ids_of_notices_grow,
    who_is_noted_is_there_until_they_are_gone,
    the_last_word_on_who_is_there_counts,
    who_is_there_and_what_is_told_of_it_are_one_step,
    a_thousand_come_and_go_at_once,
    too_many_or_too_large_presences_are_refused,
);

const ALL: Page = Page { from: 0, limit: 100, order: Order::NewestFirst };

fn recording(id: &str, room_id: &str, session: &str) -> Recording {
    Recording {
        record_id: id.to_owned(),
        room: room(room_id),
        session: sid(session),
        recorder_id: "recorder01".to_owned(),
        file_path: format!("{room_id}/{id}.mp4"),
        megabytes: 0.25,
        metadata: String::new(),
        created_at_ms: 1_700_000_000_000,
        room_created_at_ms: 1_600_000_000_000,
    }
}

fn artifact(id: &str, room_id: &str, session: &str, kind: &str) -> Artifact {
    Artifact {
        artifact_id: id.to_owned(),
        room: room(room_id),
        session: sid(session),
        kind: kind.to_owned(),
        metadata: "{}".to_owned(),
        created_at_ms: 1_700_000_000_000,
    }
}

fn notice(room_id: &str, url: &str, created_at_ms: i64) -> Notice {
    Notice {
        room: room(room_id),
        session: sid("s"),
        event: "room_created".to_owned(),
        url: format!("https://example.org/{url}"),
        body: Bytes::from_static(b"{}"),
        created_at_ms,
    }
}

fn notices(queued: &[Queued]) -> Vec<Notice> {
    queued.iter().map(|queued| queued.notice.clone()).collect()
}

fn times(queued: &[Queued]) -> Vec<i64> {
    queued.iter().map(|queued| queued.notice.created_at_ms).collect()
}

async fn running(store: &impl Records) -> Vec<String> {
    let running = store.running_sessions().await.unwrap();
    running.iter().map(|record| record.session.session.as_str().to_owned()).collect()
}

fn room(id: &str) -> RoomId {
    RoomId::try_from(id).unwrap()
}

fn sid(id: &str) -> SessionId {
    SessionId::try_from(id).unwrap()
}

fn session(room_id: &str, session: &str) -> NewSession {
    NewSession {
        room: room(room_id),
        session: sid(session),
        title: "title".to_owned(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: 1_700_000_000_000,
    }
}

fn put(key: &str, value: &[u8]) -> StateWrite {
    StateWrite { key: key.to_owned(), value: Some(Bytes::copy_from_slice(value)) }
}

fn remove(key: &str) -> StateWrite {
    StateWrite { key: key.to_owned(), value: None }
}

fn entry(key: &str, value: &[u8]) -> StateEntry {
    StateEntry { key: key.to_owned(), value: Bytes::copy_from_slice(value) }
}
