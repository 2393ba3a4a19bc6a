//! One of a client's connections: a real WebRTC stack.

use super::super::descriptor::{self, Raw};
use super::Kind;
use super::camera::{FIRST_ESTIMATE, FULL};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;
use str0m::bwe::Bitrate;
use str0m::rtp::Extension;
use str0m::{Candidate, Input, Output, Rtc};

/// One of a client's connections.
pub(crate) struct Connection {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    /// When its stack wants to hear that time passes.
    pub(crate) due: Instant,
    /// What the stack has said and nobody has heeded yet.
    outputs: VecDeque<Output>,
}

impl Connection {
    pub(super) fn new(address: SocketAddr, kind: Kind, now: Instant) -> Self {
        let Kind { knows, adapts, .. } = kind;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, knows.red)
            .enable_vp8(true)
            .enable_h264(knows.h264)
            .enable_vp9(knows.vp9)
            .enable_av1(knows.av1)
            .set_extension(9, Extension::with_serializer(descriptor::URI, Raw))
            .enable_bwe(adapts.then_some(Bitrate::bps(FIRST_ESTIMATE)))
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(2 * FULL));
        Self { rtc, address, due: now, outputs: VecDeque::new() }
    }

    /// What it sends comes from elsewhere from now on.
    pub(crate) fn moves(&mut self, address: SocketAddr) {
        self.address = address;
        self.rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
    }

    /// What its stack says next.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.flush(now);
        }
        self.outputs.pop_front()
    }

    /// Takes what the stack has to say. Among streams that have something to send at once it chooses by numbers that no seed
    /// decides; so it is asked before there is another.
    pub(super) fn flush(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) if due <= now => self.rtc.handle_input(Input::Timeout(now)).unwrap(),
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
                output => self.outputs.push_back(output),
            }
        }
    }
}
