//! All peers of a run, in one loop on one thread, and the media plane in a child process.

use crate::Meeting;
use crate::client::{Client, Got};
use crate::control::{CLOSED, END, Frame, MESSAGE, OPEN};
use crate::figures::{Ages, Figures, Phase, Process};
use crate::film::Clock;
use crate::sockets::Sockets;
use anyhow::{Context, bail, ensure};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use str0m::net::Transmit;

/// Longest sleep, and how often deadlines of the stacks are looked at.
const TURN: Duration = Duration::from_millis(2);

/// Receive calls in a row before others have their turn.
const RECEIVES: usize = 16;

pub(crate) struct Swarm {
    meeting: Meeting,
    sockets: Sockets,
    clients: Vec<Client>,
    clock: Clock,
    control: UnixStream,
    frames: mpsc::Receiver<Frame>,
    child: Child,
    pub(crate) server: Process,
    ages: Ages,
    next_look: Instant,
    /// Peers who send.
    publishers: Vec<usize>,
    /// When each peer's stack has something to do; beside the peers, because it is looked at often.
    dues: Vec<Instant>,
    /// Peers with something to do.
    dirty: Vec<u32>,
    /// What stacks send while sockets are read.
    outbox: Vec<(u32, Transmit)>,
}

impl Drop for Swarm {
    fn drop(&mut self) {
        // It ends with the pipe as well; this is quicker.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Swarm {
    pub(crate) fn start(meeting: &Meeting) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("bench-media-{}", std::process::id()));
        let listener = UnixListener::bind(&path)?;
        let program = std::env::current_exe()?;
        let mut words: Vec<OsString> = Vec::new();
        if let Some(priority) = meeting.server_priority {
            words.extend(["chrt".into(), "--fifo".into(), priority.to_string().into()]);
        }
        if let Some(cores) = &meeting.server_cores {
            words.extend(["taskset".into(), "--cpu-list".into(), cores.into()]);
        }
        words.push(program.into_os_string());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("host")
            .arg("--control")
            .arg(&path)
            .args(["--shards", &meeting.shards.to_string()]);
        if let Some(spread) = meeting.spread {
            command.args(["--spread", &spread.to_string()]);
        }
        let child = command.spawn().context("the media plane did not start")?;
        let (control, _) = listener.accept()?;
        std::fs::remove_file(&path)?;
        let mut reader = std::io::BufReader::new(control.try_clone()?);
        let (frame, frames) = mpsc::channel();
        std::thread::spawn(move || {
            while let Ok(read) = Frame::read(&mut reader) {
                if frame.send(read).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            meeting: meeting.clone(),
            sockets: Sockets::bind()?,
            clients: Vec::new(),
            clock: Clock::start(),
            control,
            frames,
            server: Process::new(child.id()),
            child,
            ages: Ages::default(),
            next_look: Instant::now(),
            publishers: Vec::new(),
            dues: Vec::new(),
            dirty: Vec::new(),
            outbox: Vec::new(),
        })
    }

    pub(crate) fn people(&self) -> usize {
        self.clients.len()
    }

    /// Video tracks on their way to somebody.
    pub(crate) fn video_tracks(&self) -> usize {
        let of = |client: &Client| {
            self.clients
                .iter()
                .filter(|other| other.publisher && other.room == client.room && other.number != client.number)
                .count()
        };
        self.clients.iter().map(of).sum()
    }

    pub(crate) fn join(&mut self, room: u32, publisher: bool) -> anyhow::Result<()> {
        let number = u32::try_from(self.clients.len())?;
        let others = self.meeting.publishers - u32::from(publisher);
        let sections = (others.max(1), if self.meeting.audio_only { 0 } else { others });
        let address = self.sockets.address(number);
        // Publishers send only, unless there is nobody else who gets anything.
        let meet = self.meeting.listeners == 0;
        let turn = if meet { self.clients.len() } else { self.clients.len() - self.publishers.len() };
        let full = publisher && !meet || turn.is_multiple_of(usize::try_from(self.meeting.full_every)?);
        let who = (publisher, full);
        let (client, request) = Client::join(number, room, who, address, sections, Instant::now())?;
        let mut content = format!("{}\0peer-{number}\0", room_name(room)).into_bytes();
        content.extend(request);
        self.control.write_all(&Frame::encode(OPEN, number, &content))?;
        if publisher {
            self.publishers.push(self.clients.len());
        }
        self.dues.push(client.due);
        self.clients.push(client);
        // Handshakes of hundreds at once would time out one another.
        self.run(Duration::from_millis(3))
    }

    /// What the others feel while something is done: how old what they get is, and the work of the media plane.
    pub(crate) fn during(&mut self, act: impl FnOnce(&mut Self) -> anyhow::Result<()>) -> anyhow::Result<Phase> {
        self.ages = Ages::default();
        let (server, begin) = (self.server.threads()?, Instant::now());
        act(self)?;
        let server = self.server.threads()?.since(&server);
        Ok(Phase { took: begin.elapsed(), server, ages: std::mem::take(&mut self.ages) })
    }

    /// A crowd comes to a room of its own, one every few milliseconds, until the last one is connected.
    pub(crate) fn crowd(&mut self, count: u32) -> anyhow::Result<()> {
        for turn in 0..count {
            self.join(self.meeting.rooms, turn < self.meeting.publishers)?;
        }
        self.wait_connected(crate::PATIENCE)
    }

    /// The room of the crowd ends; until the last one has heard it.
    pub(crate) fn end_crowd(&mut self) -> anyhow::Result<()> {
        let room = self.meeting.rooms;
        self.clients.iter_mut().filter(|client| client.room == room).for_each(|client| client.ends = true);
        self.control.write_all(&Frame::encode(END, 0, room_name(room).as_bytes()))?;
        let deadline = Instant::now() + crate::PATIENCE;
        while self.clients.iter().any(|client| client.ends && !client.gone) {
            let left = self.clients.iter().filter(|client| client.ends && !client.gone).count();
            ensure!(Instant::now() < deadline, "{left} did not hear that the room is over");
            self.turn()?;
        }
        Ok(())
    }

    /// Lets all publishers who do not do so yet publish, spread over the time of a picture.
    pub(crate) fn publish(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now() + Duration::from_millis(500);
        let publishers: Vec<usize> =
            self.publishers.iter().copied().filter(|index| !self.clients[*index].publishes()).collect();
        let count = u32::try_from(publishers.len().max(1))?;
        for (turn, index) in (0..).zip(publishers) {
            let number = self.clients[index].number;
            let deadline = Instant::now() + crate::PATIENCE;
            while self.clients[index].negotiates() {
                ensure!(Instant::now() < deadline, "peer {number} got no answer");
                self.turn()?;
            }
            let first = begin + crate::film::PICTURE_EVERY * turn / count;
            for message in self.clients[index].publish(!self.meeting.audio_only, self.meeting.pace, first)? {
                self.control.write_all(&Frame::encode(MESSAGE, number, &message))?;
            }
        }
        Ok(())
    }

    pub(crate) fn wait_connected(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.clients.iter().any(|client| !client.connected) {
            if Instant::now() > deadline {
                let missing = self.clients.iter().filter(|client| !client.connected).count();
                bail!("{missing} of {} peers did not connect", self.clients.len());
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Lets the meeting go on for a while.
    pub(crate) fn run(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Lets it go on and measures it.
    pub(crate) fn measure(&mut self, time: Duration) -> anyhow::Result<Figures> {
        for client in &mut self.clients {
            client.take_got();
        }
        self.ages = Ages::default();
        let dropped = self.sockets.dropped()?;
        let (server, own) = (self.server.threads()?, Process::own().threads()?);
        let begin = Instant::now();
        self.run(time)?;
        let elapsed = begin.elapsed();
        let (server_after, own_after) = (self.server.threads()?, Process::own().threads()?);
        let dropped_after = self.sockets.dropped()?;
        let mut got = Got::default();
        for client in &mut self.clients {
            let one = client.take_got();
            got.packets += one.packets;
            got.bytes += one.bytes;
            got.expected += one.expected;
            got.arrived += one.arrived;
        }
        Ok(Figures {
            elapsed,
            got,
            server: server_after.since(&server),
            own: own_after.since(&own),
            ages: std::mem::take(&mut self.ages),
            dropped_by_us: dropped_after.0 - dropped.0,
            dropped_by_server: dropped_after.1.saturating_sub(dropped.1),
        })
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        while let Ok(frame) = self.frames.try_recv() {
            let Some(client) = self.clients.get_mut(usize::try_from(frame.peer)?) else { continue };
            if frame.kind == CLOSED {
                ensure!(client.gone, "the media plane closed the signalling of peer {}", frame.peer);
                continue;
            }
            if let Some(answer) = client.message(&frame.content)? {
                self.control.write_all(&Frame::encode(MESSAGE, frame.peer, &answer))?;
            }
            self.dirty.push(frame.peer);
        }
        let now = Instant::now();
        let mut wake = now + TURN;
        for turn in 0..self.publishers.len() {
            let index = self.publishers[turn];
            let mut more = self.clients[index].next_film().is_some_and(|next| next <= now);
            while more {
                more = self.clients[index].film(&self.clock, now)?;
                self.drain_one(index)?;
            }
            wake = wake.min(self.clients[index].next_film().unwrap_or(wake));
        }
        if self.next_look <= now {
            self.next_look = now + TURN;
            for index in 0..self.dues.len() {
                if self.dues[index] <= now {
                    self.drain_one(index)?;
                }
            }
        }
        for _ in 0..RECEIVES {
            let (clients, dirty, outbox) = (&mut self.clients, &mut self.dirty, &mut self.outbox);
            let (clock, ages, rooms) = (&self.clock, &mut self.ages, self.meeting.rooms);
            let mut failure = None;
            let more = self.sockets.receive(|peer, source, local, at, bytes| {
                let Some(client) = usize::try_from(peer).ok().and_then(|index| clients.get_mut(index)) else { return };
                if client.receive(source, local, at.taken, bytes) {
                    let counts = client.room < rooms;
                    let note = |age| {
                        if counts {
                            ages.note(age)
                        }
                    };
                    let result = client.take_packet(clock, at.came, |out| outbox.push((peer, out)), note);
                    failure = failure.take().or(result.err());
                    if dirty.last() != Some(&peer) {
                        dirty.push(peer);
                    }
                }
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            for (peer, out) in self.outbox.drain(..) {
                self.sockets.send(peer, &out);
            }
            if !more {
                break;
            }
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        for peer in dirty.drain(..) {
            self.drain_one(usize::try_from(peer)?)?;
        }
        self.dirty = dirty;
        self.sockets.wait(wake.saturating_duration_since(Instant::now()));
        Ok(())
    }

    fn drain_one(&mut self, index: usize) -> anyhow::Result<()> {
        let (Some(client), Some(due)) = (self.clients.get_mut(index), self.dues.get_mut(index)) else { return Ok(()) };
        let (sockets, ages, number) = (&self.sockets, &mut self.ages, client.number);
        let counts = client.room < self.meeting.rooms;
        let note = |age| {
            if counts {
                ages.note(age)
            }
        };
        client.drain(&self.clock, Instant::now(), |out| sockets.send(number, &out), note)?;
        *due = client.due;
        Ok(())
    }
}

/// What the room of that number is called. The one after those of the meeting is the crowd's.
fn room_name(number: u32) -> String {
    format!("load-{number}")
}
