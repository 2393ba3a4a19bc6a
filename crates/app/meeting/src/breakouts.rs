//! What goes between a main room and its breakout rooms. The main room's list decides; a breakout room that is not on it
//! does not go on.

use std::sync::Weak;
use std::time::Duration;

use futures_util::future::join_all;
use model::{RoomId, UserId};
use room::{AdmitRefusal, BreakoutPlan, BreakoutRefusal, PersonIdentity};
use tracing::warn;
use uuid::Uuid;
use wire::pnm;

use crate::actor::{Letter, RoomHandle, Silence};
use crate::meetings::{Access, Inner, Meetings};
use crate::tokens::claims_for;

/// Why breakout rooms stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakoutError {
    /// There is no such meeting, or it is over.
    #[error("notifications.room-not-active")]
    NoRoom,
    /// The journal could not be written.
    #[error("the meeting cannot be changed now")]
    Failed,
    /// Not one room could be made. The text is the reference's.
    #[error("breakout room creation wasn't successful for any room")]
    NoneMade,
    /// The main room, or the breakout room, said no.
    #[error(transparent)]
    Refused(#[from] BreakoutRefusal),
    /// The breakout room does not let them in.
    #[error(transparent)]
    NotAdmitted(#[from] AdmitRefusal),
}

impl From<Silence> for BreakoutError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NoRoom,
            Silence::Stuck => Self::Failed,
        }
    }
}

/// From a room's task back to all rooms; does not keep them alive.
#[derive(Clone)]
pub(crate) struct House(pub(crate) Weak<Inner>);

impl House {
    /// Whoever was sent out of one room leaves those that belong together with it.
    pub(crate) fn send_out(&self, room: &RoomId, user: UserId, by: UserId, block: bool) {
        let Some(inner) = self.0.upgrade() else { return };
        let (meetings, room) = (Meetings(inner), room.clone());
        tokio::spawn(async move { meetings.send_out_elsewhere(&room, user, by, block).await });
    }

    /// Ends these rooms, if they are `main`'s breakout rooms.
    pub(crate) fn end(&self, main: &RoomId, rooms: Vec<RoomId>) {
        let Some(inner) = self.0.upgrade() else { return };
        let meetings = Meetings(inner);
        for room in rooms {
            if meetings.breakout(main, &room).is_some() {
                meetings.end_in_background(room);
            }
        }
    }
}

/// Applies defaults and limits to the request for a breakout room (`wire::create::settle`).
pub type Settle = Box<dyn Fn(&mut pnm::CreateRoomReq) + Send + Sync>;

impl Meetings {
    /// Creates breakout rooms and invites people to them. Once the work has begun it is carried through.
    ///
    /// # Errors
    /// When not one was made.
    pub async fn create_breakouts(
        &self,
        access: &Access,
        wish: pnm::CreateBreakoutRoomsReq,
        settle: Settle,
    ) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let meetings = self.clone();
        let work = async move { meetings.make_breakouts(main, by, wish, settle).await };
        match tokio::spawn(work).await {
            Ok(done) => done,
            Err(broken) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            // The process stops.
            Err(_) => Err(BreakoutError::Failed),
        }
    }

    async fn make_breakouts(
        &self,
        main: RoomHandle,
        by: UserId,
        wish: pnm::CreateBreakoutRoomsReq,
        settle: Settle,
    ) -> Result<(), BreakoutError> {
        let planner = by.clone();
        let plans = main.write(move |room, now| room.plan_breakouts(now, &planner, &wish)).await??;
        let made: Vec<BreakoutPlan> = join_all(plans.into_iter().map(|plan| self.make_breakout(plan, &settle)))
            .await
            .into_iter()
            .flatten()
            .collect();
        if made.is_empty() {
            return Err(BreakoutError::NoneMade);
        }
        let rooms: Vec<RoomId> = made.iter().map(|plan| plan.room.clone()).collect();
        let opened = main.write(move |room, now| room.open_breakouts(now, &by, made)).await;
        let failure = match opened {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(refusal)) => refusal.into(),
            Err(silence) => silence.into(),
        };
        rooms.into_iter().for_each(|room| self.end_in_background(room));
        Err(failure)
    }

    async fn make_breakout(&self, plan: BreakoutPlan, settle: &Settle) -> Option<BreakoutPlan> {
        let mut request = pnm::CreateRoomReq {
            room_id: plan.room.to_string(),
            metadata: Some(plan.metadata.clone()),
            ..pnm::CreateRoomReq::default()
        };
        settle(&mut request);
        match self.create_fresh(plan.room.clone(), request).await {
            Ok(()) => Some(plan),
            Err(failure) => {
                warn!(room.id = %plan.room, %failure, "a breakout room was not made");
                None
            }
        }
    }

    /// A token for a breakout room; or for the main room, for somebody in a breakout room.
    ///
    /// # Errors
    /// When there is none for them.
    pub async fn join_breakout(&self, access: &Access, room: &str) -> Result<String, BreakoutError> {
        let main = self.main_of(access)?;
        let wanted = RoomId::try_from(room).map_err(|_| BreakoutRefusal::NotFound)?;
        let user = access.user.clone();
        if wanted == *main.id() && access.room != wanted {
            return self.way_back(&main, user).await;
        }
        let breakout = self.breakout(main.id(), &wanted);
        if let Some(breakout) = &breakout {
            let asked = user.clone();
            if breakout.write(move |room, _| room.is_inside(&asked)).await? {
                return Err(BreakoutRefusal::AlreadyJoined.into());
            }
        }
        let generation = Uuid::new_v4().to_string();
        let ticket = main.write(move |room, _| room.breakout_ticket(&user, &wanted, generation)).await??;
        let breakout = breakout.ok_or(BreakoutRefusal::NotFound)?;
        let asked = UserId::try_from(ticket.user_id.as_str()).map_err(|_| BreakoutRefusal::NotFound)?;
        let (name, is_admin, is_hidden, client_type) =
            (ticket.name.clone(), ticket.is_admin, ticket.is_hidden, ticket.client_type);
        let admission = breakout.change(|reply| Letter::Admit(Box::new(ticket), reply)).await??;
        // Whoever is sent out of the main room from now on is sent out of the breakout room as well.
        if main.read(move |room| room.is_sent_out(&asked)).await? {
            let (by, user) = (admission.user_id.clone(), admission.user_id);
            breakout.write(move |room, now| room.send_out(now, &by, &user, false)).await?;
            return Err(BreakoutRefusal::Stranger.into());
        }
        let person =
            PersonIdentity { name: &name, generation: &admission.generation, is_admin, is_hidden, client_type };
        let claims = claims_for(breakout.id(), breakout.session(), &admission.user_id, &person);
        Ok(self.mint(&claims))
    }

    /// A fresh token of the generation that somebody has in the main room; it ends no session of theirs.
    async fn way_back(&self, main: &RoomHandle, user: UserId) -> Result<String, BreakoutError> {
        let (id, session) = (main.id().clone(), main.session().clone());
        let claims = main.write(move |room, _| {
            let is_open = room.phase().is_open();
            room.identity_of(&user).filter(|_| is_open).map(|person| claims_for(&id, &session, &user, &person))
        });
        Ok(self.mint(&claims.await?.ok_or(BreakoutRefusal::Stranger)?))
    }

    /// The breakout rooms that somebody may see.
    ///
    /// # Errors
    /// When there are none.
    pub async fn breakouts(&self, access: &Access) -> Result<Vec<pnm::BreakoutRoom>, BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let (listed, is_host) = main
            .write(move |room, _| {
                let listed = room.list_breakouts(&by)?;
                Ok::<_, BreakoutRefusal>((listed, room.managed_breakouts(&by).is_ok()))
            })
            .await??;
        Ok(join_all(listed.into_iter().map(|(id, shown)| self.live(&main, id, shown, is_host))).await)
    }

    /// The breakout room that somebody belongs to.
    ///
    /// # Errors
    /// When there is none.
    pub async fn own_breakout(&self, access: &Access) -> Result<pnm::BreakoutRoom, BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let (id, shown) = main.write(move |room, _| room.breakout_of(&by)).await??;
        Ok(self.live(&main, id, shown, false).await)
    }

    /// Fills in what only the breakout room knows. Hosts also learn who chose it.
    async fn live(
        &self,
        main: &RoomHandle,
        id: RoomId,
        mut shown: pnm::BreakoutRoom,
        is_host: bool,
    ) -> pnm::BreakoutRoom {
        let Some(breakout) = self.breakout(main.id(), &id) else { return shown };
        let Ok(status) = breakout.write(|room, now| room.breakout_status(now)).await else { return shown };
        shown.started = status.started.is_some();
        shown.created = status.started.unwrap_or(shown.created);
        shown.duration = status.duration;
        shown.ends_at = status.ends_at;
        shown.closes_at = status.closes_at;
        for user in &mut shown.users {
            user.joined = status.online.iter().any(|(online, _)| online.as_str() == user.id);
        }
        if shown.self_select && is_host {
            // Nobody was assigned: who is there is who chose it.
            let chose = status.online.iter().filter(|(id, _)| shown.users.iter().all(|user| user.id != id.as_str()));
            let chose: Vec<_> = chose
                .map(|(id, name)| pnm::BreakoutRoomUser { id: id.to_string(), name: name.clone(), joined: true })
                .collect();
            shown.users.extend(chose);
        }
        shown
    }

    /// Adds minutes to a breakout room.
    ///
    /// # Errors
    /// Why it ends when it would have.
    pub async fn prolong_breakout(&self, access: &Access, room: &str, minutes: u64) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let (rooms, left) = main
            .write(move |room, now| {
                Ok::<_, BreakoutRefusal>((room.managed_breakouts(&by)?, room.remaining_minutes(now)))
            })
            .await??;
        let listed = rooms.iter().find(|listed| listed.as_str() == room).ok_or(BreakoutRefusal::NotFound)?;
        let breakout = self.breakout(main.id(), listed).ok_or(BreakoutRefusal::NotRunning)?;
        Ok(breakout.write(move |room, now| room.prolong_breakout(now, minutes, left)).await??)
    }

    /// Says something in every breakout room.
    ///
    /// # Errors
    /// When they may not.
    pub async fn tell_breakouts(&self, access: &Access, text: String) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        for room in main.write(move |room, _| room.managed_breakouts(&by)).await?? {
            if let Some(breakout) = self.breakout(main.id(), &room) {
                let text = text.clone();
                // One that is over has nobody to tell.
                let _ = breakout.write(move |room, now| room.say_as_system(now, &text)).await;
            }
        }
        Ok(())
    }

    /// Ends one breakout room.
    ///
    /// # Errors
    /// When there is none of this id, or they may not.
    pub async fn end_breakout(&self, access: &Access, room: &str) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let room = RoomId::try_from(room).map_err(|_| BreakoutRefusal::None)?;
        let ended = room.clone();
        main.write(move |room, now| room.close_breakout(now, &by, &ended)).await??;
        if self.breakout(main.id(), &room).is_some() {
            self.end_in_background(room);
        }
        Ok(())
    }

    /// Ends all of them, if there are any.
    ///
    /// # Errors
    /// When they may not.
    pub async fn end_breakouts(&self, access: &Access) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        for room in main.write(move |room, _| room.managed_breakouts(&by)).await?? {
            match self.end_breakout(access, room.as_str()).await {
                // It ended by itself in this moment.
                Ok(()) | Err(BreakoutError::Refused(BreakoutRefusal::None)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Ends one breakout room, or all of them, after a countdown that people in there see; or takes that back. Rooms that
    /// nobody entered have nobody to tell: they end with the others.
    ///
    /// # Errors
    /// When there is no such room, or that is no countdown.
    pub async fn close_breakouts(
        &self,
        access: &Access,
        room: &str,
        after: Option<Duration>,
    ) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let listed = main.write(move |room, _| room.managed_breakouts(&by)).await??;
        let wanted: Vec<RoomId> =
            listed.into_iter().filter(|listed| room.is_empty() || listed.as_str() == room).collect();
        if wanted.is_empty() {
            return Err(BreakoutRefusal::None.into());
        }
        for breakout in wanted.iter().filter_map(|room| self.breakout(main.id(), room)) {
            let told = breakout.write(move |room, now| match after {
                Some(after) => room.close_in(now, after),
                None => {
                    room.keep_open(now);
                    Ok(())
                }
            });
            match told.await {
                // It ended in this moment.
                Ok(Ok(()) | Err(BreakoutRefusal::NotRunning)) | Err(Silence::Over) => {}
                Ok(Err(refusal)) => return Err(refusal.into()),
                Err(Silence::Stuck) => return Err(BreakoutError::Failed),
            }
        }
        Ok(())
    }

    async fn send_out_elsewhere(&self, room: &RoomId, user: UserId, by: UserId, block: bool) {
        let Some(handle) = self.find(room.as_str()) else { return };
        let Some(main) = handle.main() else {
            let Ok(rooms) = handle.write(|room, _| room.breakout_rooms()).await else { return };
            for breakout in rooms.iter().filter_map(|breakout| self.breakout(room, breakout)) {
                let (user, by) = (user.clone(), by.clone());
                // One that is over has nobody inside.
                let _ = breakout.write(move |room, now| room.send_out(now, &by, &user, block)).await;
            }
            return;
        };
        let Some(main) = self.find(main.as_str()) else { return };
        let room = room.clone();
        // A main room that is over has neither list nor people.
        let _ = main
            .write(move |main, now| {
                main.strike_from_breakout(&user, &room);
                if block {
                    main.send_out(now, &by, &user, true);
                }
            })
            .await;
    }

    /// Whether somebody is in one of the breakout rooms of a main room.
    pub(crate) async fn is_in_a_breakout(&self, main: &RoomHandle, user: &UserId) -> bool {
        let rooms: Vec<RoomHandle> =
            self.handles().into_iter().filter(|handle| handle.main() == Some(main.id())).collect();
        join_all(rooms.iter().map(|breakout| {
            let user = user.clone();
            breakout.read(move |room| room.is_inside(&user))
        }))
        .await
        .into_iter()
        .any(|inside| inside == Ok(true))
    }

    /// Puts somebody on another list and shows them the way, wherever they are. `to` is a breakout room, or the main room.
    ///
    /// # Errors
    /// When nobody was moved.
    pub async fn move_to_breakout(&self, access: &Access, user: &str, to: &str) -> Result<(), BreakoutError> {
        let (main, by) = (self.main_of(access)?, access.user.clone());
        let user = UserId::try_from(user).map_err(|_| BreakoutRefusal::NoUser)?;
        let to = if to.is_empty() { main.id().as_str() } else { to };
        let to = RoomId::try_from(to).map_err(|_| BreakoutRefusal::NotFound)?;
        let (moved, target) = (user.clone(), Some(to.clone()).filter(|to| to != main.id()));
        let rooms = main
            .write(move |room, _| room.move_to_breakout(&by, &moved, target.as_ref()).map(|()| room.breakout_rooms()))
            .await??;
        // Whoever is in a breakout room is shown the way there; the main room's page may be in the background.
        for room in rooms {
            let Some(breakout) = self.breakout(main.id(), &room) else { continue };
            let (user, to, is_there) = (user.clone(), to.clone(), room == to);
            let invited = breakout.write(move |room, now| {
                let is_inside = room.is_inside(&user);
                if is_inside && !is_there {
                    room.invite(now, &user, &to);
                }
                is_inside
            });
            if invited.await.unwrap_or(false) {
                return Ok(());
            }
        }
        if to != *main.id() {
            main.write(move |room, now| room.invite(now, &user, &to)).await?;
        }
        Ok(())
    }

    /// Calls moderators into the breakout room that somebody is in, or takes the call back.
    ///
    /// # Errors
    /// When they are in none, or called a moment ago.
    pub async fn ask_for_help(&self, access: &Access, is_withdrawn: bool) -> Result<(), BreakoutError> {
        let own = self.room_of(access).ok_or(BreakoutError::NoRoom)?;
        let by = access.user.clone();
        let (main, call) = own.write(move |room, _| room.help_call(&by, is_withdrawn)).await??;
        let main = self.find(main.as_str()).ok_or(BreakoutError::NoRoom)?;
        let noted = main.write(move |room, now| Ok((room.note_help(now, &call)?, room.breakout_rooms()))).await?;
        let (text, rooms): (Option<String>, _) = noted.map_err(|refusal: BreakoutRefusal| refusal)?;
        let Some(text) = text else { return Ok(()) };
        for room in rooms.into_iter().filter(|room| *room != access.room) {
            if let Some(breakout) = self.breakout(main.id(), &room) {
                let text = text.clone();
                let _ = breakout.write(move |room, now| room.tell_moderators(now, &text)).await;
            }
        }
        Ok(())
    }

    /// The main room of whoever is in it, or in one of its breakout rooms.
    fn main_of(&self, access: &Access) -> Result<RoomHandle, BreakoutError> {
        let own = self.room_of(access).ok_or(BreakoutError::NoRoom)?;
        match own.main() {
            Some(main) => self.find(main.as_str()).ok_or(BreakoutError::NoRoom),
            None => Ok(own),
        }
    }

    /// A running breakout room of this main room; a room of the same id that somebody else made is none.
    pub(crate) fn breakout(&self, main: &RoomId, room: &RoomId) -> Option<RoomHandle> {
        self.find(room.as_str()).filter(|handle| handle.main() == Some(main))
    }

    fn end_in_background(&self, room: RoomId) {
        let meetings = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = meetings.end(room.as_str()).await {
                warn!(room.id = %room, %failure, "a breakout room was not ended");
            }
        });
    }

    /// A room is over: its main room strikes it off, and its breakout rooms end.
    pub(crate) async fn room_is_over(&self, room: RoomId, main: Option<RoomId>) {
        let orphans: Vec<RoomId> =
            self.handles().into_iter().filter(|handle| handle.main() == Some(&room)).map(|h| h.id().clone()).collect();
        orphans.into_iter().for_each(|orphan| self.end_in_background(orphan));
        if let Some(main) = main.and_then(|main| self.find(main.as_str())) {
            // A main room that is over itself has no list.
            let _ = main.write(move |main, now| main.breakout_is_over(now, &room)).await;
        }
    }

    /// After a restart: what one side knows and the other does not is the trace of a crash between the two.
    pub(crate) async fn reconcile_breakouts(&self) {
        for handle in self.handles() {
            match handle.main().cloned() {
                None => {
                    let Ok(listed) = handle.write(|room, _| room.breakout_rooms()).await else { continue };
                    let Ok(sent_out) = handle.read(room::Room::sent_out).await else { continue };
                    for (user, block) in sent_out.into_iter().filter(|_| !listed.is_empty()) {
                        self.send_out_elsewhere(handle.id(), user.clone(), user, block).await;
                    }
                    for room in listed.into_iter().filter(|room| self.breakout(handle.id(), room).is_none()) {
                        let _ = handle.write(move |main, now| main.breakout_is_over(now, &room)).await;
                    }
                }
                Some(main) => {
                    let id = handle.id().clone();
                    let is_listed = match self.find(main.as_str()) {
                        Some(main) => main.write(move |main, _| main.breakout_rooms().contains(&id)).await != Ok(false),
                        None => false,
                    };
                    if !is_listed {
                        self.end_in_background(handle.id().clone());
                    }
                }
            }
        }
    }
}
