//! What PostgreSQL and MariaDB promise beyond the contract: one owner, connections that heal, nothing done twice, and
//! acknowledged is durable.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod killing;
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use model::{Redacted, RoomId, SessionId};
use ports::outbox::{Backlog, Notice, Outbox as _};
use ports::store::{NewSession, Records as _, State as _, StateWrite};
use sea_orm::{ConnectionTrait as _, Statement};
use store::{Driver, OpenError, Server, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CHILD_DATABASE: &str = "PLENUM_TEST_STORE_DATABASE";

macro_rules! both {
    ($($test:ident),* $(,)?) => {
        mod postgres { $(both!(one $test, Postgres);)* }
        mod mariadb { $(both!(one $test, MariaDb);)* }
    };
    (one $test:ident, $driver:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            if let Some(server) = super::servers::fresh(store::Driver::$driver).await {
                super::$test(server).await;
            }
        }
    };
}

both!(
    everything_is_there_after_a_new_connection,
    a_second_server_on_the_same_database_is_refused,
    a_dropped_store_lets_go_of_its_database_in_time,
    killed_connections_heal,
    a_server_that_went_away_is_found_again,
    a_connection_that_fell_silent_gives_way_to_its_successor,
    a_commit_whose_answer_got_lost_is_done_once,
    foreign_tables_are_left_alone,
    a_database_of_a_newer_version_is_refused,
    mistakes_are_told_apart_from_absence,
    what_was_acknowledged_survives_kill_9,
);

async fn everything_is_there_after_a_new_connection(server: Server) {
    let store = Store::connect(&server).await.unwrap();
    let id = store.open_session(session("r", "s")).await.unwrap();
    store.commit_with(&sid("s"), vec![put("info", b"1")], vec![notice("r")]).await.unwrap();
    store.close().await;

    let store = Store::connect(&server).await.unwrap();

    assert_eq!(store.running_sessions().await.unwrap()[0].id, id);
    assert_eq!(&store.load(&sid("s")).await.unwrap()[0].value[..], b"1");
    assert_eq!(store.backlog().await.unwrap().waiting, 1);
}

async fn a_second_server_on_the_same_database_is_refused(server: Server) {
    let store = Store::connect(&server).await.unwrap();

    let error = Store::connect(&server).await.err().unwrap();

    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&server.database), "{error}");
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();
}

async fn a_dropped_store_lets_go_of_its_database_in_time(server: Server) {
    let store = Store::connect(&server).await.unwrap();
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    drop(store);

    assert_eq!(Store::connect(&server).await.unwrap().load(&sid("s")).await.unwrap().len(), 1);
}

async fn killed_connections_heal(server: Server) {
    let store = Store::connect(&server).await.unwrap();
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();
    store.load(&sid("s")).await.unwrap();

    for turn in 0..3_u8 {
        kill_everybody_else(&server).await;
        store.commit(&sid("s"), vec![put("b", &[turn])]).await.unwrap();
        assert_eq!(store.load(&sid("s")).await.unwrap()[1].value[..], [turn]);
    }
    assert!(matches!(Store::connect(&server).await.err(), Some(OpenError::InUse { .. })), "the lock is back too");
}

async fn a_server_that_went_away_is_found_again(server: Server) {
    let (line, through) = Line::to(&server).await;
    let store = Store::connect(&through).await.unwrap();
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    line.state.send_replace(Condition::Cut);
    let writes: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(&sid("s"), vec![put(&format!("k{n}"), b"1")]).await })
        })
        .collect();
    line.refused.wait().await;
    line.state.send_replace(Condition::Good);

    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.load(&sid("s")).await.unwrap().len(), 21);
    store.ping().await.unwrap();
}

async fn a_connection_that_fell_silent_gives_way_to_its_successor(server: Server) {
    let (line, through) = Line::to(&server).await;
    let store = Store::connect(&through).await.unwrap();
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    // This side learns that the connection is gone, the server's does not, and keeps its lock.
    line.state.send_replace(Condition::HalfOpen);
    line.state.send_replace(Condition::Good);

    store.commit(&sid("s"), vec![put("b", b"1")]).await.unwrap();
}

async fn a_commit_whose_answer_got_lost_is_done_once(server: Server) {
    let (line, through) = Line::to(&server).await;
    let store = Store::connect(&through).await.unwrap();
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    line.swallow.store(true, Ordering::SeqCst);
    let id = store.open_session(session("r", "s")).await.unwrap();
    assert!(!line.swallow.load(Ordering::SeqCst), "an answer got lost");
    line.swallow.store(true, Ordering::SeqCst);
    store.enqueue(vec![notice("r")]).await.unwrap();
    assert!(!line.swallow.load(Ordering::SeqCst), "another one");

    assert_eq!(store.running_sessions().await.unwrap()[0].id, id);
    assert_eq!(store.backlog().await.unwrap(), Backlog { waiting: 1, parked: 0 });
}

async fn foreign_tables_are_left_alone(server: Server) {
    let shell = servers::shell(&server).await;
    for table in ["sessions", "live_state", "pnm_recordings", "pnm_room_info", "seaql_migrations"] {
        shell.execute_unprepared(&format!("CREATE TABLE {table} (mine INT)")).await.unwrap();
        shell.execute_unprepared(&format!("INSERT INTO {table} VALUES (7)")).await.unwrap();
    }

    let store = Store::connect(&server).await.unwrap();
    store.open_session(session("r", "s")).await.unwrap();

    for table in ["sessions", "live_state", "pnm_recordings", "pnm_room_info", "seaql_migrations"] {
        let select = Statement::from_string(shell.get_database_backend(), format!("SELECT mine FROM {table}"));
        let rows = shell.query_all_raw(select).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.try_get_by_index::<i32>(0).unwrap()).collect::<Vec<_>>(), [7]);
    }
}

async fn a_database_of_a_newer_version_is_refused(server: Server) {
    Store::connect(&server).await.unwrap().close().await;
    let newer = "INSERT INTO plenum_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
    servers::shell(&server).await.execute_unprepared(newer).await.unwrap();

    assert!(matches!(Store::connect(&server).await.err(), Some(OpenError::Migrate { .. })));
}

async fn mistakes_are_told_apart_from_absence(server: Server) {
    let wrong = Server { password: Redacted::new("wrong".to_owned()), ..server.clone() };
    let absent = Server { database: "no_such_database".to_owned(), ..server.clone() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Server { port: listener.local_addr().unwrap().port(), ..server.clone() };
    drop(listener);

    for server in [wrong, absent, nobody] {
        let error = Store::connect(&server).await.err().unwrap();
        assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("PoolTimedOut"), "says nothing: {error:?}");
    }
}

/// Kills a writing process without warning; its successor gets the lock and finds everything.
async fn what_was_acknowledged_survives_kill_9(server: Server) {
    for round in 0..2 {
        let acknowledged = killing::run_child_and_kill_it(&surroundings(&server), round, 200);

        let store = Store::connect(&server).await.unwrap();
        for (session, turn) in &acknowledged {
            let state = store.load(&sid(session)).await.unwrap();
            assert!(state.iter().any(|entry| entry.key == *turn), "{session} lost {turn}");
            let latest: Vec<_> = state.iter().filter(|entry| entry.key.starts_with("latest")).collect();
            assert!(latest.len() == 2 && latest[0].value == latest[1].value, "half a commit: {state:?}");
        }
        store.close().await;
    }
}

/// Not a test of its own: the process the one above kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test above"]
async fn child_that_writes_until_it_is_killed() {
    let Ok(database) = std::env::var(CHILD_DATABASE) else { return };
    let driver = if std::env::var("DRIVER").unwrap() == "Postgres" { Driver::Postgres } else { Driver::MariaDb };
    let server = Server { database, ..servers::fresh(driver).await.unwrap() };
    let store = Store::connect(&server).await.unwrap();
    killing::write_until_killed(store).await;
}

/// What the child must know to find the same database.
fn surroundings(server: &Server) -> [(&'static str, String); 2] {
    [(CHILD_DATABASE, server.database.clone()), ("DRIVER", format!("{:?}", server.driver))]
}

/// Ends every connection to the database but the test's own.
async fn kill_everybody_else(server: &Server) {
    let shell = servers::shell(server).await;
    match server.driver {
        Driver::Postgres => {
            let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
            shell.execute_unprepared(kill).await.unwrap();
        }
        Driver::MariaDb => {
            let list = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                        WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            let list = Statement::from_string(shell.get_database_backend(), list);
            for row in shell.query_all_raw(list).await.unwrap() {
                let id: i64 = row.try_get_by_index(0).unwrap();
                shell.execute_unprepared(&format!("KILL {id}")).await.unwrap();
            }
        }
    }
    shell.close().await.unwrap();
}

/// A line to a server that can be cut.
struct Line {
    state: watch::Sender<Condition>,
    /// Whether to lose the next answer to a commit, and the connection with it.
    swallow: Arc<AtomicBool>,
    refused: Arc<Refused>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Good,
    /// Connections end on both sides, new ones end at once.
    Cut,
    /// Connections end on our side alone.
    HalfOpen,
}

/// Tells that somebody tried in vain.
#[derive(Default)]
struct Refused(tokio::sync::Notify);

impl Refused {
    async fn wait(&self) {
        self.0.notified().await;
    }
}

impl Line {
    async fn to(server: &Server) -> (Self, Server) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, watching) = watch::channel(Condition::Good);
        let (swallow, refused) = (Arc::new(AtomicBool::new(false)), Arc::<Refused>::default());
        let target = (server.host.clone(), server.port);
        let (lose, refuse) = (swallow.clone(), refused.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *watching.borrow() == Condition::Cut {
                    refuse.0.notify_one();
                    continue;
                }
                let server = TcpStream::connect(target.clone()).await.unwrap();
                tokio::spawn(carry(client, server, watching.clone(), lose.clone()));
            }
        });
        // Unencrypted, so that the line can tell a commit.
        (Self { state, swallow, refused }, Server { port, tls: store::Tls::Off, ..server.clone() })
    }
}

async fn carry(client: TcpStream, server: TcpStream, mut state: watch::Receiver<Condition>, swallow: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut question, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut losing = false;
    state.mark_unchanged();
    loop {
        tokio::select! {
            biased;
            _ = state.changed() => {
                let condition = *state.borrow();
                if condition == Condition::Cut {
                    return;
                }
                // Only our side hears of it. The other half lives until the server ends it.
                drop((from_client, to_client));
                let mut rest = Vec::new();
                let _ = from_server.read_to_end(&mut rest).await;
                return;
            }
            read = from_client.read(&mut question) => {
                let Ok(length @ 1..) = read else { return };
                let commits = question[..length].windows(6).any(|window| window == b"COMMIT");
                losing |= commits && swallow.load(Ordering::SeqCst);
                if to_server.write_all(&question[..length]).await.is_err() {
                    return;
                }
            }
            read = from_server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if losing {
                    swallow.store(false, Ordering::SeqCst);
                    return;
                }
                if to_client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn sid(id: &str) -> SessionId {
    SessionId::try_from(id).unwrap()
}

fn session(room: &str, session: &str) -> NewSession {
    NewSession {
        room: RoomId::try_from(room).unwrap(),
        session: sid(session),
        title: String::new(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: 1_700_000_000_000,
    }
}

fn notice(room: &str) -> Notice {
    Notice {
        room: RoomId::try_from(room).unwrap(),
        session: sid("s"),
        event: "room_created".to_owned(),
        url: "https://example.org/".to_owned(),
        body: Bytes::from_static(b"{}"),
        created_at_ms: 1,
    }
}

fn put(key: &str, value: &[u8]) -> StateWrite {
    StateWrite { key: key.to_owned(), value: Some(Bytes::copy_from_slice(value)) }
}
