//! Some of the peers: their sockets, and one loop that serves them.

use crate::Meeting;
use crate::client::{Client, Got};
use crate::control::{CLOSED, END, Frame, MESSAGE, OPEN};
use crate::figures::Ages;
use crate::film::Clock;
use crate::pace::Pace;
use crate::sockets::Sockets;
use anyhow::ensure;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use str0m::net::Transmit;

/// Longest sleep, after which sockets are looked at, and how often deadlines of the stacks are looked at.
const TURN: Duration = Duration::from_millis(2);

/// Receive calls in a row before others have their turn.
const RECEIVES: usize = 16;

/// The media plane's end of the pipe, which all crews write to.
pub(crate) type Control = Arc<Mutex<UnixStream>>;

/// What is to be known of somebody who joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) room: u32,
    pub(crate) publisher: bool,
    /// Decrypts what it gets.
    pub(crate) full: bool,
    /// Others who send sound, and pictures.
    pub(crate) others: (u32, u32),
}

pub(crate) struct Crew {
    /// Which one. Peers are numbered through all of them.
    index: u32,
    meeting: Meeting,
    sockets: Sockets,
    clients: Vec<Client>,
    clock: Clock,
    control: Control,
    frames: mpsc::Receiver<Frame>,
    ages: Ages,
    next_look: Instant,
    /// Peers who send.
    publishers: Vec<usize>,
    /// When each peer's stack has something to do; beside the peers, because it is looked at often.
    dues: Vec<Instant>,
    /// Peers with something to do.
    dirty: Vec<usize>,
    /// What stacks send while sockets are read.
    outbox: Vec<(u32, Transmit)>,
}

/// So many crews share the numbers of peers.
pub(crate) const CREWS: u32 = 8;

/// Which peer of its crew has that number.
fn place(number: u32) -> usize {
    usize::try_from(number / CREWS).unwrap_or(usize::MAX)
}

impl Crew {
    pub(crate) fn new(
        index: u32,
        meeting: &Meeting,
        clock: Clock,
        control: Control,
        frames: mpsc::Receiver<Frame>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            index,
            meeting: meeting.clone(),
            sockets: Sockets::bind()?,
            clients: Vec::new(),
            clock,
            control,
            frames,
            ages: Ages::default(),
            next_look: Instant::now(),
            publishers: Vec::new(),
            dues: Vec::new(),
            dirty: Vec::new(),
            outbox: Vec::new(),
        })
    }

    /// How many of them are not connected yet.
    pub(crate) fn coming(&self) -> usize {
        self.clients.iter().filter(|client| !client.connected).count()
    }

    /// The ports of its peers.
    pub(crate) fn ports(&self) -> &[u16] {
        self.sockets.ports()
    }

    pub(crate) fn join(&mut self, person: Person) -> anyhow::Result<()> {
        let number = u32::try_from(self.clients.len())? * CREWS + self.index;
        let address = self.sockets.address(number);
        let (client, request) = Client::join(number, person, address, Instant::now())?;
        let mut content = format!("{}\0peer-{number}\0", room_name(person.room)).into_bytes();
        content.extend(request);
        self.tell(OPEN, number, &content)?;
        if person.publisher {
            self.publishers.push(self.clients.len());
        }
        self.dues.push(client.due);
        self.clients.push(client);
        Ok(())
    }

    fn tell(&self, kind: u8, number: u32, content: &[u8]) -> anyhow::Result<()> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(control.write_all(&Frame::encode(kind, number, content))?)
    }

    /// A room is over for the peers who are in it; how many of them have not heard so yet.
    pub(crate) fn leave(&mut self, room: u32) -> usize {
        let mut left = 0;
        for client in self.clients.iter_mut().filter(|client| client.room == room) {
            client.ends = true;
            left += usize::from(!client.gone);
        }
        left
    }

    /// Ends a room.
    pub(crate) fn end(&self, room: u32) -> anyhow::Result<()> {
        self.tell(END, 0, room_name(room).as_bytes())
    }

    /// Lets all publishers who do not do so yet publish: of sound alone one after the other within its time, else within that of a
    /// picture.
    pub(crate) fn publish(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now() + Duration::from_millis(500);
        let publishers: Vec<usize> =
            self.publishers.iter().copied().filter(|index| !self.clients[*index].publishes()).collect();
        let count = u32::try_from(publishers.len().max(1))?;
        let (sound_alone, pace): (bool, Pace) = (self.meeting.audio_only, self.meeting.pace);
        let within = if sound_alone { crate::film::SOUND_EVERY } else { crate::film::PICTURE_EVERY };
        for (turn, index) in (0..).zip(publishers) {
            let number = self.clients[index].number;
            let deadline = Instant::now() + crate::PATIENCE;
            while self.clients[index].negotiates() {
                ensure!(Instant::now() < deadline, "peer {number} got no answer");
                self.turn()?;
            }
            for message in self.clients[index].publish(!sound_alone, pace, begin + within * turn / count)? {
                self.tell(MESSAGE, number, &message)?;
            }
        }
        Ok(())
    }

    pub(crate) fn wait_connected(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let missing = self.coming();
            if missing == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{missing} of {} peers did not connect", self.clients.len());
            self.turn()?;
        }
    }

    /// What arrived since it was last taken.
    pub(crate) fn take_got(&mut self) -> Got {
        let mut got = Got::default();
        self.clients.iter_mut().for_each(|client| got.add(&client.take_got()));
        got
    }

    /// How old what arrived was, since it was last taken.
    pub(crate) fn take_ages(&mut self) -> Ages {
        std::mem::take(&mut self.ages)
    }

    /// Serves them once, or sleeps until there is something to do.
    pub(crate) fn turn(&mut self) -> anyhow::Result<()> {
        while let Ok(frame) = self.frames.try_recv() {
            let index = place(frame.peer);
            let Some(client) = self.clients.get_mut(index) else { continue };
            if frame.kind == CLOSED {
                ensure!(client.gone, "the media plane closed the signalling of peer {}", frame.peer);
                continue;
            }
            if let Some(answer) = client.message(&frame.content)? {
                self.tell(MESSAGE, frame.peer, &answer)?;
            }
            self.dirty.push(index);
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
                let index = place(peer);
                let Some(client) = clients.get_mut(index) else { return };
                if client.receive(source, local, at.taken, bytes) {
                    let counts = client.room < rooms;
                    let note = |age| {
                        if counts {
                            ages.note(age)
                        }
                    };
                    let result = client.take_packet(clock, at.came, |out| outbox.push((peer, out)), note);
                    failure = failure.take().or(result.err());
                    if dirty.last() != Some(&index) {
                        dirty.push(index);
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
        for index in dirty.drain(..) {
            self.drain_one(index)?;
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
