//! All peers of a run, and the media plane in a child process.
//!
//! Listeners are one crew or several, each in a loop on a thread of its own. Publishers who only send are another one, whose thread
//! the work of the other peers and of the media plane does not hold up: elsewhere they have machines of their own, and what they
//! send together because they all had to wait would wait for one another in the media plane too.

use crate::Meeting;
use crate::client::Got;
use crate::control::Frame;
use crate::crew::{CREWS, Control, Crew, Person};
use crate::figures::{Ages, Figures, Phase, Process, dropped};
use crate::film::Clock;
use anyhow::{Context, ensure};
use std::ffi::OsString;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two who join, and how many may be on their way: handshakes of hundreds at once would time out one another.
const JOIN_EVERY: Duration = Duration::from_millis(3);
const MOST_COMING: usize = 32;

/// How often it is looked whether all crews still run.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Swarm {
    meeting: Meeting,
    /// Publishers, unless they receive as well.
    publishers: Option<Apart>,
    crews: Vec<Apart>,
    /// The room of everybody, and whether they publish.
    people: Vec<(u32, bool)>,
    ports: Vec<u16>,
    child: Child,
    pub(crate) server: Process,
}

impl Drop for Swarm {
    fn drop(&mut self) {
        // It ends with the pipe as well; this is quicker.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A crew on a thread of its own.
struct Apart {
    tasks: mpsc::Sender<Task>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

/// Something to do between two turns of a crew.
type Task = Box<dyn FnOnce(&mut Crew) + Send>;

impl Apart {
    /// Starts it, with a priority under `SCHED_FIFO` if there is one.
    fn start(name: &str, mut crew: Crew, priority: Option<u8>) -> anyhow::Result<Self> {
        let (tasks, todo) = mpsc::channel::<Task>();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            if let Some(priority) = priority {
                raise(priority)?;
            }
            loop {
                match todo.try_recv() {
                    Ok(task) => task(&mut crew),
                    Err(mpsc::TryRecvError::Empty) => crew.turn()?,
                    Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                }
            }
        })?;
        Ok(Self { tasks, thread: Some(thread) })
    }

    /// Lets it do something and waits until that is done.
    fn call<T: Send + 'static>(&mut self, act: impl FnOnce(&mut Crew) -> T + Send + 'static) -> anyhow::Result<T> {
        let (done, result) = mpsc::sync_channel(1);
        let task = Box::new(move |crew: &mut Crew| {
            // Somebody waits for it.
            let _ = done.send(act(crew));
        });
        let sent = self.tasks.send(task).is_ok();
        match result.recv() {
            Ok(result) if sent => Ok(result),
            _ => Err(self.failure()),
        }
    }

    /// An error if it is over.
    fn check(&mut self) -> anyhow::Result<()> {
        let runs = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if runs { Ok(()) } else { Err(self.failure()) }
    }

    /// Why it is over.
    fn failure(&mut self) -> anyhow::Error {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => error,
            _ => anyhow::anyhow!("a crew is gone"),
        }
    }
}

/// Gives this thread a priority under `SCHED_FIFO`.
fn raise(priority: u8) -> anyhow::Result<()> {
    let link = std::fs::read_link("/proc/thread-self")?;
    let thread = link.file_name().context("a thread without a number")?;
    let status = Command::new("chrt").args(["--fifo", "--pid"]).arg(priority.to_string()).arg(thread).status()?;
    ensure!(status.success(), "chrt ended with {status}");
    Ok(())
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
        let control: Control = Arc::new(Mutex::new(control));
        let clock = Clock::start();
        let (mut ends, mut ports) = (Vec::new(), Vec::new());
        let mut start = |name: &str, priority| -> anyhow::Result<Apart> {
            let (end, frames) = mpsc::channel();
            let crew = Crew::new(u32::try_from(ends.len())?, meeting, clock, Arc::clone(&control), frames)?;
            ends.push(end);
            ports.extend_from_slice(crew.ports());
            Apart::start(name, crew, priority)
        };
        let first = meeting.server_priority.map(|priority| priority + 1);
        let publishers = (meeting.listeners > 0).then(|| start("publishers", first)).transpose()?;
        let crews = (0..meeting.crews).map(|_| start("peers", None)).collect::<anyhow::Result<_>>()?;
        std::thread::spawn(move || {
            while let Ok(frame) = Frame::read(&mut reader) {
                let end = ends.get(usize::try_from(frame.peer % CREWS).unwrap_or(0));
                if end.is_none_or(|end| end.send(frame).is_err()) {
                    return;
                }
            }
        });
        Ok(Self {
            meeting: meeting.clone(),
            publishers,
            crews,
            people: Vec::new(),
            ports,
            server: Process::new(child.id()),
            child,
        })
    }

    pub(crate) fn people(&self) -> usize {
        self.people.len()
    }

    /// Video tracks on their way to somebody.
    pub(crate) fn video_tracks(&self) -> usize {
        let publishers = |room: u32| self.people.iter().filter(|person| **person == (room, true)).count();
        self.people.iter().map(|(room, publishes)| publishers(*room) - usize::from(*publishes)).sum()
    }

    /// Lets all crews do something, one after the other.
    fn each<T: Send + 'static>(
        &mut self,
        act: impl Fn(&mut Crew) -> T + Copy + Send + 'static,
    ) -> anyhow::Result<Vec<T>> {
        self.publishers.iter_mut().chain(&mut self.crews).map(|crew| crew.call(act)).collect()
    }

    pub(crate) fn join(&mut self, room: u32, publisher: bool) -> anyhow::Result<()> {
        let sounds = (self.meeting.publishers - u32::from(publisher)).max(1);
        let pictures = if self.meeting.audio_only { 0 } else { self.meeting.publishers - u32::from(publisher) };
        let sends_only = publisher && self.publishers.is_some();
        let turn = self.people.iter().filter(|(_, other)| self.publishers.is_none() || !other).count();
        let full = sends_only || turn.is_multiple_of(usize::try_from(self.meeting.full_every)?);
        let person = Person { room, publisher, full, others: (sounds, pictures) };
        self.people.push((room, publisher));
        let count = self.crews.len();
        let crew = match &mut self.publishers {
            Some(publishers) if publisher => publishers,
            _ => &mut self.crews[turn % count],
        };
        crew.call(move |crew| crew.join(person))??;
        let deadline = Instant::now() + crate::PATIENCE;
        std::thread::sleep(JOIN_EVERY);
        while crew.call(|crew| crew.coming())? > MOST_COMING {
            ensure!(Instant::now() < deadline, "of {} peers many did not connect", self.people.len());
            std::thread::sleep(JOIN_EVERY);
        }
        Ok(())
    }

    /// What the others feel while something is done: how old what they get is, and the work of the media plane.
    pub(crate) fn during(&mut self, act: impl FnOnce(&mut Self) -> anyhow::Result<()>) -> anyhow::Result<Phase> {
        self.take_ages()?;
        let (server, begin) = (self.server.threads()?, Instant::now());
        act(self)?;
        let server = self.server.threads()?.since(&server);
        Ok(Phase { took: begin.elapsed(), server, ages: self.take_ages()? })
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
        self.each(move |crew| crew.leave(room))?;
        self.crews[0].call(move |crew| crew.end(room))??;
        let deadline = Instant::now() + crate::PATIENCE;
        loop {
            let left: usize = self.each(move |crew| crew.leave(room))?.into_iter().sum();
            if left == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{left} did not hear that the room is over");
            std::thread::sleep(JOIN_EVERY);
        }
    }

    /// Lets all publishers who do not do so yet publish.
    pub(crate) fn publish(&mut self) -> anyhow::Result<()> {
        self.each(Crew::publish)?.into_iter().collect()
    }

    pub(crate) fn wait_connected(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.each(move |crew| crew.wait_connected(patience))?.into_iter().collect()
    }

    /// Lets the meeting go on for a while.
    pub(crate) fn run(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        loop {
            self.publishers.iter_mut().chain(&mut self.crews).try_for_each(Apart::check)?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn take_got(&mut self) -> anyhow::Result<Got> {
        let mut all = Got::default();
        self.each(Crew::take_got)?.iter().for_each(|got| all.add(got));
        Ok(all)
    }

    fn take_ages(&mut self) -> anyhow::Result<Ages> {
        let mut all = Ages::default();
        self.each(Crew::take_ages)?.iter().for_each(|ages| all.add(ages));
        Ok(all)
    }

    /// Lets it go on and measures it.
    pub(crate) fn measure(&mut self, time: Duration) -> anyhow::Result<Figures> {
        self.take_got()?;
        self.take_ages()?;
        let dropped_before = dropped(&self.ports)?;
        let (server, own) = (self.server.threads()?, Process::own().threads()?);
        let begin = Instant::now();
        self.run(time)?;
        let elapsed = begin.elapsed();
        let (server_after, own_after) = (self.server.threads()?, Process::own().threads()?);
        let dropped_after = dropped(&self.ports)?;
        Ok(Figures {
            elapsed,
            got: self.take_got()?,
            server: server_after.since(&server),
            own: own_after.since(&own),
            ages: self.take_ages()?,
            dropped_by_us: dropped_after.0 - dropped_before.0,
            dropped_by_server: dropped_after.1.saturating_sub(dropped_before.1),
        })
    }
}
