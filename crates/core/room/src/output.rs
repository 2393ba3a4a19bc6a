//! What comes out of a room, and the moments that go in.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use model::media::Sources;
use model::{Identity, RoomId, UserId};

use crate::forward::ClientSubject;
use crate::journal::Entry;
use crate::life::EndReason;
use crate::notices::Notification;
use crate::outbox::Delivery;

/// A point in time on both clocks: deadlines use the first, timestamps people see the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic.
    pub at: Instant,
    /// Unix time in milliseconds.
    pub unix_ms: i64,
}

/// One socket, as the owner numbers them. Never reused within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A fire-and-forget message on its way to other participants, shared by all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMessage {
    /// Which of the three client subjects it was published on.
    pub subject: ClientSubject,
    /// As received, or re-encoded with the true sender in it.
    pub payload: Bytes,
    /// The true sender where the payload is unreadable to us; travels as a header (hardening rule I2).
    pub from: Option<UserId>,
    /// May be left out for somebody whose connection is slow; the next one replaces it.
    pub droppable: bool,
}

/// The last thing somebody is told before the socket closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// An encoded `NatsMsgServerToClient`.
    pub payload: Bytes,
}

/// The next thing the owner of a room must do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Write to the journal before any other output of the same drain is carried out.
    Store(Entry),
    /// Hand one reliable message to a socket.
    Deliver { to: ConnId, delivery: Delivery },
    /// Hand one fire-and-forget message to several sockets.
    Forward { to: Vec<ConnId>, message: Arc<CoreMessage> },
    /// Close a socket, after the farewell if there is one.
    Hangup { conn: ConnId, farewell: Option<Farewell> },
    /// Mint a media token for somebody and give it to [`crate::Room::send_media_token`].
    MintMediaToken { user: UserId },
    /// Verify a token that somebody wants renewed and give the new one to [`crate::Room::send_renewed_token`].
    RenewToken { user: UserId, token: String },
    /// Let a socket take part in chat, whiteboard and data.
    Admit { conn: ConnId },
    /// Somebody's rights on the media plane changed to [`crate::Room::media_permission`].
    UpdateMediaRights { user: UserId },
    /// Mute somebody's microphone; what is not on stays off.
    Mute { who: Identity },
    /// Take somebody's tracks of these sources off the air; they may start them again.
    Unpublish { user: UserId, sources: Sources },
    /// Take somebody out of the media room.
    RemoveFromMedia { who: Identity, duplicate: bool },
    /// Close the media room, if there is one.
    CloseMedia,
    /// End these rooms, which belong to this one.
    EndRooms(Vec<RoomId>),
    /// Whoever was sent out of this room leaves those that belong together with it: a main room's breakout rooms; a main
    /// room only if they are blocked, else its list.
    SendOutElsewhere { user: UserId, by: UserId, block: bool },
    /// Tell other servers, with the journal entries of the same drain or not at all.
    Notify(Box<Notification>),
    /// The record of the session counts this many people now.
    SetJoined(i64),
    /// It is over: turn the journal into a record and let go of the room. Nothing follows.
    Ended(EndReason),
}
