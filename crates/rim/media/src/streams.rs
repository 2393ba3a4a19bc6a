//! TCP connections that carry media, on the side of the runtime.
//!
//! A task per connection reads packets and hands them to the shard through a bounded queue: a shard that has much to do slows
//! TCP clients down, and no TCP client slows the shard down. What the shard sends waits in an outbox of its own, also bounded:
//! what finds it full is dropped, and so is media that waits for too long, because late media is worthless and everything else is
//! sent again. A connection that takes nothing at all is closed by whoever writes to it. TLS ends here too, in whatever stream the door is given.

use crate::framing::{Framing, Garbage};
use crate::plane::Wake;
use model::Shares;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use crate::framing::{Opening, opening};

/// Most connections at a time.
pub(crate) const MAX_STREAMS: usize = 4096;

/// Most of them from one address: a school behind one translation, in which each browser may hold a relay in reserve.
const MAX_PER_ADDRESS: usize = 1024;

/// Packets that wait for the shard, of all connections together.
const BACKLOG: usize = 2048;

/// How long a connection may take to show its first packet (media-protocol.md section 17.4).
const FIRST_PATIENCE: Duration = Duration::from_secs(10);

/// How long it may be silent later. A client looks every few seconds whether its connection still works.
const SILENCE: Duration = Duration::from_secs(30);

/// A TURN connection is silent while its allocation waits for use; the allocation ends by itself and takes the connection. One
/// without an allocation ends on the shard's side.
const TURN_SILENCE: Duration = Duration::from_secs(600);

/// How long the other side may take nothing.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Media that waits for longer is too late for whoever listens, and stands in the way of what is not: it is dropped.
const OLDEST_MEDIA: Duration = Duration::from_millis(500);

/// How often that is looked at while a connection takes nothing.
const LATE_LOOK: Duration = Duration::from_millis(100);

/// Bytes written at once.
const WRITE_CHUNK: usize = 16 * 1024;

/// How a connection came in.
#[derive(Debug, Clone, Copy)]
pub struct Entrance {
    /// From where.
    pub peer: SocketAddr,
    /// Through TLS.
    pub secure: bool,
    /// That is a proxy we trust, through which many come: it is not bound to what one address may have.
    pub speaks_for_many: bool,
}

/// Names one connection for the life of the process.
pub(crate) type StreamId = u64;

/// What a shard learns of connections.
#[derive(Debug)]
pub(crate) enum StreamEvent {
    Opened { id: StreamId, framing: Framing, secure: bool, peer: SocketAddr, outbox: Outbox },
    Packet { id: StreamId, contents: Vec<u8> },
    Closed { id: StreamId },
}

impl StreamEvent {
    /// Of which connection.
    pub(crate) const fn id(&self) -> StreamId {
        match self {
            Self::Opened { id, .. } | Self::Packet { id, .. } | Self::Closed { id } => *id,
        }
    }
}

/// What a packet is to a connection that is too slow for all that goes to it. Those of one weight stay in order; the lighter
/// ones leave first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// STUN, RTCP, handshakes and what the TURN server says: small, and what keeps a connection alive.
    Vital,
    /// RTP.
    Media,
    /// Messages of participants, as many as the connection takes.
    Data,
}

impl Weight {
    const ALL: [Self; 3] = [Self::Vital, Self::Media, Self::Data];

    /// Of a packet between a client and our media socket (RFC 7983, RFC 5761 section 4; DTLS: RFC 6347 section 4.1, and
    /// RFC 9147 section 4 from 32 on).
    pub(crate) fn of(packet: &[u8]) -> Self {
        match packet {
            [128..=191, 192..=223, ..] => Self::Vital,
            [128..=191, ..] => Self::Media,
            [23..=63, ..] => Self::Data,
            _ => Self::Vital,
        }
    }

    /// How many bytes of it wait for a connection at most. More is dropped.
    const fn limit(self) -> usize {
        match self {
            Self::Vital => 64 * 1024,
            // As long as it may wait, at four megabits a second.
            Self::Media => 256 * 1024,
            // What the WebRTC stack sends before it has to hear from the client, for both data channels.
            Self::Data => 256 * 1024,
        }
    }
}

/// What became of a packet for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Queued,
    /// The connection is too slow for it.
    Dropped,
    /// The connection is gone.
    Gone,
}

/// A packet, and since when it waits.
type Waiting = (Instant, Vec<u8>);

/// The shard's end of a connection; dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Outbox([(mpsc::UnboundedSender<Waiting>, Arc<AtomicUsize>); Weight::ALL.len()]);

impl Outbox {
    /// With the end that a connection takes from.
    pub(crate) fn new() -> (Self, Queued) {
        // Bounded by the bytes in them, which nobody but the shard adds to.
        let [vital, media, data] = Weight::ALL.map(|_| {
            let (queue, queued) = mpsc::unbounded_channel();
            let waiting = Arc::new(AtomicUsize::new(0));
            ((queue, Arc::clone(&waiting)), (queued, waiting))
        });
        let late = metrics::counter!("media_drops_total", "reason" => "stream_queue");
        (Self([vital.0, media.0, data.0]), Queued { queues: [vital.1, media.1, data.1], media: None, late })
    }

    pub(crate) fn send(&self, packet: Vec<u8>, weight: Weight) -> Sent {
        let (queue, waiting) = &self.0[weight as usize];
        if waiting.load(Ordering::Relaxed) + packet.len() > weight.limit() {
            return Sent::Dropped;
        }
        waiting.fetch_add(packet.len(), Ordering::Relaxed);
        if queue.send((Instant::now(), packet)).is_ok() { Sent::Queued } else { Sent::Gone }
    }
}

/// What waits for a connection, and how many bytes of it the connection has not taken yet.
#[derive(Debug)]
pub(crate) struct Queued {
    queues: [(mpsc::UnboundedReceiver<Waiting>, Arc<AtomicUsize>); Weight::ALL.len()],
    /// The next of the media, if it was looked at.
    media: Option<Waiting>,
    /// Counts what has waited for too long.
    late: metrics::Counter,
}

impl Queued {
    /// The next packet. `None` when there will be no more.
    async fn next(&mut self) -> Option<(Weight, Vec<u8>)> {
        if let Some(next) = Weight::ALL.into_iter().find_map(|weight| self.next_of(weight)) {
            return Some(next);
        }
        let [(vital, _), (media, _), (data, _)] = &mut self.queues;
        tokio::select! {
            biased;
            Some((_, packet)) = vital.recv() => Some((Weight::Vital, packet)),
            Some((_, packet)) = media.recv() => Some((Weight::Media, packet)),
            Some((_, packet)) = data.recv() => Some((Weight::Data, packet)),
            else => None,
        }
    }

    /// The next packet of that weight, if there is one.
    pub(crate) fn next_of(&mut self, weight: Weight) -> Option<(Weight, Vec<u8>)> {
        if weight == Weight::Media {
            self.drop_late();
            return self.media.take().map(|(_, packet)| (weight, packet));
        }
        self.queues[weight as usize].0.try_recv().ok().map(|(_, packet)| (weight, packet))
    }

    /// Leaves media out that has waited for too long.
    fn drop_late(&mut self) {
        let (queue, bytes) = &mut self.queues[Weight::Media as usize];
        while let Some((since, packet)) = self.media.take().or_else(|| queue.try_recv().ok()) {
            if since.elapsed() <= OLDEST_MEDIA {
                self.media = Some((since, packet));
                return;
            }
            self.late.increment(1);
            bytes.fetch_sub(packet.len(), Ordering::Relaxed);
        }
    }

    /// So many bytes of each weight were taken.
    fn note_taken(&self, taken: [usize; Weight::ALL.len()]) {
        for ((_, waiting), taken) in self.queues.iter().zip(taken) {
            waiting.fetch_sub(taken, Ordering::Relaxed);
        }
    }

    /// The shard lets go, and nothing waits.
    #[cfg(test)]
    pub(crate) fn is_closed(&mut self) -> bool {
        self.queues.iter_mut().all(|(queue, _)| queue.try_recv() == Err(mpsc::error::TryRecvError::Disconnected))
    }
}

/// Takes TCP connections that carry media, whoever accepted them.
#[derive(Debug, Clone)]
pub struct StreamDoor {
    events: mpsc::Sender<StreamEvent>,
    wake: Wake,
    next: Arc<AtomicUsize>,
    places: Arc<Semaphore>,
    shares: Shares,
}

impl StreamDoor {
    pub(crate) fn new(wake: Wake) -> (Self, mpsc::Receiver<StreamEvent>) {
        let (events, events_end) = mpsc::channel(BACKLOG);
        let door = Self {
            events,
            wake,
            next: Arc::default(),
            places: Arc::new(Semaphore::new(MAX_STREAMS)),
            shares: Shares::new(MAX_PER_ADDRESS),
        };
        (door, events_end)
    }

    /// Carries a connection until either side ends it. `begun` was read of it already and `opening` is what it turned out to
    /// be; anything but [`Opening::Ice`] and [`Opening::Turn`] is dropped.
    pub async fn serve<S>(&self, stream: S, begun: &[u8], opening: Opening, from: Entrance)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let Entrance { peer, secure, speaks_for_many } = from;
        let framing = match opening {
            Opening::Ice => Framing::Ice,
            Opening::Turn => Framing::Turn,
            Opening::Tls | Opening::Other | Opening::Unclear => return,
        };
        let share = (!speaks_for_many).then(|| self.shares.take(peer.ip()));
        let (Ok(_place), None | Some(Some(_))) = (self.places.try_acquire(), &share) else {
            metrics::counter!("media_streams_refused_total").increment(1);
            return;
        };
        let id = u64::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        let (outbox, queued) = Outbox::new();
        let opened = StreamEvent::Opened { id, framing, secure, peer, outbox };
        if self.tell(opened).await.is_err() {
            return;
        }
        metrics::gauge!("media_streams").increment(1.0);
        let (reader, writer) = tokio::io::split(stream);
        let why = tokio::select! {
            why = self.read(id, framing, reader, begun.to_vec()) => why,
            why = write(framing, writer, queued) => why,
        };
        metrics::gauge!("media_streams").decrement(1.0);
        metrics::counter!("media_streams_closed_total", "reason" => why.as_str()).increment(1);
        // The shard may be gone; then nobody cares.
        let _ = self.tell(StreamEvent::Closed { id }).await;
    }

    async fn tell(&self, event: StreamEvent) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)?;
        self.wake.wake();
        Ok(())
    }

    async fn read(
        &self,
        id: StreamId,
        framing: Framing,
        mut reader: impl AsyncRead + Unpin,
        mut buffer: Vec<u8>,
    ) -> Closing {
        let silence = if framing == Framing::Turn { TURN_SILENCE } else { SILENCE };
        let mut patience = Instant::now() + FIRST_PATIENCE;
        loop {
            loop {
                match framing.first(&buffer) {
                    Ok(Some((start, end, next))) => {
                        let contents = buffer[start..end].to_vec();
                        buffer.drain(..next);
                        if self.tell(StreamEvent::Packet { id, contents }).await.is_err() {
                            return Closing::Shard;
                        }
                        patience = Instant::now() + silence;
                    }
                    Ok(None) => break,
                    Err(Garbage) => return Closing::Garbage,
                }
            }
            // `first` refuses what would not fit, so the buffer stays as small as the longest packet.
            match timeout_at(patience, reader.read_buf(&mut buffer)).await {
                Err(_) => return Closing::Silence,
                Ok(Err(_) | Ok(0)) => return Closing::Peer,
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// The shard is gone.
struct Gone;

/// Why a connection ends.
#[derive(Debug, Clone, Copy)]
enum Closing {
    Peer,
    Silence,
    Garbage,
    Stalled,
    Shard,
}

impl Closing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Silence => "silence",
            Self::Garbage => "garbage",
            Self::Stalled => "stalled",
            Self::Shard => "refused",
        }
    }
}

async fn write(framing: Framing, mut writer: impl AsyncWrite + Unpin, mut queued: Queued) -> Closing {
    let mut out = Vec::with_capacity(WRITE_CHUNK);
    while let Some(first) = queued.next().await {
        out.clear();
        let mut taken = [0; Weight::ALL.len()];
        let mut take = |(weight, packet): (Weight, Vec<u8>)| {
            taken[weight as usize] += packet.len();
            framing.write(&packet, &mut out);
            out.len() < WRITE_CHUNK
        };
        let mut has_room = take(first);
        // Each time one of these, so that they do not wait for ever.
        if let Some(data) = queued.next_of(Weight::Data) {
            has_room = take(data);
        }
        while has_room && let Some(next) = Weight::ALL.into_iter().find_map(|weight| queued.next_of(weight)) {
            has_room = take(next);
        }
        let writing = timeout(WRITE_PATIENCE, write_out(&mut writer, &out));
        tokio::pin!(writing);
        let written = loop {
            tokio::select! {
                biased;
                written = &mut writing => break written,
                () = sleep(LATE_LOOK) => queued.drop_late(),
            }
        };
        // Counted until the system took it, so that what the connection is too slow for is dropped.
        queued.note_taken(taken);
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Closing::Peer,
            Err(_) => return Closing::Stalled,
        }
    }
    Closing::Shard
}

async fn write_out(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_weight_has_room_of_its_own_and_what_finds_it_full_is_lost() {
        let (outbox, queued) = Outbox::new();
        for weight in [Weight::Data, Weight::Media, Weight::Vital] {
            let bytes: usize =
                std::iter::from_fn(|| (outbox.send(vec![0; 1024], weight) == Sent::Queued).then_some(1024)).sum();
            assert_eq!(bytes, weight.limit());
            assert_eq!(outbox.send(vec![0], weight), Sent::Dropped);
        }

        queued.note_taken([1, 0, 0]);
        assert_eq!(outbox.send(vec![0], Weight::Vital), Sent::Queued);
        drop(queued);
        assert_eq!(outbox.send(Vec::new(), Weight::Vital), Sent::Gone);
    }

    #[test]
    fn a_packet_weighs_what_its_protocol_says() {
        assert_eq!(Weight::of(&[0x80, 111, 0]), Weight::Media);
        assert_eq!(Weight::of(&[0x90, 0x80 | 96, 0]), Weight::Media);
        assert_eq!(Weight::of(&[0x80, 200]), Weight::Vital);
        assert_eq!(Weight::of(&[0x81, 206]), Weight::Vital);
        assert_eq!(Weight::of(&[22, 254]), Weight::Vital);
        assert_eq!(Weight::of(&[23, 254]), Weight::Data);
        assert_eq!(Weight::of(&[0x2f, 1]), Weight::Data);
        assert_eq!(Weight::of(&[0, 1]), Weight::Vital);
        assert_eq!(Weight::of(&[]), Weight::Vital);
    }

    #[tokio::test]
    async fn sound_does_not_wait_for_a_file_and_the_file_goes_on() {
        let (outbox, queued) = Outbox::new();
        for number in 0..200 {
            assert_eq!(outbox.send([&[23, number][..], &[0; 998]].concat(), Weight::Data), Sent::Queued);
        }
        for number in 0..100 {
            assert_eq!(outbox.send([&[128, number][..], &[0; 998]].concat(), Weight::Media), Sent::Queued);
        }
        drop(outbox);
        let mut wire = Vec::new();
        assert!(matches!(write(Framing::Ice, &mut wire, queued).await, Closing::Shard));

        let heads: Vec<(u8, u8)> = wire.chunks(1002).map(|frame| (frame[2], frame[3])).collect();
        let numbers = |kind| heads.iter().filter(|(first, _)| *first == kind).map(|(_, number)| *number).collect();
        let (sound, file): (Vec<u8>, Vec<u8>) = (numbers(128), numbers(23));
        assert!(sound.iter().copied().eq(0..100) && file.iter().copied().eq(0..200), "each in its order");
        let before = heads.iter().rposition(|(first, _)| *first == 128).unwrap() - 99;
        assert!((1..20).contains(&before), "{before} of the file left before the last of the sound");
    }

    /// Of a connection that has become slow the sound is cut short, and what is heard is of now.
    #[tokio::test(start_paused = true)]
    async fn media_that_has_waited_for_too_long_is_left_out_and_data_is_not() {
        const STEP: Duration = Duration::from_millis(4);
        /// Bytes that are sent, and taken, in a step: at 3 Mbit/s and at 300 kbit/s.
        const SENT: usize = 1500;
        const TAKEN: usize = 150;
        let (outbox, queued) = Outbox::new();
        let (ours, mut theirs) = tokio::io::duplex(1024);
        tokio::spawn(async move { write(Framing::Ice, ours, queued).await });
        let begun = Instant::now();
        for number in 0..40 {
            assert_eq!(outbox.send([&[23, number][..], &[0; 498]].concat(), Weight::Data), Sent::Queued);
        }
        let (mut wire, mut oldest, mut media, mut data) = (Vec::new(), Duration::ZERO, 0, Vec::new());
        for _ in 0..2500 {
            let sent = u32::try_from(begun.elapsed().as_millis()).unwrap();
            let packet = [&[128, 111][..], &sent.to_be_bytes(), &[0; SENT - 6]].concat();
            assert_eq!(outbox.send(packet, Weight::Media), Sent::Queued, "what is new finds room");
            sleep(STEP).await;
            let mut taken = [0; TAKEN];
            let length = theirs.read(&mut taken).await.unwrap();
            wire.extend_from_slice(&taken[..length]);
            while let Some((start, end, next)) = Framing::Ice.first(&wire).unwrap() {
                match wire[start..end] {
                    [128, 111, a, b, c, d, ..] => {
                        assert_eq!(end - start, SENT, "whole");
                        let sent = Duration::from_millis(u32::from_be_bytes([a, b, c, d]).into());
                        oldest = oldest.max(begun.elapsed().saturating_sub(sent));
                        media += 1;
                    }
                    [23, number, ..] => data.push(number),
                    _ => panic!("neither"),
                }
                wire.drain(..next);
            }
        }
        // What was taken in time may still be in what is written at once.
        let written = STEP * u32::try_from((WRITE_CHUNK + SENT + 1024) / TAKEN).unwrap();
        assert!(oldest <= OLDEST_MEDIA + written, "{oldest:?}");
        assert!(media > 200, "{media}");
        assert!(data.iter().copied().eq(0..40), "{data:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_nothing_is_closed() {
        let (door, mut events, _poll) = door();
        let (ours, _theirs) = tokio::io::duplex(64);
        tokio::spawn(async move { door.serve(ours, &[0, 1, 0], Opening::Ice, entrance()).await });
        let Some(StreamEvent::Opened { outbox, .. }) = events.recv().await else { panic!("opened") };
        assert!(matches!(events.recv().await, Some(StreamEvent::Packet { .. })));
        let begun = Instant::now();

        assert_eq!(outbox.send(vec![0; 1024], Weight::Vital), Sent::Queued);

        assert!(matches!(events.recv().await, Some(StreamEvent::Closed { .. })));
        assert_eq!(begun.elapsed(), WRITE_PATIENCE);
    }

    fn door() -> (StreamDoor, mpsc::Receiver<StreamEvent>, mio::Poll) {
        let poll = mio::Poll::new().unwrap();
        let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
        let (door, events) = StreamDoor::new(wake);
        (door, events, poll)
    }

    fn entrance() -> Entrance {
        Entrance { peer: "198.51.100.1:9".parse().unwrap(), secure: false, speaks_for_many: false }
    }

    #[tokio::test]
    async fn packets_pass_in_both_directions_until_the_shard_lets_go() {
        let (door, mut events, _poll) = door();
        let (ours, mut theirs) = tokio::io::duplex(64);
        let serving = tokio::spawn(async move { door.serve(ours, &[0, 3, b'o'], Opening::Ice, entrance()).await });

        let Some(StreamEvent::Opened { outbox, .. }) = events.recv().await else { panic!("opened") };
        theirs.write_all(b"ne\0\x03two").await.unwrap();
        for expected in [b"one", b"two"] {
            let Some(StreamEvent::Packet { contents, .. }) = events.recv().await else { panic!("a packet") };
            assert_eq!(contents, expected);
        }
        assert_eq!(outbox.send(b"back".to_vec(), Weight::Vital), Sent::Queued);
        let mut back = [0; 6];
        theirs.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"\0\x04back");

        drop(outbox);
        serving.await.unwrap();
        assert!(matches!(events.recv().await, Some(StreamEvent::Closed { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_shows_no_packet_in_time_is_closed() {
        let (door, mut events, _poll) = door();
        let (ours, _theirs) = tokio::io::duplex(64);

        door.serve(ours, &[0, 20, 0], Opening::Ice, entrance()).await;

        assert!(matches!(events.recv().await, Some(StreamEvent::Opened { .. })));
        assert!(matches!(events.recv().await, Some(StreamEvent::Closed { .. })));
    }

    #[tokio::test]
    async fn one_address_has_so_many_connections_and_no_more() {
        let (door, mut events, _poll) = door();
        let mut held = Vec::new();
        for _ in 0..MAX_PER_ADDRESS {
            let (ours, theirs) = tokio::io::duplex(64);
            let door = door.clone();
            tokio::spawn(async move { door.serve(ours, &[], Opening::Ice, entrance()).await });
            held.push((theirs, events.recv().await.unwrap()));
        }
        let (ours, _theirs) = tokio::io::duplex(64);

        door.serve(ours, &[], Opening::Ice, entrance()).await;
        assert!(events.try_recv().is_err(), "refused without a word");

        let (ours, _theirs) = tokio::io::duplex(64);
        let proxy = Entrance { speaks_for_many: true, ..entrance() };
        tokio::spawn(async move { door.serve(ours, &[], Opening::Ice, proxy).await });
        assert!(matches!(events.recv().await, Some(StreamEvent::Opened { .. })), "it speaks for many");
    }
}
