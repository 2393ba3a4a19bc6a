//! One WebRTC connection as a machine: datagrams and descriptions in, datagrams and packets out.
//!
//! The rest of the house never sees the WebRTC stack below ([`str0m`], in RTP mode): an exchange of it stays inside this
//! crate. What the stack does not do is done here: LiveKit's profile of SDP (`media-protocol.md` section 7), where a
//! section answers with another direction, other names and another codec order than the offer suggests.

mod admission;
mod answer;
mod check;
mod dependency;
mod estimate;
mod incoming;
mod keys;
mod negotiation;
mod outgoing;
mod packet;
mod peer;
pub mod plain;
mod plan;
mod sdp;
mod section;
mod stack;
mod transport_numbers;

pub use outgoing::Clock;
pub use packet::{DownPacket, Dropped, Extensions, PlayoutDelay, Report, SenderReport, Traffic, UpPacket, Vp8Rewrite};
pub use peer::{Channel, Event, Output, Peer, PeerError, PeerFactory};
pub use plan::{Codec, Down, Kind, OfferChange, SectionPlan, Up};
pub use sdp::{MAX_SDP_BYTES, MAX_SDP_LINES, MAX_SECTIONS, OfferError, OfferedSection, analyse_offer};
