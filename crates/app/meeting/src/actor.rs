//! The task that owns one room: takes letters, lets the room decide, commits, and only then tells.

mod handle;
mod letter;
mod mail;
mod passes;
mod rest;

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt;
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{MediaPlane, RemoveReason, TrackChoice};
use ports::outbox::{MAX_NOTICES, Notice};
use ports::store::{Records, State, StateWrite, StoreError};
use room::{AuthorizeRefusal, Claim, ConnId, EndReason, Moment, Output, Room};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use crate::breakouts::House;
use crate::courier::Webhooks;
use crate::inbox;
use crate::late::{Late, LateRecords};
use crate::relays::Relays;
use crate::seeing_out::SeeingOut;
use crate::socket::{self, Down, Outlet};
use crate::tokens::Credentials;
use crate::uploads::Uploads;

pub(crate) use handle::{Last, READ_PATIENCE, RoomHandle, Silence, Unread, WRITE_PATIENCE};
pub(crate) use letter::{Answer, FromSocket, Letter, MediaEntry, Opening, Unwritten};
use letter::{announcement, answer};
pub(crate) use mail::MEDIA_BACKLOG;
use mail::{MAILBOX, Mail};
use rest::Rest;

/// Letters handled before what they changed is committed together.
const BATCH: usize = 64;
/// Waits between attempts to commit while the store fails; after the last, whoever asked for a change is told so.
const COMMIT_RETRIES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];
/// Between attempts after that.
const COMMIT_PAUSE: Duration = Duration::from_secs(2);

/// What a room's task needs besides the room.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) media: Arc<dyn MediaPlane>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) webhooks: Webhooks,
    pub(crate) seeing_out: SeeingOut,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) relays: watch::Receiver<Relays>,
    pub(crate) house: House,
    pub(crate) late: LateRecords,
}

/// The present on both clocks.
pub(crate) fn now() -> Moment {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Moment { at: Instant::now().into_std(), unix_ms: i64::try_from(unix_ms).unwrap_or(i64::MAX) }
}

/// Starts the task of a room. `done` runs when its task is done: whether the session is over, which it is not when the
/// process stops.
pub(crate) fn spawn(
    id: RoomId,
    room: Room,
    around: Surroundings,
    done: impl FnOnce(bool) + Send + 'static,
) -> RoomHandle {
    let (slots, mut mail) = Mail::new();
    let (over_tx, over) = watch::channel(None);
    let handle = RoomHandle::new(id.clone(), &room, slots, over);
    let mut actor = Actor::new(id, room, around);
    tokio::spawn(async move {
        let ended = AssertUnwindSafe(actor.run(&mut mail)).catch_unwind().await;
        let late = matches!(ended, Ok(Some(_))).then(|| actor.begin_late_record(&mut mail)).flatten();
        // Whoever waits for an answer or at a socket learns now that none will come.
        drop(mail);
        let rest = actor.into_rest();
        let (last, is_over) = match ended {
            Ok(why) => {
                rest.retire(why, late).await;
                (Last::Ended, why.is_some())
            }
            Err(panic) => {
                rest.abandon(&words(panic)).await;
                (Last::Lost, true)
            }
        };
        done(is_over);
        // Nobody may be waiting.
        let _ = over_tx.send(Some(last));
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
    /// What the store has not taken, the last value of each key. It goes before anything else is said.
    unwritten: BTreeMap<String, Option<Bytes>>,
    /// What goes to other servers, written together with that.
    notices: Vec<Notice>,
    /// What waits for that.
    held: VecDeque<Output>,
    answers: Vec<Answer>,
    /// What sockets said meanwhile.
    deferred: VecDeque<Letter>,
    is_stopping: bool,
}

/// How far [`Actor::settle`] came.
enum Settled {
    /// The room has nothing more to say.
    Quiet,
    /// It is over.
    Over(EndReason),
    /// The journal could not be written.
    Stuck,
}

impl Actor {
    fn new(id: RoomId, room: Room, around: Surroundings) -> Self {
        Self {
            id,
            session: room.session().clone(),
            room,
            around,
            sockets: HashMap::new(),
            is_stopping: false,
            unwritten: BTreeMap::new(),
            notices: Vec::new(),
            held: VecDeque::new(),
            answers: Vec::new(),
            deferred: VecDeque::new(),
        }
    }

    fn into_rest(self) -> Rest {
        Rest { id: self.id, session: self.session, around: self.around }
    }

    /// If the media of a room that is over is still closing, what it tells from now on goes to the record of the session, and
    /// so does what the room did not read.
    fn begin_late_record(&mut self, mail: &mut Mail) -> Option<Late> {
        let late = self.around.late.begin(&self.session, self.room.take_late_figures()?);
        mail.close();
        let unread = std::mem::take(&mut self.deferred).into_iter().chain(std::iter::from_fn(|| mail.try_recv()));
        for letter in unread {
            self.around.late.tell(&self.session, letter);
        }
        Some(late)
    }

    /// The answer is why the meeting ended; `None` if nobody can ask for anything any more.
    async fn run(&mut self, mail: &mut Mail) -> Option<EndReason> {
        info!(room.id = %self.id, session.id = %self.session, "room is open");
        if self.room.hides_webcams() && self.around.credentials.media_server.is_some() {
            warn!(
                room.id = %self.id,
                "webcams are to be hidden from others (allow_view_other_webcams), and the LiveKit server that media runs on \
                 shows them to any client that asks"
            );
        }
        loop {
            match self.settle().await {
                Settled::Quiet => {}
                Settled::Over(why) => return Some(why),
                Settled::Stuck => {
                    self.wait_for_journal(mail).await?;
                    continue;
                }
            }
            if self.is_stopping {
                return None;
            }
            if self.deferred.is_empty() {
                self.next(mail).await?;
            } else {
                let deferred = std::mem::take(&mut self.deferred);
                deferred.into_iter().for_each(|letter| self.take(letter));
            }
            self.room.handle_timeout(now());
        }
    }

    /// Takes letters or lets time pass; `None` if nobody can write any more.
    async fn next(&mut self, mail: &mut Mail) -> Option<()> {
        let due = self.room.poll_timeout();
        let wake = async {
            match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            letter = mail.recv() => {
                self.take(letter?);
                for _ in 1..BATCH {
                    let Some(letter) = mail.try_recv() else { break };
                    self.take(letter);
                }
            }
            () = wake => {}
        }
        Some(())
    }

    fn take(&mut self, letter: Letter) {
        let answer = self.handle(letter);
        self.answers.extend(answer);
    }

    /// Until the journal can be written nothing changes and nobody is told anything new: changes are refused, what
    /// sockets say waits, and questions about what was so before are answered. `None` if nobody can write any more.
    async fn wait_for_journal(&mut self, mail: &mut Mail) -> Option<()> {
        metrics::counter!("plenum_journal_failures_total").increment(1);
        let mut due = Instant::now() + COMMIT_PAUSE;
        loop {
            tokio::select! {
                // When too much waits, the mailbox fills and whoever writes has to wait as well.
                letter = mail.recv(), if self.deferred.len() < MAILBOX => {
                    self.put_off(letter?);
                    if self.is_stopping {
                        return None;
                    }
                }
                () = sleep_until(due) => match self.write().await {
                    Ok(()) => {
                        info!(room.id = %self.id, "the journal is written again");
                        return Some(());
                    }
                    Err(failure) => {
                        error!(room.id = %self.id, error = %failure, "the journal cannot be written, the meeting waits");
                        due = Instant::now() + COMMIT_PAUSE;
                    }
                }
            }
        }
    }

    fn put_off(&mut self, letter: Letter) {
        match letter {
            // Nobody may be waiting any more, here and below.
            Letter::View(reply) => drop(reply.send(Err(Unwritten))),
            Letter::Admit(_, reply) => drop(reply.send(Err(Unwritten))),
            Letter::End(_, reply) => drop(reply.send(Err(Unwritten))),
            Letter::LetIn(.., reply) | Letter::SetWaitingText(.., reply) => drop(reply.send(Err(Unwritten))),
            Letter::Moderate(.., reply) => drop(reply.send(Err(Unwritten))),
            Letter::Blocked(_, reply) => drop(reply.send(Err(Unwritten))),
            Letter::Open(_) | Letter::Socket(..) | Letter::OnMedia(_) | Letter::MediaRoom(_) => {
                self.deferred.push_back(letter);
            }
            Letter::Change(change) => change.refuse(),
            Letter::Stop => self.is_stopping = true,
            Letter::Authorize(..)
            | Letter::VerifyJoin(..)
            | Letter::MayEnd(..)
            | Letter::EnterMedia(..)
            | Letter::MayMute(..)
            | Letter::HasListeners(..)
            | Letter::Extra(..)
            | Letter::Question(_) => {
                if let Some(answer) = self.handle(letter) {
                    (answer.give)(Ok(()));
                }
            }
        }
    }

    fn handle(&mut self, letter: Letter) -> Option<Answer> {
        let now = now();
        match letter {
            Letter::View(reply) => announcement(reply, self.room.view()),
            Letter::Admit(ticket, reply) => announcement(reply, self.room.admit(now, *ticket)),
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
            Letter::OnMedia(step) => {
                self.room.on_media(now, *step);
                None
            }
            Letter::MediaRoom(is_open) => {
                self.room.note_media(is_open);
                None
            }
            Letter::End(why, reply) => {
                self.room.end(now, why);
                announcement(reply, ())
            }
            Letter::Stop => {
                self.room.settle_up();
                self.is_stopping = true;
                None
            }
            Letter::Question(question) => {
                question.put(&self.room);
                None
            }
            Letter::Change(change) => Some(change.carry_out(&mut self.room, now)),
            Letter::LetIn(by, guests, reply) => announcement(reply, self.room.let_in(now, &by, &guests)),
            Letter::SetWaitingText(by, text, reply) => announcement(reply, self.room.set_waiting_text(now, &by, &text)),
            Letter::Moderate(by, what, reply) => announcement(reply, self.room.moderate(now, &by, *what)),
            Letter::MayMute(by, user, reply) => answer(reply, self.room.may_mute(&by, &user)),
            Letter::HasListeners(by, reply) => answer(reply, self.room.has_listeners_of(&by)),
            Letter::Blocked(by, reply) => announcement(reply, self.room.blocked(&by)),
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
                let give = Box::new(move |_| drop(reply.send(Ok((connected.admitted, inlet)))));
                Some(Answer { give, waits: true })
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
                let taken = socket.down.when_taken(receipt);
                return Some(Answer { give: Box::new(move |_| taken()), waits: true });
            }
            FromSocket::Report(payload, _budget) => match inbox::decode_report(&payload) {
                Some(report) => self.room.report(now, conn, report),
                None => metrics::counter!("plenum_requests_ignored_total").increment(1),
            },
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
    async fn settle(&mut self) -> Settled {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.room.poll_output() {
                is_quiet = false;
                match output {
                    Output::Store(entry) => drop(self.unwritten.insert(entry.key, entry.value)),
                    Output::Notify(notification) => {
                        let of_room = self.room.webhook_url();
                        let notices = self.around.webhooks.notices(&self.id, &self.session, of_room, &notification);
                        self.notices.extend(notices);
                    }
                    other => self.held.push_back(other),
                }
            }
            if self.commit().await.is_err() {
                let (waiting, refused) = std::mem::take(&mut self.answers).into_iter().partition(|answer| answer.waits);
                self.answers = waiting;
                give(refused, Err(Unwritten));
                return Settled::Stuck;
            }
            while let Some(output) = self.held.pop_front() {
                if let Some(why) = self.carry_out(output).await {
                    give(self.answers.drain(..), Ok(()));
                    return Settled::Over(why);
                }
            }
            if is_quiet {
                give(self.answers.drain(..), Ok(()));
                return Settled::Quiet;
            }
        }
    }

    async fn commit(&mut self) -> Result<(), Unwritten> {
        for wait in COMMIT_RETRIES {
            let Err(failure) = self.write().await else { return Ok(()) };
            warn!(room.id = %self.id, error = %failure, "the journal could not be written, trying again");
            tokio::time::sleep(wait).await;
        }
        self.write().await.map_err(|failure| {
            error!(room.id = %self.id, error = %failure, "the journal cannot be written, the meeting waits");
            Unwritten
        })
    }

    /// One attempt to write everything that is not written.
    async fn write(&mut self) -> Result<(), StoreError> {
        while !self.unwritten.is_empty() || !self.notices.is_empty() {
            let writes =
                self.unwritten.iter().map(|(key, value)| StateWrite { key: key.clone(), value: value.clone() });
            let now = self.notices.len().min(MAX_NOTICES);
            if now == 0 {
                self.around.state.commit(&self.session, writes.collect()).await?;
            } else {
                let notices = self.notices[..now].to_vec();
                self.around.state.commit_with(&self.session, writes.collect(), notices).await?;
                self.notices.drain(..now);
                self.around.webhooks.news.notify_one();
            }
            self.unwritten.clear();
        }
        Ok(())
    }

    async fn carry_out(&mut self, output: Output) -> Option<EndReason> {
        match output {
            // Both are written before anything is carried out.
            Output::Store(_) | Output::Notify(_) => {}
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
                // Locks of those who are gone are for when they come back; until then they are out.
                if let Some(permission) = self.room.media_permission(&user).filter(|_| !self.room.is_gone(&user)) {
                    self.around.media.set_permission(&self.id, &Identity::from(&user), permission);
                }
            }
            Output::MintMediaToken { user } => self.mint_media_token(&user),
            Output::RenewToken { user, token } => self.renew_token(&user, &token),
            Output::RemoveFromMedia { who, duplicate } => {
                let why = if duplicate { RemoveReason::Duplicate } else { RemoveReason::Left };
                self.around.media.remove(&self.id, &who, why);
            }
            Output::EndRooms(rooms) => self.around.house.end(&self.id, rooms),
            Output::SendOutElsewhere { user, by, block } => self.around.house.send_out(&self.id, user, by, block),
            Output::Mute { who } => self.mute(who),
            Output::Unpublish { user, sources } => {
                // Without the right the track is taken away; with it, its owner may start another.
                if let Some(all) = self.room.media_permission(&user) {
                    let publish = sources.iter().fold(all.publish, Sources::without);
                    let who = Identity::from(&user);
                    self.around.media.set_permission(&self.id, &who, MediaPermission { publish, ..all });
                    self.around.media.set_permission(&self.id, &who, all);
                }
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

    /// The room does not wait for the media plane.
    fn mute(&self, who: Identity) {
        let (media, room) = (self.around.media.clone(), self.id.clone());
        tokio::spawn(async move {
            // Somebody without a microphone is silent as well.
            let _ = media.mute(&room, &who, TrackChoice::Source(Source::Microphone), true).await;
        });
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
}

fn give(answers: impl IntoIterator<Item = Answer>, written: Result<(), Unwritten>) {
    answers.into_iter().for_each(|answer| (answer.give)(written));
}

/// What a panic said.
fn words(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("no text").to_owned()
}
