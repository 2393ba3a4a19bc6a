//! Asks a publisher for key frames, but never more often than it can bear.
//!
//! Every subscriber and every selector may want a key frame at any moment; a key frame is many times as large as any other.
//! All wishes for a layer within its interval become one request, however many receivers there are and however broken they
//! may be.

use std::time::{Duration, Instant};

use crate::layers::{Layer, SPATIAL};

/// How often a layer may be asked for a key frame.
const fn interval(layer: Layer) -> Duration {
    match layer {
        Layer::Low => Duration::from_millis(500),
        Layer::Medium | Layer::High => Duration::from_secs(1),
    }
}

/// After this many requests without a key frame, PLI is taken to be ignored and FIR is used instead.
const PLIS_BEFORE_FIR: u32 = 3;

/// What to send to the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Picture loss indication (RFC 4585 §6.3.1).
    Pli(Layer),
    /// Full intra request (RFC 5104 §4.3.1), for an encoder that ignores the former.
    Fir(Layer),
}

/// The key-frame requests of one published track.
///
/// After [`request`](Self::request), or when [`poll_timeout`](Self::poll_timeout) is due, drain
/// [`poll_output`](Self::poll_output).
#[derive(Debug, Clone, Default)]
pub struct Keyframes {
    layers: [State; SPATIAL],
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    wanted: bool,
    asked: Option<Instant>,
    unanswered: u32,
}

impl Keyframes {
    /// Nobody has asked for anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody needs a key frame of `layer`.
    pub fn request(&mut self, layer: Layer) {
        self.layers[layer.index()].wanted = true;
    }

    /// A key frame of `layer` began: whoever wanted one has got it.
    pub fn on_key_frame(&mut self, layer: Layer) {
        let state = &mut self.layers[layer.index()];
        state.wanted = false;
        state.unanswered = 0;
    }

    /// The next request to send now. Drain to `None`.
    pub fn poll_output(&mut self, now: Instant) -> Option<Request> {
        let layer =
            Layer::ALL.into_iter().find(|layer| self.due(*layer).is_some_and(|due| due.is_none_or(|at| at <= now)))?;
        let state = &mut self.layers[layer.index()];
        state.wanted = false;
        state.asked = Some(now);
        state.unanswered = state.unanswered.saturating_add(1);
        // One FIR, then patience again: a publisher that is just slow is not to be flooded.
        if state.unanswered > PLIS_BEFORE_FIR {
            state.unanswered = 0;
            return Some(Request::Fir(layer));
        }
        Some(Request::Pli(layer))
    }

    /// When a request that had to wait may be sent. `None` if there is none waiting.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Layer::ALL.into_iter().filter_map(|layer| self.due(layer).flatten()).min()
    }

    /// Outer `None`: not wanted. Inner `None`: wanted, and never asked before.
    fn due(&self, layer: Layer) -> Option<Option<Instant>> {
        let state = &self.layers[layer.index()];
        state.wanted.then(|| state.asked.map(|at| at + interval(layer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn many_wishes_become_one_request() {
        let now = Instant::now();
        let mut track = Keyframes::new();

        for _ in 0..100 {
            track.request(Layer::High);
        }

        assert_eq!(track.poll_output(now), Some(Request::Pli(Layer::High)));
        assert_eq!(track.poll_output(now), None);
        assert_eq!(track.poll_timeout(), None);
    }

    #[test]
    fn a_wish_within_the_interval_waits_for_its_end() {
        let now = Instant::now();
        let mut track = Keyframes::new();
        track.request(Layer::Low);
        track.poll_output(now);

        track.request(Layer::Low);
        assert_eq!(track.poll_output(now + 499 * MILLI), None);
        assert_eq!(track.poll_timeout(), Some(now + 500 * MILLI));
        assert_eq!(track.poll_output(now + 500 * MILLI), Some(Request::Pli(Layer::Low)));
    }

    #[test]
    fn a_key_frame_answers_those_who_wait() {
        let now = Instant::now();
        let mut track = Keyframes::new();
        track.request(Layer::High);
        track.poll_output(now);
        track.request(Layer::High);

        track.on_key_frame(Layer::High);

        assert_eq!(track.poll_timeout(), None);
        assert_eq!(track.poll_output(now + 2000 * MILLI), None);
    }

    #[test]
    fn layers_do_not_wait_for_each_other() {
        let now = Instant::now();
        let mut track = Keyframes::new();
        track.request(Layer::High);
        track.request(Layer::Low);

        assert_eq!(track.poll_output(now), Some(Request::Pli(Layer::Low)));
        assert_eq!(track.poll_output(now), Some(Request::Pli(Layer::High)));
    }

    #[test]
    fn a_publisher_that_ignores_three_requests_gets_a_stronger_one() {
        let mut now = Instant::now();
        let mut track = Keyframes::new();

        let mut sent = Vec::new();
        for _ in 0..5 {
            track.request(Layer::Medium);
            sent.extend(track.poll_output(now));
            now += 1000 * MILLI;
        }

        let pli = Request::Pli(Layer::Medium);
        assert_eq!(sent, [pli, pli, pli, Request::Fir(Layer::Medium), pli]);
    }
}
