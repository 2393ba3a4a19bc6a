//! What is measured, and how it reads.

use crate::client::Got;
use crate::pace::Pace;
use anyhow::Context;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Delays in steps of ten microseconds; what is longer counts as the last.
pub(crate) struct Ages(Vec<u64>);

const STEP: u64 = 10_000;
const STEPS: usize = 20_000;

impl Default for Ages {
    fn default() -> Self {
        Self(vec![0; STEPS])
    }
}

impl Ages {
    pub(crate) fn note(&mut self, nanos: u64) {
        let step = usize::try_from(nanos / STEP).unwrap_or(STEPS).min(STEPS - 1);
        self.0[step] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(count, more)| *count += more);
    }

    /// The longest delay, in milliseconds.
    fn longest(&self) -> f64 {
        let step = self.0.iter().rposition(|count| *count > 0).map_or(0, |step| step + 1);
        step as f64 * STEP as f64 / 1e6
    }

    /// The delay that so large a share stays below, in milliseconds.
    fn quantile(&self, share: f64) -> f64 {
        let all: u64 = self.0.iter().sum();
        let mut left = (all as f64 * share) as u64;
        for (step, count) in self.0.iter().enumerate() {
            if *count > left {
                return (step as f64 + 1.0) * STEP as f64 / 1e6;
            }
            left -= count;
        }
        0.0
    }
}

/// Processor time of the threads of a process, by name and number.
#[derive(Debug, Default)]
pub(crate) struct Threads(BTreeMap<String, Duration>);

impl Threads {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let spent = |(name, time): (&String, &Duration)| {
            let former = before.0.get(name).copied().unwrap_or_default();
            (name.clone(), time.saturating_sub(former))
        };
        Self(self.0.iter().map(spent).collect())
    }

    fn total(&self) -> Duration {
        self.0.values().sum()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn new(id: u32) -> Self {
        Self(id)
    }

    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn threads(self) -> anyhow::Result<Threads> {
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.0)).context("the process is gone")? {
            let path = entry?.path();
            let name = std::fs::read_to_string(path.join("comm"))?;
            let time = std::fs::read_to_string(path.join("schedstat"))?;
            let nanos = time.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
            let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            threads.insert(format!("{} {id}", name.trim()), Duration::from_nanos(nanos));
        }
        Ok(Threads(threads))
    }

    /// Memory of its own in use, in bytes.
    pub(crate) fn memory(self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).context("the process is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no figure of memory")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

/// Datagrams the kernel threw away: of sockets with those ports, and of others in this network, which are the media plane's.
pub(crate) fn dropped(ports: &[u16]) -> anyhow::Result<(u64, u64)> {
    let table = std::fs::read_to_string("/proc/net/udp").context("no list of sockets")?;
    let (mut ours, mut theirs) = (0, 0);
    for line in table.lines().skip(1) {
        let mut fields = line.split_whitespace();
        let port = fields.nth(1).and_then(|local| local.split(':').nth(1));
        let port = port.and_then(|port| u16::from_str_radix(port, 16).ok()).unwrap_or(0);
        let drops: u64 = fields.last().and_then(|drops| drops.parse().ok()).unwrap_or(0);
        *(if ports.contains(&port) { &mut ours } else { &mut theirs }) += drops;
    }
    Ok((ours, theirs))
}

/// One measurement.
pub(crate) struct Figures {
    pub(crate) elapsed: Duration,
    pub(crate) got: Got,
    pub(crate) server: Threads,
    pub(crate) own: Threads,
    pub(crate) ages: Ages,
    pub(crate) dropped_by_us: u64,
    pub(crate) dropped_by_server: u64,
}

impl Figures {
    pub(crate) fn loss(&self) -> f64 {
        1.0 - self.got.arrived as f64 / self.got.expected.max(1) as f64
    }

    pub(crate) fn busiest_shard(&self) -> f64 {
        let most = self.server.0.values().max().copied().unwrap_or_default();
        most.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The busiest thread of the peers.
    pub(crate) fn busiest_crew(&self) -> f64 {
        self.own.0.values().max().copied().unwrap_or_default().as_secs_f64() / self.elapsed.as_secs_f64()
    }

    #[expect(clippy::print_stdout, reason = "the result of a benchmark")]
    pub(crate) fn print(&self, people: usize, pace: Pace) {
        let seconds = self.elapsed.as_secs_f64();
        let cpu = self.server.total().as_secs_f64();
        let shards: BTreeMap<&String, f64> = self
            .server
            .0
            .iter()
            .filter(|(name, _)| name.starts_with("media-"))
            .map(|(name, time)| (name, round(time.as_secs_f64() / seconds)))
            .collect();
        let line = json!({
            "peers": people,
            "pace": pace.name(),
            "packets_per_second": (self.got.packets as f64 / seconds).round(),
            "mbit_per_second": round(self.got.bytes as f64 * 8.0 / 1e6 / seconds),
            "server_cpu": round(cpu / seconds),
            "packets_per_cpu_second": (self.got.packets as f64 / cpu.max(1e-9)).round(),
            "micros_per_packet": round(cpu * 1e6 / self.got.packets.max(1) as f64),
            "shards": shards,
            "generator_cpu": round(self.own.total().as_secs_f64() / seconds),
            "lost": self.got.expected.saturating_sub(self.got.arrived),
            "loss": round(self.loss() * 1e4) / 1e4,
            "dropped_by_generator": self.dropped_by_us,
            "dropped_by_server": self.dropped_by_server,
            "p50_ms": self.ages.quantile(0.5),
            "p99_ms": self.ages.quantile(0.99),
        });
        println!("{line}");
    }
}

/// What was felt while something was done.
pub(crate) struct Phase {
    pub(crate) took: Duration,
    pub(crate) server: Threads,
    pub(crate) ages: Ages,
}

impl Phase {
    #[expect(clippy::print_stdout, reason = "the result of a benchmark")]
    pub(crate) fn print(&self, name: &str) {
        let seconds = self.took.as_secs_f64();
        let line = json!({
            "phase": name,
            "seconds": round(seconds),
            "server_cpu": round(self.server.total().as_secs_f64() / seconds.max(1e-9)),
            "server_cpu_ms": round(self.server.total().as_secs_f64() * 1e3),
            "packets": self.ages.0.iter().sum::<u64>(),
            "p50_ms": self.ages.quantile(0.5),
            "p99_ms": self.ages.quantile(0.99),
            "longest_ms": self.ages.longest(),
        });
        println!("{line}");
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
pub(crate) fn print_memory(empty: u64, idle: u64, busy: u64, people: usize, tracks: usize) {
    let kib = |bytes: u64, count: usize| (bytes as f64 / 1024.0 / count.max(1) as f64).round();
    let line = json!({
        "peers": people,
        "video_tracks": tracks,
        "empty_kib": kib(empty, 1),
        "kib_per_idle_peer": kib(idle.saturating_sub(empty), people),
        "kib_per_video_track": kib(busy.saturating_sub(idle), tracks),
    });
    println!("{line}");
}
