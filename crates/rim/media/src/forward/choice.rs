//! What each subscriber wants of a track, and in which of its codecs it gets that.

use super::Up;
use super::encoding::{Encoding, Takes};
use crate::convert;
use sfu::demand::{Setting, wish};
use sfu::layers::Wish;
use signal::PeerKey;
use std::time::Instant;

impl Encoding {
    pub(super) fn wish_of(&self, setting: &Setting) -> Option<Wish> {
        // Of the layer that would be sent.
        let running = self.liveness.running();
        let sent = |layer| running.best_for(layer).unwrap_or(layer);
        wish(setting, &self.announced, |layer, temporal| self.liveness.frame_rate(sent(layer), temporal))
    }
}

impl Up {
    /// The codec somebody gets who takes those formats.
    pub(super) fn codec_for(&self, takes: Takes) -> Option<usize> {
        let taken = |encoding: &Encoding| takes.contains(convert::codec(encoding.codec));
        let preferred = self.encodings.iter().position(|one| Some(one.codec) == self.preferred && taken(one));
        preferred.or_else(|| self.encodings.iter().position(taken))
    }

    /// The codecs the track comes in have changed, or which of them is preferred.
    pub(super) fn choose_codecs(&mut self, now: Instant) {
        for index in 0..self.downs.len() {
            let best = self.codec_for(self.downs[index].takes);
            let down = &mut self.downs[index];
            match (down.encoding, best) {
                // Pictures go on in the old codec until there is a key frame in the new one.
                (Some(current), Some(best)) => down.next = Some(best).filter(|best| *best != current),
                (None, Some(best)) => {
                    down.next = None;
                    down.go_over(best, &self.encodings[best]);
                }
                (_, None) => (down.encoding, down.next) = (None, None),
            }
            self.declare(index, now);
            self.ask(index, now);
        }
    }

    /// Takes note of what a subscriber wants, with the codecs it gets and with no other.
    pub(super) fn declare(&mut self, index: usize, now: Instant) {
        let down = &self.downs[index];
        for (which, encoding) in self.encodings.iter_mut().enumerate() {
            if down.encoding == Some(which) {
                encoding.dynacast.set(down.peer, down.layer(), now);
            } else if down.next == Some(which) {
                let layer = down.layer_in(encoding);
                encoding.dynacast.set(down.peer, layer, now);
            } else {
                encoding.dynacast.remove(&down.peer, now);
            }
        }
    }

    fn forget_wish(&mut self, peer: &PeerKey, now: Instant) {
        self.encodings.iter_mut().for_each(|encoding| encoding.dynacast.remove(peer, now));
    }

    /// Where somebody is among those who get the track.
    pub(super) fn place_of(&self, peer: PeerKey) -> Option<usize> {
        self.downs.iter().position(|down| down.peer == peer)
    }

    /// In which order everybody is served: those on other shards first, so that all shards are at it at once. The items are values
    /// of [`Down::far`].
    pub(super) fn waves(&self) -> impl Iterator<Item = bool> + use<> {
        [true, false].into_iter().skip(usize::from(self.far == 0))
    }

    /// Somebody gets the track no more. The last of those who do takes the place: in a large room nobody moves all others up
    /// for everyone who goes.
    pub(super) fn leave(&mut self, peer: PeerKey, now: Instant) {
        if self.remove(peer) {
            self.forget_wish(&peer, now);
        }
    }

    /// Whether somebody was among those who get the track, and is no more.
    pub(super) fn remove(&mut self, peer: PeerKey) -> bool {
        let removed = self.place_of(peer).map(|place| self.downs.swap_remove(place));
        self.far -= usize::from(removed.as_ref().is_some_and(|down| down.far));
        removed.is_some()
    }

    /// Asks for the key frames a subscriber waits for.
    pub(super) fn ask(&mut self, index: usize, now: Instant) {
        let down = &mut self.downs[index];
        if self.muted || !down.ready {
            return;
        }
        if let Some(encoding) = down.encoding.and_then(|which| self.encodings.get_mut(which))
            && let Some(layer) = down.selector.needs_key_frame(now)
        {
            encoding.request_key_frame(layer);
        }
        if let Some(encoding) = down.next.and_then(|which| self.encodings.get_mut(which))
            && let Some(layer) = down.layer_in(encoding)
        {
            encoding.request_key_frame(encoding.liveness.running().best_for(layer).unwrap_or(layer));
        }
    }

    /// A subscriber's setting or the layers changed.
    pub(super) fn rewish(&mut self, index: usize, now: Instant) {
        let down = &mut self.downs[index];
        let Some(encoding) = self.encodings.get(down.encoding.unwrap_or(0)) else { return };
        if !down.demand.set(encoding.wish_of(&down.setting), now) {
            return;
        }
        let current = down.demand.current();
        if current.is_none() || down.selector.wish().is_none() {
            down.munger.pause();
        }
        down.selector.set_wish(current);
        self.declare(index, now);
        self.ask(index, now);
    }
}
