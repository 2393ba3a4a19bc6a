//! What the fuzz targets do with an input, apart from the fuzzer: `make test` compiles it and replays every corpus on a
//! stable compiler, so that a target can neither rot nor forget what it once found.

pub mod answer;
pub mod av1;
pub mod connected;
pub mod datagram;
pub mod dependency;
pub mod extensions;
pub mod frames;
pub mod h264;
pub mod join_request;
pub mod json;
pub mod nats_session;
pub mod offer;
pub mod red;
pub mod rtcp;
pub mod sdp;
pub mod signal_request;
pub mod signal_session;
pub mod stun;
pub mod token;
pub mod turn;
pub mod vp8;
pub mod vp9;

/// What is done with one input.
pub type Body = fn(&[u8]);

/// Every target by the name of its corpus.
pub const ALL: &[(&str, Body)] = &[
    ("answer", answer::run),
    ("av1", av1::run),
    ("connected", connected::run),
    ("datagram", datagram::run),
    ("dependency", dependency::run),
    ("extensions", extensions::run),
    ("frames", frames::run),
    ("h264", h264::run),
    ("join_request", join_request::run),
    ("json", json::run),
    ("nats_session", nats_session::run),
    ("offer", offer::run),
    ("red", red::run),
    ("rtcp", rtcp::run),
    ("sdp", sdp::run),
    ("signal_request", signal_request::run),
    ("signal_session", signal_session::run),
    ("stun", stun::run),
    ("token", token::run),
    ("turn", turn::run),
    ("vp8", vp8::run),
    ("vp9", vp9::run),
];
