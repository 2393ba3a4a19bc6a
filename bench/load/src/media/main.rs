//! Measures the media plane from outside: many WebRTC peers on real UDP sockets, with signalling, DTLS, SRTP and simulcast.
//!
//! Two processes: this one, with all the peers, and a child of it that holds the media plane and nothing else, so that its
//! processor time and memory are those of the media plane. Signalling goes over a pipe between the two in place of the
//! WebSocket, whose work is not part of the packet path. Bounded in peers and time; loopback only.

mod client;
mod control;
mod crew;
mod figures;
mod film;
mod host;
mod pace;
mod sockets;
mod swarm;

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a meeting and prints what it costs, one JSON object for each step
    Run(Meeting),
    /// The media plane alone; started by `run`
    Host(host::Host),
}

/// Who takes part.
#[derive(Debug, Clone, Args)]
struct Meeting {
    /// Rooms; each has so many of the people below
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=200))]
    rooms: u32,
    /// People who send and receive
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=200))]
    publishers: u32,
    /// People who only receive
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=2000))]
    listeners: u32,
    /// Publishers send sound alone
    #[arg(long)]
    audio_only: bool,
    /// How pictures leave publishers
    #[arg(long, value_enum, default_value_t = pace::Pace::AtOnce)]
    pace: pace::Pace,
    /// So many listeners more for each further step; the steps end where packets are lost or a processor is full
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=500))]
    step: u32,
    /// Most steps
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
    steps: u32,
    /// One of so many listeners, or of the publishers if there are no listeners, decrypts what it gets and answers with
    /// feedback; the others count packets by their headers, and send no feedback about them. 1: all do
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    full_every: u32,
    /// Seconds before a step is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=60))]
    warm: u64,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// So many people come to a room of their own while the others talk, stay for a while, and their room is ended
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=2000))]
    crowd: u32,
    /// Measure memory: everybody is there before anybody publishes
    #[arg(long)]
    memory: bool,
    /// Threads of the media plane; 0: as many as it takes by itself
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=64))]
    shards: u16,
    /// From so many subscriptions on a room's newcomers are spread over all threads; else what the media plane does by itself
    #[arg(long)]
    spread: Option<usize>,
    /// Threads of the peers, besides that of publishers who only send
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    crews: u32,
    /// Processors the media plane may run on, as `taskset` takes them
    #[arg(long)]
    server_cores: Option<String>,
    /// Priority of the media plane under `SCHED_FIFO`, above that of the peers: where it shares a processor with them, it runs first.
    /// Publishers who only send run before both
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=98))]
    server_priority: Option<u8>,
}

/// Longest anything may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// From here on packets are lost, and a processor is full.
const LOST: f64 = 0.001;
const FULL: f64 = 0.97;

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Host(host) => host.run(),
        Command::Run(meeting) => run(&meeting),
    }
}

fn run(meeting: &Meeting) -> anyhow::Result<()> {
    let per_room = meeting.publishers + meeting.listeners + meeting.step * (meeting.steps - 1);
    ensure!(per_room * meeting.rooms + meeting.crowd <= 4000, "too many peers for one process");
    let mut swarm = swarm::Swarm::start(meeting)?;
    let empty = swarm.server.memory()?;
    let rooms = || 0..meeting.rooms;
    for room in rooms() {
        for _ in 0..meeting.publishers {
            swarm.join(room, true)?;
        }
    }
    if meeting.memory {
        for room in rooms() {
            for _ in 0..meeting.listeners {
                swarm.join(room, false)?;
            }
        }
        swarm.wait_connected(PATIENCE)?;
        swarm.run(Duration::from_secs(meeting.warm))?;
        let idle = swarm.server.memory()?;
        swarm.publish()?;
        swarm.run(Duration::from_secs(meeting.warm + meeting.seconds))?;
        figures::print_memory(empty, idle, swarm.server.memory()?, swarm.people(), swarm.video_tracks());
        return Ok(());
    }
    // Those of the first step are there before anybody publishes: who comes costs much more than who is there.
    grow(&mut swarm, meeting, meeting.listeners)?;
    swarm.publish()?;
    if meeting.crowd > 0 {
        return crowd(&mut swarm, meeting);
    }
    for step in 0..meeting.steps {
        let before = swarm.people();
        let more = if step == 0 { 0 } else { meeting.step };
        if let Err(full) = grow(&mut swarm, meeting, more) {
            // What more than the processors can carry costs is no figure.
            return say_full(before, &full);
        }
        swarm.run(Duration::from_secs(meeting.warm))?;
        let figures = swarm.measure(Duration::from_secs(meeting.seconds))?;
        figures.print(swarm.people(), meeting.pace);
        if figures.loss() > LOST || figures.busiest_shard() > FULL || figures.busiest_crew() > FULL {
            break;
        }
    }
    Ok(())
}

/// A crowd comes and goes: what those of the other rooms feel of it.
fn crowd(swarm: &mut swarm::Swarm, meeting: &Meeting) -> anyhow::Result<()> {
    let time = Duration::from_secs(meeting.seconds);
    swarm.run(Duration::from_secs(meeting.warm))?;
    swarm.during(|swarm| swarm.run(time))?.print("calm");
    swarm.during(|swarm| swarm.crowd(meeting.crowd))?.print("they come");
    swarm.publish()?;
    swarm.run(Duration::from_secs(meeting.warm))?;
    swarm.during(|swarm| swarm.run(time))?.print("they are there");
    swarm.during(|swarm| swarm.end_crowd())?.print("their room ends");
    swarm.during(|swarm| swarm.run(Duration::from_secs(1)))?.print("the second after");
    Ok(())
}

/// Lets so many listeners come to each room and waits until all are connected.
fn grow(swarm: &mut swarm::Swarm, meeting: &Meeting, more: u32) -> anyhow::Result<()> {
    for room in 0..meeting.rooms {
        for _ in 0..more {
            swarm.join(room, false)?;
        }
    }
    swarm.wait_connected(PATIENCE)
}

/// Why the table ends here.
#[expect(clippy::print_stderr, reason = "said beside the result of a benchmark")]
fn say_full(people: usize, why: &anyhow::Error) -> anyhow::Result<()> {
    eprintln!("no more than {people} peers: {why:#}");
    Ok(())
}
