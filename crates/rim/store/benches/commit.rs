//! How fast sessions open and their state becomes durable: `cargo bench -p store --bench commit`.
//!
//! Each measured step is what creating a room costs: one `open_session`, then one `commit` of its first state. The
//! figures depend on the disk's `fsync`, which is printed too. `PLENUM_BENCH_DIR` chooses the folder.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::store::{NewSession, Records as _, State as _, StateWrite};
use store::Store;

/// Bytes of the first state of a room: its settings as protobuf, roughly.
const STATE_LENGTH: usize = 1_500;

/// How long each row of the table is measured.
const PERIOD: Duration = Duration::from_secs(3);

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() {
    let parent = std::env::var_os("PLENUM_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent).expect("a folder to write in");
    println!("fsync of a 4 KiB append: {:?} median", fsync(folder.path()));

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{:>11} {:>10} {:>10} {:>10} {:>10} {:>12}", "concurrency", "pairs/s", "p50", "p99", "max", "cpu/pair");
    for concurrency in [1, 16, 64, 256] {
        let path = folder.path().join(format!("{concurrency}.db"));
        let before = cpu_time();
        let started = Instant::now();
        let mut latencies = runtime.block_on(measure(&path, concurrency));
        let took = started.elapsed();
        let cpu = cpu_time().saturating_sub(before);
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
        println!(
            "{concurrency:>11} {:>10.0} {:>10.2?} {:>10.2?} {:>10.2?} {:>12.2?}",
            latencies.len() as f64 / took.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(1.0),
            cpu / u32::try_from(latencies.len()).expect("fewer than four billion"),
        );
    }
}

/// Runs the pair in `concurrency` tasks until the period is over; the latency of each pair.
async fn measure(path: &Path, concurrency: usize) -> Vec<Duration> {
    let store = Store::open(path).await.expect("the store opens");
    let end = Instant::now() + PERIOD;
    let tasks: Vec<_> = (0..concurrency)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < end {
                    let turn = latencies.len();
                    let session = SessionId::try_from(format!("{task:08x}-b1ca-4e4f-8d0a-{turn:012x}").as_str())
                        .expect("a well-formed id");
                    let started = Instant::now();
                    store.open_session(new_session(task, turn, &session)).await.expect("the session opens");
                    store.commit(&session, first_state()).await.expect("the state is stored");
                    latencies.push(started.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("the task ends"));
    }
    store.close().await;
    latencies
}

fn new_session(task: usize, turn: usize, session: &SessionId) -> NewSession {
    NewSession {
        room: RoomId::try_from(format!("room-{task}-{turn}").as_str()).expect("a well-formed id"),
        session: session.clone(),
        title: "Weekly planning".to_owned(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: 1_700_000_000_000,
    }
}

fn first_state() -> Vec<StateWrite> {
    vec![StateWrite { key: "info".to_owned(), value: Some(Bytes::from(vec![7; STATE_LENGTH])) }]
}

fn fsync(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("fsync")).expect("a file");
    let mut took: Vec<_> = (0..200)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[0; 4096]).expect("room on the disk");
            file.sync_data().expect("a disk");
            started.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

/// Processor time of this process so far, from the kernel's count of 10 ms ticks.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
