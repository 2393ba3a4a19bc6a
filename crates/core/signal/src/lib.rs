//! LiveKit's signalling protocol as a machine: one [`MediaRoom`] per media room, without sockets, clock or WebRTC.
//!
//! Requests of clients, orders of the meeting and news from the transport go in as method calls; what to send, which
//! description to make and what to forward comes out of [`MediaRoom::poll`]. The numbers and the order of messages are
//! those of `media-protocol.md`; every rule there that depends on who may do what is applied here, so that the packet
//! path only executes.

mod announce;
mod changes;
mod codecs;
mod connect;
mod control;
mod data;
mod encode;
mod ids;
mod incoming;
pub mod inside;
mod limits;
mod mute;
mod negotiate;
mod participant;
mod permissions;
mod publish;
mod requests;
mod room;
mod sections;
mod simulate;
mod states;
mod subscribe;
mod track;
mod types;

pub use control::{ControlError, Keeping, RoomChange};
pub use encode::{leave_reconnect, shutdown};
pub use incoming::{ClientMessage, Garbage, JoinRequest};
pub use model::media::{DataMessage, ParticipantChange};
pub use room::MediaRoom;
pub use types::{
    About, Codec, Connect, ConnectError, Connected, DownPlan, Dropped, EventKind, Kind, Layer, MuteError, Now,
    OfferChange, OfferedSection, Output, PeerKey, Protocol, Relay, RemoveReason, SectionPlan, Settings, TrackChoice,
    TrackKey, UpPlan,
};
