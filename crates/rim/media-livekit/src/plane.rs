//! The control port over LiveKit's server API.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use model::media::MediaPermission;
use model::{Identity, RoomId};
use ports::media::{
    ConnectError, MediaJoin, MediaPlane, MuteError, RemoveReason, RestoredPerson, SignalLink, TrackChoice,
};
use ports::media_control::ParticipantChange;
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};
use wire::lk;

use crate::behind::Behind;
use crate::carry::{Carrier, Order, count_lost};
use crate::client::{Client, Refusal, unix_seconds};
use crate::closing::Closing;
use crate::mutes::{Mute, Mutes, mute_track};
use crate::told::{admin, participant_of};
use crate::wanted::Wanted;

/// Orders are carried out in as many lines; those of one room stay in one.
const LINES: usize = 16;

/// Orders that wait in a line. One more means that the server has not answered for minutes; what it wants is made up for later.
const WAITING: usize = 1024;

/// How long whoever opens a room again waits for it to be closed: less than whoever creates a meeting does.
const SETTLING: Duration = Duration::from_secs(5);

/// How long the end of the process waits for what is in line. The next process makes up for the rest.
const FINISHING: Duration = Duration::from_secs(3);

/// How often the server is asked whether it is there.
const PULSE: Duration = Duration::from_secs(10);

/// So often it must stay silent to count as gone.
const SILENT: u32 = 2;

/// What waits in a line.
enum InLine {
    Order(Order),
    /// Somebody wants to know when everything before is done.
    Mark(oneshot::Sender<()>),
}

/// The media plane on a LiveKit server.
pub struct LiveKit {
    pub(crate) client: Client,
    pub(crate) closing: Arc<Closing>,
    wanted: Arc<Wanted>,
    mutes: Arc<Mutes>,
    behind: Arc<Behind>,
    lines: Vec<mpsc::Sender<InLine>>,
    is_alive: AtomicBool,
    /// Whether it did not answer when it was last asked whether it is there.
    is_silent: AtomicBool,
}

impl LiveKit {
    /// Starts carrying out orders and feeling the server's pulse, on the runtime it is called on, until it is dropped.
    pub fn start(client: Client) -> Arc<Self> {
        let wanted = Arc::new(Wanted::default());
        let mutes = Arc::new(Mutes::default());
        let closing = Arc::new(Closing::default());
        let behind = Arc::new(Behind::default());
        let line = || {
            let (orders, mut waiting) = mpsc::channel(WAITING);
            let carrier = Carrier {
                client: client.clone(),
                wanted: wanted.clone(),
                mutes: mutes.clone(),
                closing: closing.clone(),
                behind: behind.clone(),
            };
            tokio::spawn(async move {
                while let Some(next) = waiting.recv().await {
                    match next {
                        InLine::Order(order) => carrier.carry_out(order).await,
                        // Nobody may be waiting any more.
                        InLine::Mark(done) => drop(done.send(())),
                    }
                }
            });
            orders
        };
        let lines = std::iter::repeat_with(line).take(LINES).collect();
        let plane = Arc::new(Self {
            client: client.clone(),
            closing,
            wanted,
            mutes,
            behind: behind.clone(),
            lines,
            is_alive: AtomicBool::new(true),
            is_silent: AtomicBool::new(false),
        });
        tokio::spawn(watch(client, Arc::downgrade(&plane)));
        tokio::spawn(make_up(behind, Arc::downgrade(&plane)));
        plane
    }

    fn line(&self, room: &RoomId) -> Option<&mpsc::Sender<InLine>> {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        self.lines.get(usize::try_from(hasher.finish() % LINES as u64).unwrap_or_default())
    }

    /// Puts in line what is no meeting's order. Whether it is there: one half of each line is kept for what meetings say.
    pub(crate) fn offer(&self, order: Order) -> bool {
        let line = self.line(order.room()).filter(|line| line.capacity() > WAITING / 2);
        line.is_some_and(|line| line.try_send(InLine::Order(order)).is_ok())
    }

    /// Puts what a meeting says in line. What it wants is known already, and is made up for if there is no space.
    fn order(&self, order: Order) {
        let room = order.room().clone();
        if self.line(&room).is_none_or(|line| line.try_send(InLine::Order(order)).is_err()) {
            warn!(room.id = %room, "the media server is too slow: an order is made up for later");
            self.behind.note(&room);
        }
    }

    /// How many rooms are seen to at a time. A server that is silent is not asked for all of them.
    fn most_seen_to(&self) -> usize {
        if self.is_silent.load(Ordering::Relaxed) { 1 } else { usize::MAX }
    }

    /// Sees to the rooms that are due. When the next one is.
    fn see_to_due(&self) -> Option<Instant> {
        for room in self.behind.take_due(self.most_seen_to()) {
            if !self.offer(Order::CatchUp { room: room.clone() }) {
                self.behind.failed(&room);
            }
        }
        self.behind.next_due(self.most_seen_to())
    }

    /// Waits for the room to be closed, if it is to be; afterwards only those who were there before are to go. Whether none of
    /// them is left.
    pub(crate) async fn settle_within(&self, room: &RoomId, patience: Duration) -> bool {
        self.behind.hurry(room);
        if timeout(patience, self.closing.settled(room)).await.is_err() {
            self.closing.withdraw(room);
        }
        self.closing.find(room).is_none()
    }

    /// Somebody and their native twin, those of them who are there.
    ///
    /// # Errors
    /// The server does not say.
    async fn with_twin(&self, room: &RoomId, who: &Identity) -> Result<Vec<lk::ParticipantInfo>, Refusal> {
        let mut there = Vec::new();
        for one in [who.clone()].into_iter().chain(who.twin()) {
            let answer = self.client.call("GetParticipant", admin(room), &participant_of(room, &one)).await;
            match answer {
                Ok(found) => there.push(lk::ParticipantInfo { identity: one.to_string(), ..found }),
                Err(Refusal::NotFound(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(there)
    }

    fn mute_later(&self, room: &RoomId, mute: Mute) -> MuteError {
        info!(room.id = %room, "the media server did not mute a track, which is made up for if it can be soon");
        count_lost(self.mutes.note(room, mute));
        self.behind.note(room);
        MuteError::Unanswered
    }
}

impl Drop for LiveKit {
    fn drop(&mut self) {
        self.behind.changed.notify_one();
    }
}

/// Asks again and again whether the server is there, for as long as somebody wants to know.
async fn watch(client: Client, plane: Weak<LiveKit>) {
    let mut silent = 0;
    loop {
        tokio::time::sleep(PULSE).await;
        let answered = client.ping().await;
        let Some(plane) = plane.upgrade() else { return };
        silent = if answered.is_ok() { 0 } else { silent + 1 };
        if plane.is_silent.swap(silent > 0, Ordering::Relaxed) && silent == 0 {
            plane.behind.hurry_all();
        }
        let was_alive = plane.is_alive.swap(silent < SILENT, Ordering::Relaxed);
        match answered {
            Err(reason) if was_alive && silent >= SILENT => warn!(%reason, "the media server is gone"),
            Ok(()) if !was_alive => info!("the media server is back"),
            Ok(()) | Err(_) => {}
        }
    }
}

/// Sees to rooms that are behind, for as long as there is a plane.
async fn make_up(behind: Arc<Behind>, plane: Weak<LiveKit>) {
    loop {
        let Some(due) = plane.upgrade().map(|plane| plane.see_to_due()) else { return };
        match due {
            Some(due) => drop(timeout_at(due, behind.changed.notified()).await),
            None => behind.changed.notified().await,
        }
    }
}

#[async_trait]
impl MediaPlane for LiveKit {
    /// Nobody comes in here: tokens name the other server.
    async fn connect(&self, _: MediaJoin) -> Result<SignalLink, ConnectError> {
        Err(ConnectError::Unavailable)
    }

    fn set_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        let twin = self.wanted.give(room, who, permission);
        for (who, permission) in [(who.clone(), permission)].into_iter().chain(twin) {
            self.order(Order::Permission { room: room.clone(), who, permission });
        }
    }

    fn note_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.wanted.give(room, who, permission);
    }

    fn remove(&self, room: &RoomId, who: &Identity, why: RemoveReason) {
        match why {
            RemoveReason::Removed | RemoveReason::Left => {
                let at = unix_seconds();
                let twin = self.wanted.left(room, who, at);
                count_lost(self.wanted.bound_out(room));
                for who in [who.clone()].into_iter().chain(twin) {
                    self.order(Order::Remove { room: room.clone(), who, at });
                }
            }
            // The server puts the old session out when the new one joins; by identity the two are the same to it.
            RemoveReason::Duplicate => {}
        }
    }

    fn close_room(&self, room: &RoomId) {
        self.wanted.forget(room);
        self.mutes.forget(room);
        if let Some(lost) = self.closing.close(room, unix_seconds()) {
            warn!(room.id = %lost, "too many rooms wait to be closed: this one will not be");
            count_lost(1);
        }
        self.order(Order::Close { room: room.clone() });
    }

    async fn settle(&self, room: &RoomId) -> bool {
        self.settle_within(room, SETTLING).await
    }

    fn restore(&self, room: &RoomId, people: Vec<RestoredPerson>) {
        self.wanted.restore(room, people);
        self.behind.note_unknown(room);
    }

    fn restore_end(&self, room: &RoomId, at: i64) {
        if let Some(lost) = self.closing.clear(room, at) {
            warn!(room.id = %lost, "too many rooms wait to be closed: this one will not be");
            count_lost(1);
        }
        self.behind.note_unknown(room);
    }

    fn word(&self, room: &RoomId, who: &Identity) -> Option<ParticipantChange> {
        self.wanted.word(room, who)
    }

    /// What does not reach the server is made up for, within a minute.
    async fn mute(&self, room: &RoomId, who: &Identity, track: TrackChoice, muted: bool) -> Result<(), MuteError> {
        let mute = Mute::new(who.clone(), track);
        let there = match self.with_twin(room, who).await {
            Ok(there) => there,
            Err(refusal) if muted && refusal.may_pass() => return Err(self.mute_later(room, mute)),
            Err(_) => Vec::new(),
        };
        if there.is_empty() {
            return Err(MuteError::NoParticipant);
        }
        let found: Vec<_> =
            there.iter().flat_map(|one| mute.find_tracks(one).into_iter().map(move |track| (one, track))).collect();
        if found.is_empty() {
            return Err(MuteError::NoTrack);
        }
        if !muted {
            let is_off = found.iter().any(|(_, track)| track.muted);
            return if is_off { Err(MuteError::UnmuteRefused) } else { Ok(()) };
        }
        let mut done = Ok(());
        for (one, track) in found.into_iter().filter(|(_, track)| !track.muted) {
            done = done.and(match mute_track(&self.client, room, one, track).await {
                Ok(()) => Ok(()),
                Err(Refusal::NotFound(_)) => Err(MuteError::NoTrack),
                Err(error) if error.may_pass() => Err(self.mute_later(room, mute.of_sid(&track.sid))),
                Err(error) => {
                    warn!(room.id = %room, %error, "the media server did not mute a track");
                    Err(MuteError::NoTrack)
                }
            });
        }
        done
    }

    async fn participants(&self, room: &RoomId) -> Vec<Bytes> {
        let request = lk::ListParticipantsRequest { room: room.to_string() };
        let answer = self.client.call::<lk::ListParticipantsResponse>("ListParticipants", admin(room), &request).await;
        let list = match answer {
            Ok(answer) => answer.participants,
            Err(error) => {
                warn!(room.id = %room, %error, "the media server does not say who is connected");
                return Vec::new();
            }
        };
        let is_hidden = |one: &lk::ParticipantInfo| one.permission.as_ref().is_some_and(|rights| rights.hidden);
        list.iter().filter(|one| !is_hidden(one)).map(|one| one.encode_to_vec().into()).collect()
    }

    fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Relaxed)
    }

    /// The other server goes on.
    async fn drain(&self) {}

    async fn finish(&self) {
        let marks = self.lines.iter().map(|line| async {
            let (done, is_done) = oneshot::channel();
            if line.send(InLine::Mark(done)).await.is_ok() {
                let _ = is_done.await;
            }
        });
        if timeout(FINISHING, join_all(marks)).await.is_err() {
            info!("the media server did not take every order in time; the next process makes up for it");
        }
    }
}
