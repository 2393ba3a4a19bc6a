//! The way out: many small frames become few chunks, large payloads travel unshared and uncopied, and
//! what must not wait (PONG) overtakes at the next frame boundary (section 2.5).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Largest chunk handed to the socket. Whoever writes keeps a buffer of that size for good, one for every person.
pub(crate) const CHUNK: usize = 16 * 1024;
/// Payloads above this are queued by reference instead of being copied between frames.
const INLINE: usize = 4 * 1024;

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// True if a frame ends where this piece ends.
    ends_frame: bool,
}

/// The outgoing queue of one connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    urgent: BytesMut,
    pieces: VecDeque<Piece>,
    /// Frames not yet cut into a piece; always ends with a whole frame.
    tail: BytesMut,
    /// True if everything polled so far ends with a whole frame.
    between_frames: bool,
    queued: usize,
    /// Bytes ever polled.
    polled: u64,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self {
            urgent: BytesMut::new(),
            pieces: VecDeque::new(),
            tail: BytesMut::new(),
            between_frames: true,
            queued: 0,
            polled: 0,
        }
    }
}

impl Outgoing {
    /// Queues a whole small frame that overtakes the others.
    pub(crate) fn urgent(&mut self, frame: &[u8]) {
        self.urgent.extend_from_slice(frame);
        self.queued += frame.len();
    }

    /// Queues a frame made of its head, a payload and a line end.
    pub(crate) fn frame(&mut self, head: &[u8], payload: &Bytes) {
        self.queued += head.len() + payload.len() + 2;
        if payload.len() <= INLINE {
            if self.tail.len() + head.len() + payload.len() + 2 > CHUNK {
                self.cut(true);
            }
            self.tail.extend_from_slice(head);
            self.tail.extend_from_slice(payload);
        } else {
            // What is before ends with a whole frame: a place where urgent frames may overtake.
            self.cut(true);
            self.tail.extend_from_slice(head);
            self.cut(false);
            self.pieces.push_back(Piece { bytes: payload.clone(), ends_frame: false });
        }
        self.tail.extend_from_slice(b"\r\n");
    }

    /// The next chunk for the socket, never empty.
    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        let chunk = self.next_chunk()?;
        self.queued -= chunk.len();
        self.polled += chunk.len() as u64;
        Some(chunk)
    }

    /// Bytes waiting to be polled.
    pub(crate) fn len(&self) -> usize {
        self.queued
    }

    /// Where what is queued now ends, counted from the first byte ever.
    pub(crate) fn end(&self) -> u64 {
        self.polled + self.queued as u64
    }

    /// Whether everything up to an [`Self::end`] of before was polled.
    pub(crate) fn is_polled(&self, end: u64) -> bool {
        self.polled >= end
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        if self.between_frames && !self.urgent.is_empty() {
            return Some(self.urgent.split().freeze());
        }
        let Some(piece) = self.pieces.front_mut() else {
            self.between_frames = true;
            // The whole buffer goes along: what is left of it would stay with every connection that is idle.
            return if self.tail.is_empty() { None } else { Some(std::mem::take(&mut self.tail).freeze()) };
        };
        if piece.bytes.len() > CHUNK {
            self.between_frames = false;
            return Some(piece.bytes.split_to(CHUNK));
        }
        let Piece { bytes, ends_frame } = self.pieces.pop_front()?;
        self.between_frames = ends_frame;
        Some(bytes)
    }

    fn cut(&mut self, ends_frame: bool) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Piece { bytes: std::mem::take(&mut self.tail).freeze(), ends_frame });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outgoing: &mut Outgoing) -> Vec<Bytes> {
        std::iter::from_fn(|| outgoing.poll()).collect()
    }

    #[test]
    fn small_frames_share_a_chunk() {
        let mut outgoing = Outgoing::default();
        for _ in 0..100 {
            outgoing.frame(b"MSG a 1 1\r\n", &Bytes::from_static(b"x"));
        }
        let chunks = drain(&mut outgoing);
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].len(), 100 * "MSG a 1 1\r\nx\r\n".len());
        assert!(outgoing.is_empty());
    }

    #[test]
    fn a_large_payload_is_the_same_memory_in_chunks() {
        let payload = Bytes::from(vec![7; 3 * CHUNK + 5]);
        let mut outgoing = Outgoing::default();
        outgoing.frame(b"HEAD\r\n", &payload);
        let chunks = drain(&mut outgoing);
        assert_eq!(chunks[1].as_ptr(), payload.as_ptr());
        assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK));
        assert_eq!(chunks.concat(), [b"HEAD\r\n", &payload[..], b"\r\n"].concat());
    }

    #[test]
    fn urgent_frames_overtake_but_never_cut_a_frame() {
        let large = Bytes::from(vec![b'x'; 2 * CHUNK]);
        let mut outgoing = Outgoing::default();
        outgoing.frame(b"ONE\r\n", &large);
        outgoing.frame(b"TWO\r\n", &large);
        let first = outgoing.poll().unwrap();
        assert_eq!(&first[..], b"ONE\r\n");
        outgoing.urgent(b"PONG\r\n");
        let rest = drain(&mut outgoing).concat();
        let pong = rest.windows(6).position(|window| window == b"PONG\r\n").unwrap();
        assert_eq!(pong, large.len() + 2, "right after the frame that was under way");
    }

    #[test]
    fn urgent_frames_go_first_on_an_idle_queue() {
        let mut outgoing = Outgoing::default();
        outgoing.frame(b"MSG\r\n", &Bytes::new());
        outgoing.urgent(b"PONG\r\n");
        assert_eq!(&outgoing.poll().unwrap()[..], b"PONG\r\n");
        assert_eq!(&outgoing.poll().unwrap()[..], b"MSG\r\n\r\n");
        assert_eq!(outgoing.poll(), None);
    }
}
