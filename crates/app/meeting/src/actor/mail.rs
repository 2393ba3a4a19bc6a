//! What waits for a room.

use tokio::sync::mpsc;

use super::letter::Letter;

/// Letters that wait for one room. A sender beyond that waits, which slows that room's sockets down and nobody else.
pub(super) const MAILBOX: usize = 1024;
/// What the media plane told and the room has not heard; what is more is missed. Whoever tells it cannot wait, and tells
/// of thousands at once when a large meeting ends.
pub(crate) const MEDIA_BACKLOG: usize = 16 * 1024;

/// The ends to put something in.
pub(super) struct Slots {
    pub(super) mailbox: mpsc::Sender<Letter>,
    pub(super) media: mpsc::Sender<Letter>,
}

/// The ends to take it out.
pub(super) struct Mail {
    letters: mpsc::Receiver<Letter>,
    media: mpsc::Receiver<Letter>,
}

impl Mail {
    pub(super) fn new() -> (Slots, Self) {
        let ((mailbox, letters), (media, told)) = (mpsc::channel(MAILBOX), mpsc::channel(MEDIA_BACKLOG));
        (Slots { mailbox, media }, Self { letters, media: told })
    }

    /// The next letter; `None` if nobody can write any more. What the media plane told comes first: it was before whatever
    /// waits beside it, or does not mind.
    pub(super) async fn recv(&mut self) -> Option<Letter> {
        tokio::select! {
            biased;
            Some(letter) = self.media.recv() => Some(letter),
            letter = self.letters.recv() => letter,
        }
    }

    pub(super) fn try_recv(&mut self) -> Option<Letter> {
        self.media.try_recv().or_else(|_| self.letters.try_recv()).ok()
    }

    /// Nobody can write any more; what was written is there.
    pub(super) fn close(&mut self) {
        self.letters.close();
        self.media.close();
    }
}
