//! What a selective forwarding unit decides about packets, as plain values and state machines: no clock, no I/O, and none of
//! the engine's types.
//!
//! A published track has one [`layers::Liveness`], one [`keyframes::Keyframes`], one [`dynacast::Dynacast`] and per audio
//! track a [`level::Level`]; a subscription has one [`demand::Demand`], one [`selector::Selector`], one [`munger::Munger`]
//! and, for VP8, one [`munger::Vp8Munger`]; a subscriber has one [`allocation::Allocation`] over all it receives. The loop that
//! owns them does this with every packet:
//!
//! ```
//! # use std::time::Instant;
//! # use sfu::{keyframes::*, layers::*, munger::*, selector::*, vp8::*};
//! # struct Subscription { selector: Selector, munger: Munger, vp8: Vp8Munger }
//! # fn emit(_: Rtp, _: &Patch) {}
//! # fn forward(layer: Layer, rtp: Rtp, payload: &[u8], reports: &Reports, liveness: &mut Liveness,
//! #            keyframes: &mut Keyframes, subscriptions: &mut [Subscription], now: Instant) {
//! // Once per packet: what is it?
//! let Some(vp8) = Vp8::parse(payload) else { return };
//! let temporal = Temporal::new(vp8.tid);
//! let sample = Sample { layer, temporal, bytes: payload.len(), start_of_frame: vp8.start_of_frame };
//! let layers_changed = liveness.on_packet(sample, now);
//! if vp8.key_frame {
//!     keyframes.on_key_frame(layer);
//! }
//! let incoming = Incoming {
//!     layer,
//!     seq: rtp.seq,
//!     timestamp: rtp.timestamp,
//!     starts_key_frame: vp8.key_frame,
//!     temporal,
//!     layer_sync: vp8.layer_sync,
//!     switches_up: false,
//! };
//!
//! // Once per subscriber: does it get the packet, and under which numbers?
//! for Subscription { selector, munger, vp8: pictures } in subscriptions {
//!     if layers_changed {
//!         selector.set_running(liveness.running());
//!     }
//!     match selector.on_packet(&incoming) {
//!         Decision::Drop | Decision::Fill => {}
//!         Decision::Skip => {
//!             munger.skip(rtp.seq);
//!             pictures.skip(&vp8);
//!         }
//!         Decision::Switch => match munger.switch(layer, rtp, reports, now) {
//!             Some(out) => emit(out, &pictures.switch(&vp8)),
//!             None => selector.postpone(),
//!         },
//!         Decision::Forward => {
//!             if let Some(out) = munger.forward(rtp, now) {
//!                 if let Some(patch) = pictures.forward(&vp8) {
//!                     emit(out, &patch);
//!                 }
//!             }
//!         }
//!     }
//!     // Here, and again whenever `selector.poll_timeout` is due.
//!     if let Some(layer) = selector.needs_key_frame(now) {
//!         keyframes.request(layer);
//!     }
//! }
//! while let Some(request) = keyframes.poll_output(now) {
//!     // send it to the publisher
//! #   let _ = request;
//! }
//! # }
//! ```
//!
//! A stream that carries all its layers at once (VP9, AV1) is asked about with [`selector::Selector::on_scalable`]; nothing in
//! its packets has to be rewritten but the marker bit ([`selector::Selector::ends_picture`]) and, where it has one, the
//! [`dependency`] descriptor. What cannot be read before another packet has come waits for it ([`waiting`]), and is lost to the
//! selectors if that never comes. Padding goes to [`selector::Selector::on_padding`] instead. While a track is muted nothing is fed at all, and afterwards
//! selector and munger are told ([`restart`](selector::Selector::restart), [`pause`](munger::Munger::pause)). Audio has no
//! selector: its munger switches at the first packet and forwards from then on.

pub mod allocation;
pub mod av1;
mod bits;
pub mod codec;
pub mod demand;
pub mod dependency;
pub mod diary;
pub mod dynacast;
pub mod frames;
pub mod h264;
pub mod keyframes;
pub mod layers;
pub mod level;
pub mod missing;
pub mod munger;
pub mod prices;
pub mod quality;
pub mod red;
pub mod renumber;
pub mod scalable;
pub mod selector;
pub mod vp8;
pub mod vp9;
pub mod waiting;
