//! Lines that are written by a thread of their own: whoever makes them never waits for a disk, a pipe or a terminal.
//! There is room for so many; what comes on top is lost, and the loss is told.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing::warn;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait, some 300 bytes each.
const ROOM: usize = 16 * 1024;
/// How long the last lines may take when the server ends.
const PATIENCE: Duration = Duration::from_secs(2);

enum Told {
    Line(Vec<u8>),
    /// Nothing follows; answered when everything is written.
    End(SyncSender<()>),
}

/// Hands lines over.
#[derive(Clone)]
pub(super) struct Behind {
    lines: SyncSender<Told>,
    lost: Arc<AtomicU64>,
}

/// Lines may be on their way; dropping this waits for them, a little.
#[must_use]
pub(crate) struct Pending {
    lines: SyncSender<Told>,
}

/// Starts a thread that writes to `out`.
pub(super) fn write(out: impl Write + Send + 'static) -> (Behind, Pending) {
    let (lines, told) = sync_channel(ROOM);
    let lost = Arc::new(AtomicU64::new(0));
    let count = lost.clone();
    // Without the thread nothing is written, and every line counts as lost: calls go on.
    let started = thread::Builder::new().name("audit log".into()).spawn(move || run(&told, out, &count));
    if let Err(error) = started {
        warn!(%error, "the audit log cannot be written");
    }
    (Behind { lines: lines.clone(), lost }, Pending { lines })
}

fn run(told: &Receiver<Told>, mut out: impl Write, lost: &AtomicU64) {
    let mut batch = Vec::new();
    while let Ok(mut next) = told.recv() {
        let end = loop {
            match next {
                Told::Line(line) => batch.extend_from_slice(&line),
                Told::End(done) => break Some(done),
            }
            if batch.len() > 64 * 1024 {
                break None;
            }
            match told.try_recv() {
                Ok(following) => next = following,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break None,
            }
        };
        let written = out.write_all(&batch).and_then(|()| out.flush());
        batch.clear();
        if let Err(error) = written {
            warn!(%error, "lines of the audit log could not be written");
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            warn!(lines, "the audit log is too slow, lines of it are lost");
        }
        if let Some(done) = end {
            let _ = done.try_send(());
            return;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let (done, ended) = sync_channel(1);
        // Where there is no room for the word, there is none for lines either: they are lost with it.
        if self.lines.try_send(Told::End(done)).is_ok() {
            let _: Result<(), RecvTimeoutError> = ended.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Behind {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Told::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Behind {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    /// Writes into memory, one piece per word that comes through the gate.
    struct Gated {
        gate: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.gate.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_writes_never_waits_and_nothing_is_lost_that_has_room() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = channel();
        let (mut behind, pending) = write(Gated { gate, written: written.clone() });

        // The gate is shut: if this waited, it would wait for ever. The lines are as long as lines are, so that those
        // taken together before the gate are few.
        let line = [b'x'; 300];
        let count = ROOM * 2;
        for _ in 0..count {
            behind.write_all(&line).unwrap();
        }
        let lost = usize::try_from(behind.lost.load(Ordering::Relaxed)).unwrap();
        assert!(lost > 0);
        drop(open);
        while written.lock().unwrap().len() < (count - lost) * line.len() {
            thread::yield_now();
        }
        drop(pending);

        assert_eq!(written.lock().unwrap().len(), (count - lost) * line.len());
    }

    #[test]
    fn the_last_lines_are_written_before_the_end() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = channel();
        drop(open);
        let (mut behind, pending) = write(Gated { gate, written: written.clone() });

        behind.write_all(b"last").unwrap();
        drop(pending);

        assert_eq!(*written.lock().unwrap(), b"last");
    }
}
