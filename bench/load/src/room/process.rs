//! What the kernel knows about the server's process.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Ticks of the kernel's accounting per second; the same on every Linux that Rust runs on (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) const fn of(pid: u32) -> Self {
        Self(pid)
    }

    /// Resident memory of its own in MiB: without pages of files, of which the program is the largest.
    pub(crate) fn own_mib(self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// How long it has worked, in its own code and in the kernel for it.
    pub(crate) fn busy(self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name before it may hold anything, spaces too.
        let (_, rest) = stat.rsplit_once(')').context("no name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).context("too few fields")?.parse::<f64>().context("no number");
        Ok(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND))
    }
}
