//! Group commit: one task does all the writing, and everything that waits shares one transaction and one `fsync`.
//!
//! While a transaction is being made durable the next batch gathers, so the busier the server, the larger the batches
//! and the cheaper each write; an idle server pays one `fsync` per write and no delay on top.

use std::fs::File;
use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::apply::{Applied, apply};
use crate::entity::ledger;
use crate::plan::{Plan, Write};
use crate::server;
use crate::sqlite::{self, Checkpoints};

/// Most writes in one transaction.
const MOST_WRITES: usize = 512;

/// A transaction takes no further write once it holds this many bytes of values.
const MOST_BYTES: usize = 16 << 20;

/// The only row of the ledger.
const LEDGER: i64 = 1;

/// How long a broken connection may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long writes wait for a server that went away, as for a restart, before they fail.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is tried meanwhile.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(200);

/// How many writes may wait. When the queue is full whoever wants to write waits; nothing is dropped.
pub(crate) const QUEUE_LENGTH: usize = 1024;

/// What became of a write, or the engine's complaint.
pub(crate) type Outcome = Result<Answer, String>;

/// What there is to say about a write that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Done,
    /// The row id of an opened session.
    Row(i64),
    /// How many rows it touched.
    Count(u64),
}

/// What the writer's queue carries.
pub(crate) enum Letter {
    Write {
        write: Write,
        reply: oneshot::Sender<Outcome>,
    },
    /// Stop once everything queued before is done.
    Close {
        done: oneshot::Sender<()>,
    },
}

struct Waiting {
    write: Write,
    reply: oneshot::Sender<Outcome>,
}

/// The task's state.
pub(crate) struct Writer {
    db: DatabaseConnection,
    /// How to take a new connection.
    options: ConnectOptions,
    /// A transaction ended in an unclear way: take a new connection before the next one.
    broken: bool,
    /// Of an outside engine: the number of the last transaction. Its answer may get lost on the way.
    turn: Option<i64>,
    embedded: Option<Embedded>,
}

/// What an embedded engine has besides.
struct Embedded {
    checkpoints: Checkpoints,
    /// Keeps other servers away until the last write is done.
    _lock: File,
}

/// How often a single write is tried, should the connection break over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chance {
    First,
    Last,
}

/// Why a batch was not done.
enum Failure {
    /// There is no connection; no part of the batch would fare better.
    Unreachable(DbErr),
    /// Something in it is refused, or the connection broke on the way.
    Refused(DbErr),
}

impl Writer {
    /// The engine's writer, and its readers for whoever reads.
    pub(crate) fn embedded(engine: sqlite::Engine) -> (Self, DatabaseConnection) {
        let sqlite::Engine { readers, writer: db, checkpoints, writer_options: options, lock } = engine;
        let embedded = Some(Embedded { checkpoints, _lock: lock });
        (Self { db, options, broken: false, turn: None, embedded }, readers)
    }

    pub(crate) async fn outside(db: DatabaseConnection, options: ConnectOptions) -> Result<Self, DbErr> {
        let turn = match ledger::Entity::find_by_id(LEDGER).one(&db).await? {
            Some(row) => row.turn,
            None => {
                let row = ledger::ActiveModel { id: Set(LEDGER), turn: Set(0) };
                ledger::Entity::insert(row).exec_without_returning(&db).await?;
                0
            }
        };
        Ok(Self { db, options, broken: false, turn: Some(turn), embedded: None })
    }

    /// Serves until the store is closed or nobody holds it any more; writes queued by then are still done.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Letter>) {
        let mut letters = Vec::with_capacity(MOST_WRITES);
        let mut closing = None;
        while closing.is_none() && queue.recv_many(&mut letters, MOST_WRITES).await > 0 {
            let mut batch = Vec::with_capacity(letters.len());
            let mut bytes = 0;
            for letter in letters.drain(..) {
                match letter {
                    Letter::Write { write, reply } => {
                        bytes += write.weight();
                        batch.push(Waiting { write, reply });
                        if bytes >= MOST_BYTES {
                            self.settle(std::mem::take(&mut batch)).await;
                            bytes = 0;
                        }
                    }
                    Letter::Close { done } => {
                        closing = Some(done);
                        break;
                    }
                }
            }
            self.settle(batch).await;
        }

        queue.close();
        // Its lock stays until the writer is closed.
        let lock = match self.embedded.take() {
            Some(Embedded { checkpoints, _lock: lock }) => {
                checkpoints.stop().await;
                Some(lock)
            }
            None => None,
        };
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        drop(lock);
        if let Some(done) = closing {
            // Whoever asked may have gone away; the store is closed regardless.
            let _ = done.send(());
        }
    }

    /// Makes a batch durable and answers everybody. A batch that fails is tried again in halves, so that in the end
    /// only the writes that cannot be done fail.
    async fn settle(&mut self, batch: Vec<Waiting>) {
        let mut batches = vec![(batch, Chance::First)];
        while let Some((mut batch, chance)) = batches.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.attempt(&batch).await {
                Ok(applied) => {
                    if let Some(embedded) = &mut self.embedded {
                        embedded.checkpoints.note(batch.iter().map(|waiting| waiting.write.weight()).sum());
                    }
                    for (turn, Waiting { write, reply }) in batch.into_iter().enumerate() {
                        // The asker may have gone away; what is written stays written.
                        let _ = reply.send(answer(&write, turn, &applied));
                    }
                }
                Err(Failure::Unreachable(error)) => {
                    tracing::warn!(%error, writes = batch.len(), "the database cannot be reached");
                    for Waiting { reply, .. } in batch {
                        let _ = reply.send(Err(error.to_string()));
                    }
                }
                Err(Failure::Refused(error))
                    if batch.len() == 1 && chance == Chance::First && self.lost_its_server() =>
                {
                    tracing::warn!(%error, "the connection broke and a write is tried again");
                    batches.push((batch, Chance::Last));
                }
                Err(Failure::Refused(error)) if batch.len() == 1 => {
                    for Waiting { reply, .. } in batch {
                        let _ = reply.send(Err(error.to_string()));
                    }
                }
                Err(Failure::Refused(error)) => {
                    tracing::warn!(%error, writes = batch.len(), "a batch of writes failed and is tried again in halves");
                    let later = batch.split_off(batch.len() / 2);
                    batches.push((later, chance));
                    batches.push((batch, chance));
                }
            }
        }
    }

    /// Whether the connection to an outside engine broke, which says nothing about what was written over it.
    fn lost_its_server(&self) -> bool {
        self.broken && self.turn.is_some()
    }

    async fn attempt(&mut self, batch: &[Waiting]) -> Result<Applied, Failure> {
        let plan = Plan::of(batch.iter().map(|waiting| &waiting.write));
        let transaction = self.begin().await.map_err(Failure::Unreachable)?;
        let turn = self.turn.map(|turn| turn + 1);
        match carry_out(&transaction, plan, turn).await {
            Ok(applied) => match transaction.commit().await {
                Ok(()) => {
                    self.turn = turn;
                    Ok(applied)
                }
                Err(error) => {
                    self.broken = true;
                    if self.was_done(turn).await.map_err(Failure::Unreachable)? {
                        self.turn = turn;
                        return Ok(applied);
                    }
                    Err(Failure::Refused(error))
                }
            },
            Err(error) => {
                // The engine may undo a transaction by itself, when the disk is full for instance; the driver's own
                // attempt then fails, and it believes to be inside ever after.
                if transaction.rollback().await.is_err() {
                    self.broken = true;
                }
                Err(Failure::Refused(error))
            }
        }
    }

    /// Whether the transaction of that number was done, though nobody said so. A file on this machine says so.
    async fn was_done(&mut self, turn: Option<i64>) -> Result<bool, DbErr> {
        let Some(turn) = turn else { return Ok(false) };
        let transaction = self.begin().await?;
        let row = ledger::Entity::find_by_id(LEDGER).one(&transaction).await.inspect_err(|_| self.broken = true)?;
        transaction.rollback().await.inspect_err(|_| self.broken = true)?;
        Ok(row.is_some_and(|row| row.turn == turn))
    }

    /// Begins a transaction, on a new connection if the old one is no good any more.
    async fn begin(&mut self) -> Result<DatabaseTransaction, DbErr> {
        // A writer from the start: a transaction that begins as a reader may be refused halfway.
        let embedded = self.embedded.is_some();
        let options = TransactionOptions {
            sqlite_transaction_mode: embedded.then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        if !self.broken {
            match self.db.begin_with_options(options).await {
                Ok(transaction) => return Ok(transaction),
                Err(error) => tracing::warn!(%error, "the database connection is replaced"),
            }
        }

        self.broken = true;
        // The old one goes first: a server would not give its lock to a second one.
        if let Ok(Err(error)) = tokio::time::timeout(CLOSE_TIMEOUT, self.db.clone().close()).await {
            tracing::warn!(%error, "a broken database connection did not close cleanly");
        }
        let patience = Instant::now() + PATIENCE;
        self.db = loop {
            match server::connect_writer(self.options.clone()).await {
                Ok(fresh) => break fresh,
                Err(error) if embedded || Instant::now() >= patience => return Err(error),
                Err(error) => tracing::debug!(%error, "the database server does not answer yet"),
            }
            tokio::time::sleep(RECONNECT_INTERVAL).await;
        };
        self.broken = false;
        self.db.begin_with_options(options).await.inspect_err(|_| self.broken = true)
    }
}

async fn carry_out(db: &DatabaseTransaction, plan: Plan, turn: Option<i64>) -> Result<Applied, DbErr> {
    if let Some(turn) = turn {
        let update = ledger::Entity::update_many().col_expr(ledger::Column::Turn, Expr::value(turn));
        update.filter(ledger::Column::Id.eq(LEDGER)).exec(db).await?;
    }
    apply(db, plan).await
}

fn answer(write: &Write, turn: usize, applied: &Applied) -> Outcome {
    match write {
        Write::Open(new) => match applied.sessions.get(new.session.as_str()) {
            Some(id) => Ok(Answer::Row(*id)),
            None => Err("the engine gave no row id".to_owned()),
        },
        Write::Shelve(_) => Ok(Answer::Count(applied.counts.get(&turn).copied().unwrap_or_default())),
        Write::Close { .. }
        | Write::SetJoined { .. }
        | Write::Commit { .. }
        | Write::Forget { .. }
        | Write::Enqueue { .. }
        | Write::Note { .. }
        | Write::Settle { .. } => Ok(Answer::Done),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::{RoomId, SessionId};
    use ports::archive::Recording;
    use ports::outbox::Notice;
    use ports::store::{NewSession, StateWrite};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use sea_orm::{ConnectionTrait as _, EntityTrait as _, QueryOrder as _};

    use super::*;
    use crate::entity::{self, live_state, recording, session};
    use crate::plan::{Fate, Shelving};

    #[tokio::test]
    async fn a_full_disk_fails_one_write_and_none_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = sqlite::open(&folder.path().join("plenum.db")).await.unwrap();
        // The connection believes that the file can hardly grow.
        engine.writer.execute_unprepared("PRAGMA max_page_count = 40").await.unwrap();
        let (queue, letters) = mpsc::channel(8);
        let (writer, _) = Writer::embedded(engine);
        let task = tokio::spawn(writer.run(letters));

        let outcomes = [
            ask(&queue, "a", 1_000).await.await.unwrap(),
            ask(&queue, "b", 1 << 20).await.await.unwrap(),
            ask(&queue, "c", 1_000).await.await.unwrap(),
        ];

        assert!(matches!(outcomes, [Ok(Answer::Done), Err(_), Ok(Answer::Done)]), "{outcomes:?}");
        drop(queue);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_stuck_in_a_transaction_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let engine = sqlite::open(&folder.path().join("plenum.db")).await.unwrap();
        engine.writer.execute_unprepared("BEGIN").await.unwrap();
        let (queue, letters) = mpsc::channel(8);
        let (writer, _) = Writer::embedded(engine);
        let task = tokio::spawn(writer.run(letters));

        for key in ["a", "b"] {
            assert_eq!(ask(&queue, key, 10).await.await.unwrap(), Ok(Answer::Done));
        }

        drop(queue);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn in_a_batch_only_the_write_that_cannot_be_done_fails() {
        let folder = tempfile::tempdir().unwrap();
        let engine = sqlite::open(&folder.path().join("plenum.db")).await.unwrap();
        engine.writer.execute_unprepared("PRAGMA max_page_count = 40").await.unwrap();
        let (queue, letters) = mpsc::channel(16);
        let (writer, _) = Writer::embedded(engine);

        // All are waiting before the writer starts, so they are one batch.
        let mut replies = Vec::new();
        for n in 0..10 {
            replies.push(ask(&queue, &format!("key {n}"), if n == 6 { 1 << 20 } else { 100 }).await);
        }
        drop(queue);
        writer.run(letters).await;

        for (n, reply) in replies.into_iter().enumerate() {
            assert_eq!(reply.await.unwrap().is_err(), n == 6, "{n}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// However writes fall into batches, the outcome is that of doing them one after the other.
        #[test]
        fn a_batch_is_the_same_as_its_writes_one_by_one(writes in vec(any_write(), 1..60)) {
            let runtime = tokio::runtime::Runtime::new().unwrap();

            let together = runtime.block_on(outcome(&writes, Pace::AllAtOnce));
            let one_by_one = runtime.block_on(outcome(&writes, Pace::OneByOne));

            prop_assert_eq!(together, one_by_one);
        }
    }

    enum Pace {
        AllAtOnce,
        OneByOne,
    }

    /// What became of every write, and everything stored afterwards.
    type Everything = (
        Vec<Result<Answer, ()>>,
        Vec<session::Model>,
        Vec<live_state::Model>,
        Vec<entity::notice::Model>,
        Vec<recording::Model>,
    );

    /// Notices that are stored before the writes come. Nobody can name one that is put in by the same batch.
    const EARLIER: i64 = 4;

    async fn outcome(writes: &[Write], pace: Pace) -> Everything {
        let folder = tempfile::tempdir().unwrap();
        let engine = sqlite::open(&folder.path().join("plenum.db")).await.unwrap();
        let (queue, letters) = mpsc::channel(writes.len());
        let (mut writer, readers) = Writer::embedded(engine);
        let notices = (0..EARLIER).map(|n| notice(n % 2, 0, n)).collect();
        writer.settle(vec![Waiting { write: Write::Enqueue { notices }, reply: oneshot::channel().0 }]).await;
        let mut outcomes = Vec::new();
        match pace {
            Pace::AllAtOnce => {
                let mut replies = Vec::new();
                for write in writes {
                    let (reply, outcome) = oneshot::channel();
                    let letter = Letter::Write { write: write.clone(), reply };
                    queue.send(letter).await.unwrap_or_else(|_| panic!("the queue is too short"));
                    replies.push(outcome);
                }
                drop(queue);
                writer.run(letters).await;
                for reply in replies {
                    outcomes.push(reply.await.unwrap().map_err(drop));
                }
            }
            Pace::OneByOne => {
                for write in writes {
                    let (reply, outcome) = oneshot::channel();
                    writer.settle(vec![Waiting { write: write.clone(), reply }]).await;
                    outcomes.push(outcome.await.unwrap().map_err(drop));
                }
            }
        }
        let sessions = session::Entity::find().order_by_asc(session::Column::Id).all(&readers).await.unwrap();
        let state = live_state::Entity::find()
            .order_by_asc(live_state::Column::Sid)
            .order_by_asc(live_state::Column::Key)
            .all(&readers)
            .await
            .unwrap();
        let notices =
            entity::notice::Entity::find().order_by_asc(entity::notice::Column::Id).all(&readers).await.unwrap();
        let recordings = recording::Entity::find().order_by_asc(recording::Column::Id).all(&readers).await.unwrap();
        (outcomes, sessions, state, notices, recordings)
    }

    fn any_write() -> impl Strategy<Value = Write> {
        let session = || (0..6).prop_map(|n| SessionId::try_from(format!("s{n}").as_str()).unwrap());
        let room = (0..3).prop_map(|n| RoomId::try_from(format!("r{n}").as_str()).unwrap());
        let change = ((0..4).prop_map(|n| format!("key{n}")), option::of((0..9_u8).prop_map(|n| Bytes::from(vec![n]))))
            .prop_map(|(key, value)| StateWrite { key, value });
        prop_oneof![
            (room, session(), 0..100_i64).prop_map(|(room, session, created_at_ms)| Write::Open(NewSession {
                room,
                session,
                title: String::new(),
                webhook_url: String::new(),
                parent: None,
                created_at_ms,
            })),
            (session(), 0..100_i64).prop_map(|(session, ended_at_ms)| Write::Close { session, ended_at_ms }),
            (session(), 0..100_i64).prop_map(|(session, joined)| Write::SetJoined { session, joined }),
            (session(), vec(change, 1..4), vec(any_notice(), 0..3))
                .prop_map(|(session, writes, notices)| Write::Commit { session, writes, notices }),
            session().prop_map(|session| Write::Forget { session }),
            vec(any_notice(), 1..3).prop_map(|notices| Write::Enqueue { notices }),
            (1..=EARLIER, any_fate()).prop_map(|(notice, fate)| Write::Settle { notice, fate }),
            any_shelving().prop_map(Write::Shelve),
        ]
    }

    fn any_notice() -> impl Strategy<Value = Notice> {
        (0..3_i64, 0..2_i64, 0..100_i64).prop_map(|(room, url, created_at_ms)| notice(room, url, created_at_ms))
    }

    fn notice(room: i64, url: i64, created_at_ms: i64) -> Notice {
        Notice {
            room: RoomId::try_from(format!("r{room}").as_str()).unwrap(),
            session: SessionId::try_from("s").unwrap(),
            event: "room_created".to_owned(),
            url: format!("https://example.org/{url}"),
            body: Bytes::from_static(b"{}"),
            created_at_ms,
        }
    }

    fn any_fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            Just(Fate::Delivered),
            (0..100_i64).prop_map(|due_ms| Fate::Postponed { due_ms }),
            (0..100_i64).prop_map(|at_ms| Fate::Parked { at_ms }),
        ]
    }

    /// Without clearing the outbox: that is done last in its batch, which nobody can tell who waits for the answer.
    fn any_shelving() -> impl Strategy<Value = Shelving> {
        let id = || (0..4).prop_map(|n| format!("rec{n}"));
        prop_oneof![
            id().prop_map(|record_id| Shelving::AddRecording(Recording {
                record_id,
                room: RoomId::try_from("r").unwrap(),
                session: SessionId::try_from("s").unwrap(),
                recorder_id: "recorder".to_owned(),
                file_path: "a/b.mp4".to_owned(),
                megabytes: 1.5,
                metadata: String::new(),
                created_at_ms: 1,
                room_created_at_ms: 1,
            })),
            (id(), "[a-c]").prop_map(|(record_id, metadata)| Shelving::SetRecordingMetadata { record_id, metadata }),
            id().prop_map(|record_id| Shelving::RemoveRecording { record_id }),
        ]
    }

    async fn ask(queue: &mpsc::Sender<Letter>, key: &str, length: usize) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let writes = vec![StateWrite { key: key.to_owned(), value: Some(Bytes::from(vec![1; length])) }];
        let write = Write::Commit { session: SessionId::try_from("s").unwrap(), writes, notices: Vec::new() };
        queue.send(Letter::Write { write, reply }).await.unwrap_or_else(|_| panic!("the writer is gone"));
        outcome
    }
}
