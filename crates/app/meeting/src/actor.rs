//! The task that owns one room: takes letters, lets the room decide, commits, and only then tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{MediaPlane, RemoveReason};
use ports::store::{Records, State, StateWrite};
use room::{
    Admission, AdmitRefusal, Authorization, AuthorizeRefusal, Claim, ClientSubject, ConnId, EndReason, Guests, Moment,
    Output, Room, RoomView, Ticket, WaitingRefusal,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::sleep_until;
use tracing::{debug, error, info, warn};
use wire::token::JoinClaims;

use crate::inbox;
use crate::socket::{self, Down, Inlet, Outlet};
use crate::tokens::{Credentials, MediaPass, RENEWAL_GRACE, claims_for};

/// Letters that wait for one room. A sender beyond that waits, which slows that room's sockets down and nobody else.
const MAILBOX: usize = 1024;
/// Bytes of messages that wait for one room, in [`BUDGET_UNIT`]s; a sender beyond that waits as well.
const MAILBOX_BUDGET: usize = 64 * 1024;
/// What a message takes of the budget is counted in these, rounded up.
const BUDGET_UNIT: usize = 1024;
/// Letters handled before what they changed is committed together.
const BATCH: usize = 64;
/// Waits between attempts to commit while the store fails; after the last the meeting goes on in memory.
const COMMIT_RETRIES: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

/// What a room's task needs besides the room.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) media: Arc<dyn MediaPlane>,
    pub(crate) credentials: Arc<Credentials>,
}

/// A room's task, from outside.
#[derive(Clone, Debug)]
pub(crate) struct RoomHandle {
    id: Arc<RoomId>,
    session: Arc<SessionId>,
    mailbox: mpsc::Sender<Letter>,
    budget: Arc<Semaphore>,
    over: watch::Receiver<bool>,
}

/// What comes from a socket.
#[derive(Debug)]
pub(crate) enum FromSocket {
    /// With the receipt to give back when it is safe.
    Worker(Bytes, u64, OwnedSemaphorePermit),
    Publish(ClientSubject, Bytes, OwnedSemaphorePermit),
    Oversized(ClientSubject),
    Credit(u32),
    Ack(u64),
    Nak(u64, Option<Duration>),
    Working(u64),
    Closed,
}

/// A new socket, as the room's task needs it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) conn: ConnId,
    pub(crate) user: UserId,
    pub(crate) generation: Option<String>,
    /// The token ran out a while ago.
    pub(crate) expired: bool,
    /// Where the browser reaches this server, as a WebSocket URL without a path.
    pub(crate) origin: String,
    pub(crate) reply: oneshot::Sender<Result<(bool, Inlet), AuthorizeRefusal>>,
}

/// What the gateway needs to let somebody into the media room.
#[derive(Debug, Clone)]
pub(crate) struct MediaEntry {
    pub(crate) permission: MediaPermission,
    pub(crate) name: String,
}

/// Whether browsers make their own key, if frames are encrypted at all.
pub(crate) type SelfInsertedKey = Option<bool>;

/// Everything a room can be asked.
#[derive(Debug)]
pub(crate) enum Letter {
    View(oneshot::Sender<RoomView>),
    Admit(Box<Ticket>, oneshot::Sender<Result<Admission, AdmitRefusal>>),
    Authorize(UserId, Option<String>, oneshot::Sender<Result<Authorization, AuthorizeRefusal>>),
    VerifyJoin(UserId, Option<String>, oneshot::Sender<Result<SelfInsertedKey, AuthorizeRefusal>>),
    MayEnd(UserId, oneshot::Sender<bool>),
    EnterMedia(UserId, Option<String>, oneshot::Sender<Result<MediaEntry, AuthorizeRefusal>>),
    Extra(String, oneshot::Sender<Option<String>>),
    Open(Box<Opening>),
    Socket(ConnId, FromSocket),
    End(EndReason, oneshot::Sender<()>),
    LetIn(UserId, Guests, oneshot::Sender<Result<(), WaitingRefusal>>),
    SetWaitingText(UserId, String, oneshot::Sender<Result<(), WaitingRefusal>>),
}

impl RoomHandle {
    pub(crate) fn id(&self) -> &RoomId {
        &self.id
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    pub(crate) async fn send(&self, letter: Letter) {
        // A closed mailbox means that the room is over; whoever asked learns it from the missing answer.
        let _ = self.mailbox.send(letter).await;
    }

    /// Room in the mailbox for a message of this length; given back when the message was handled.
    pub(crate) async fn reserve(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        let units = length.div_ceil(BUDGET_UNIT).clamp(1, MAILBOX_BUDGET);
        self.budget.clone().acquire_many_owned(u32::try_from(units).ok()?).await.ok()
    }

    /// Asks and waits; `None` if the room is over.
    pub(crate) async fn ask<T>(&self, letter: impl FnOnce(oneshot::Sender<T>) -> Letter) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(letter(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Waits until the session is recorded as ended.
    pub(crate) async fn wait_until_over(&self) {
        let mut over = self.over.clone();
        // An error means that the task is gone, which is over as well.
        let _ = over.wait_for(|over| *over).await;
    }
}

/// The present on both clocks.
pub(crate) fn now() -> Moment {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Moment { at: Instant::now(), unix_ms: i64::try_from(unix_ms).unwrap_or(i64::MAX) }
}

/// Starts the task of a room. `done` runs when the session is recorded as ended.
pub(crate) fn spawn(id: RoomId, room: Room, around: Surroundings, done: impl FnOnce() + Send + 'static) -> RoomHandle {
    let (mailbox, letters) = mpsc::channel(MAILBOX);
    let (over_tx, over) = watch::channel(false);
    let handle = RoomHandle {
        id: Arc::new(id.clone()),
        session: Arc::new(room.session().clone()),
        mailbox,
        budget: Arc::new(Semaphore::new(MAILBOX_BUDGET)),
        over,
    };
    let actor = Actor { id, session: room.session().clone(), room, around, sockets: HashMap::new() };
    tokio::spawn(async move {
        actor.run(letters).await;
        done();
        // Nobody may be waiting.
        let _ = over_tx.send(true);
    });
    handle
}

struct Socket {
    down: Outlet,
    user: UserId,
    origin: String,
}

struct Actor {
    id: RoomId,
    session: SessionId,
    room: Room,
    around: Surroundings,
    sockets: HashMap<ConnId, Socket>,
}

/// An answer that waits until what it announces is journalled.
type Answer = Box<dyn FnOnce() + Send>;

fn answer<T: Send + 'static>(reply: oneshot::Sender<T>, value: T) -> Option<Answer> {
    Some(Box::new(move || {
        // The asker may have gone away; the room's answer stands regardless.
        let _ = reply.send(value);
    }))
}

impl Actor {
    async fn run(mut self, mut letters: mpsc::Receiver<Letter>) {
        info!(room.id = %self.id, session.id = %self.session, "room is open");
        let mut answers = Vec::new();
        loop {
            if let Some(why) = self.settle(&mut answers).await {
                self.retire(why).await;
                return;
            }
            let due = self.room.poll_timeout();
            let wake = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                letter = letters.recv() => {
                    let Some(letter) = letter else { return };
                    answers.extend(self.handle(letter));
                    for _ in 1..BATCH {
                        let Ok(letter) = letters.try_recv() else { break };
                        answers.extend(self.handle(letter));
                    }
                }
                () = wake => {}
            }
            self.room.handle_timeout(now());
        }
    }

    fn handle(&mut self, letter: Letter) -> Option<Answer> {
        let now = now();
        match letter {
            Letter::View(reply) => answer(reply, self.room.view()),
            Letter::Admit(ticket, reply) => answer(reply, self.room.admit(now, *ticket)),
            Letter::Authorize(user, generation, reply) => {
                answer(reply, self.room.authorize(&user, generation.as_deref()))
            }
            Letter::VerifyJoin(user, generation, reply) => {
                let verified = self.room.verify_join(&user, generation.as_deref());
                answer(reply, verified.map(|()| self.room.self_inserted_key()))
            }
            Letter::MayEnd(user, reply) => answer(reply, self.room.may_end(&user).is_ok()),
            Letter::EnterMedia(user, generation, reply) => {
                answer(reply, self.enter_media(&user, generation.as_deref()))
            }
            Letter::Extra(key, reply) => answer(reply, self.room.extra(&key).map(str::to_owned)),
            Letter::Open(opening) => self.open(now, *opening),
            Letter::Socket(conn, what) => self.handle_socket(now, conn, what),
            Letter::End(why, reply) => {
                self.room.end(now, why);
                answer(reply, ())
            }
            Letter::LetIn(by, guests, reply) => answer(reply, self.room.let_in(now, &by, &guests)),
            Letter::SetWaitingText(by, text, reply) => answer(reply, self.room.set_waiting_text(now, &by, &text)),
        }
    }

    fn enter_media(&self, user: &UserId, generation: Option<&str>) -> Result<MediaEntry, AuthorizeRefusal> {
        self.room.authorize_media(user, generation)?;
        let permission = self.room.media_permission(user).ok_or(AuthorizeRefusal::Unknown)?;
        let name = self.room.identity_of(user).map(|person| person.name.to_owned()).unwrap_or_default();
        Ok(MediaEntry { permission, name })
    }

    fn open(&mut self, now: Moment, opening: Opening) -> Option<Answer> {
        let Opening { conn, user, generation, expired, origin, reply } = opening;
        let claim = Claim { user: &user, generation: generation.as_deref(), expired };
        match self.room.connect(now, conn, claim) {
            Ok(connected) => {
                let (down, inlet) = socket::queue();
                self.sockets.insert(conn, Socket { down, user: user.clone(), origin });
                if expired {
                    // Its browser would be refused by the API until its next renewal.
                    self.send_fresh_token(now, &user);
                }
                answer(reply, Ok((connected.admitted, inlet)))
            }
            Err(refusal) => answer(reply, Err(refusal.0)),
        }
    }

    fn handle_socket(&mut self, now: Moment, conn: ConnId, what: FromSocket) -> Option<Answer> {
        match what {
            FromSocket::Worker(payload, receipt, _budget) => {
                match inbox::decode(&payload) {
                    Some(request) => self.room.request(now, conn, request),
                    None => metrics::counter!("plenum_requests_ignored_total").increment(1),
                }
                let socket = self.sockets.get(&conn)?;
                return Some(Box::new(socket.down.when_taken(receipt)));
            }
            FromSocket::Publish(subject, payload, _budget) => self.room.publish(now, conn, subject, payload),
            FromSocket::Oversized(subject) => self.room.oversized(now, conn, subject),
            FromSocket::Credit(available) => self.room.set_credit(now, conn, available),
            FromSocket::Ack(seq) => self.room.acknowledge(now, conn, seq),
            FromSocket::Nak(seq, delay) => {
                if !self.room.refuse(now, conn, seq, delay) {
                    warn!(room.id = %self.id, "a client refused a message for the last time");
                }
            }
            FromSocket::Working(seq) => self.room.working(now, conn, seq),
            FromSocket::Closed => {
                self.sockets.remove(&conn);
                self.room.disconnect(now, conn);
            }
        }
        None
    }

    /// Commits what changed, then carries out everything else, until the room has nothing more to say. Only then is
    /// anybody answered: carrying out one thing may change the next.
    async fn settle(&mut self, answers: &mut Vec<Answer>) -> Option<EndReason> {
        loop {
            let mut writes = Vec::new();
            let mut outputs = Vec::new();
            while let Some(output) = self.room.poll_output() {
                match output {
                    Output::Store(entry) => writes.push(StateWrite { key: entry.key, value: entry.value }),
                    other => outputs.push(other),
                }
            }
            let nothing_happened = writes.is_empty() && outputs.is_empty();
            if !writes.is_empty() {
                self.commit(writes).await;
            }
            for output in outputs {
                if let Some(why) = self.carry_out(output).await {
                    answers.drain(..).for_each(|answer| answer());
                    return Some(why);
                }
            }
            if nothing_happened {
                answers.drain(..).for_each(|answer| answer());
                return None;
            }
        }
    }

    async fn commit(&self, writes: Vec<StateWrite>) {
        let mut waits = COMMIT_RETRIES.into_iter();
        loop {
            let Err(failure) = self.around.state.commit(&self.session, writes.clone()).await else { return };
            match waits.next() {
                Some(wait) => {
                    warn!(room.id = %self.id, error = %failure, "the journal could not be written, trying again");
                    tokio::time::sleep(wait).await;
                }
                None => {
                    error!(room.id = %self.id, error = %failure, "the journal cannot be written; this meeting would not survive a restart");
                    metrics::counter!("plenum_journal_failures_total").increment(1);
                    return;
                }
            }
        }
    }

    async fn carry_out(&mut self, output: Output) -> Option<EndReason> {
        match output {
            Output::Store(_) => {}
            Output::Deliver { to, delivery } => self.send_down(to, Down::Deliver(delivery)),
            Output::Forward { to, message } => {
                for conn in to {
                    self.send_down(conn, Down::Forward(message.clone()));
                }
            }
            Output::Hangup { conn, farewell } => {
                if let Some(socket) = self.sockets.remove(&conn) {
                    // A full queue means that the socket does not read; it is dropped either way.
                    let _ = socket.down.send(Down::Hangup(farewell));
                }
                self.room.disconnect(now(), conn);
            }
            Output::Admit { conn } => self.send_down(conn, Down::Admitted(true)),
            Output::UpdateMediaRights { user } => {
                if let Some(permission) = self.room.media_permission(&user) {
                    self.around.media.set_permission(&self.id, &Identity::from(&user), permission);
                }
            }
            Output::MintMediaToken { user } => self.mint_media_token(&user),
            Output::RenewToken { user, token } => self.renew_token(&user, &token),
            Output::RemoveFromMedia { who, duplicate } => {
                let why = if duplicate { RemoveReason::Duplicate } else { RemoveReason::Left };
                self.around.media.remove(&self.id, &who, why);
            }
            Output::CloseMedia => self.around.media.close_room(&self.id),
            Output::SetJoined(count) => {
                if let Err(failure) = self.around.records.set_joined(&self.session, count).await {
                    warn!(room.id = %self.id, error = %failure, "the number of participants was not recorded");
                }
            }
            Output::Ended(why) => return Some(why),
        }
        None
    }

    fn send_down(&mut self, conn: ConnId, what: Down) {
        let Some(socket) = self.sockets.get(&conn) else { return };
        if socket.down.send(what).is_err() {
            debug!(room.id = %self.id, "a socket does not keep up and is closed");
            metrics::counter!("plenum_sockets_overflowed_total").increment(1);
            if let Some(socket) = self.sockets.remove(&conn) {
                socket.down.abandon();
            }
            self.room.disconnect(now(), conn);
        }
    }

    fn socket_of(&self, user: &UserId) -> Option<&Socket> {
        self.sockets.values().find(|socket| socket.user == *user)
    }

    fn mint_media_token(&mut self, user: &UserId) {
        let (Some(permission), Some(person), Some(socket)) =
            (self.room.media_permission(user), self.room.identity_of(user), self.socket_of(user))
        else {
            return;
        };
        let now = now();
        let identity = Identity::from(user);
        let pass = MediaPass {
            room: &self.id,
            session: &self.session,
            identity: &identity,
            generation: person.generation,
            name: person.name,
            permission,
        };
        let token = self.around.credentials.mint_media(&pass, now.unix_ms / 1000);
        let url = socket.origin.clone();
        self.room.send_media_token(now, user, url, token);
    }

    fn renew_token(&mut self, user: &UserId, token: &str) {
        let now = now();
        let seconds = now.unix_ms / 1000;
        let key = &self.around.credentials.api;
        let Ok(access) = wire::token::verify_join(key, token, seconds, RENEWAL_GRACE) else { return };
        if access.claims.user_id != user.as_str() || access.claims.room_id != self.id.as_str() {
            return;
        }
        let Some(person) = self.room.identity_of(user) else { return };
        // A token of another session or an older generation opens nothing, and does not become one that does (rule S1).
        let JoinClaims { generation, room_sid, .. } = &access.claims;
        let is_current = generation.as_deref().is_none_or(|generation| generation == person.generation)
            && room_sid.as_deref().is_none_or(|sid| sid == self.session.as_str());
        if is_current {
            self.send_fresh_token(now, user);
        }
    }

    fn send_fresh_token(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.room.identity_of(user) else { return };
        let claims = claims_for(&self.id, &self.session, user, &person);
        let renewed = self.around.credentials.mint_join(&claims, now.unix_ms / 1000);
        self.room.send_renewed_token(now, user, renewed);
    }

    /// Turns the journal into a record.
    async fn retire(self, why: EndReason) {
        let ended = now().unix_ms;
        if let Err(failure) = self.around.records.close_session(&self.session, ended).await {
            error!(room.id = %self.id, error = %failure, "the end of a session was not recorded");
        }
        if let Err(failure) = self.around.state.forget(&self.session).await {
            error!(room.id = %self.id, error = %failure, "the journal of an ended session was not removed");
        }
        info!(room.id = %self.id, session.id = %self.session, reason = ?why, "room is over");
    }
}
