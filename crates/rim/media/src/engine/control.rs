//! What the server API orders.

use super::{Engine, Room};
use crate::control::Control;
use crate::convert;
use ports::media_control::{ControlError, FREE_SESSION, RoomSettings};
use rtc::PlayoutDelay;
use std::time::Instant;

impl Engine {
    pub(crate) fn control(&mut self, control: Control, at: Instant) {
        let now = self.now(at);
        match control {
            Control::Open { room, session, set, reply } => {
                // A meeting that began since takes the name over, and keeps it.
                if !self.yields_to(&room, &session, at) {
                    self.registry.arrived(&room, self.shard, true);
                    let _ = reply.send(Err(ControlError::Taken));
                    return;
                }
                let known = self.by_id.get(&room).copied();
                let Some(key) = known.or_else(|| self.ask(|engine| engine.make_room(&room, &session, now))) else {
                    return self.registry.arrived(&room, self.shard, false);
                };
                let mut result = Err(ControlError::Unavailable);
                self.on_room(&room, at, |room| {
                    if session.as_str() != FREE_SESSION {
                        room.machine.keep_until_closed();
                    }
                    let set = if set.only_new && known.is_some() { RoomSettings::default() } else { set };
                    let changed = room.machine.change_room(convert::room_change(set), now);
                    let delay = room.machine.playout_delay().map(|(least, most)| PlayoutDelay::new(least, most));
                    room.forward.set_playout(delay);
                    result = changed.map(|()| room.machine.info()).map_err(convert::control_error);
                    // What was made for nothing does not stay.
                    if result.is_err() && known.is_none() {
                        room.machine.close(now);
                    }
                });
                self.drop_if_over(key);
                self.registry.arrived(&room, self.shard, self.by_id.contains_key(&room));
                // Whoever asked may be gone.
                let _ = reply.send(result);
            }
            Control::Rooms { reply } => {
                let rooms = self.ask(|engine| engine.rooms.values().map(|room| room.machine.info()).collect());
                let _ = reply.send(rooms.unwrap_or_default());
            }
            Control::On { room, who, work } => {
                let mut work = Some(work);
                let act = |room: &mut Room| {
                    if let Some(work) = work.take() {
                        work(Some(&mut room.machine), now);
                    }
                };
                match &who {
                    Some(who) => self.on_identity(&room, who, at, act),
                    None => self.on_room(&room, at, act),
                }
                if let Some(work) = work {
                    work(None, now);
                }
            }
        }
    }
}
