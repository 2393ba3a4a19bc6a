//! What subscribers take, and what the bandwidth leaves them of it (media-protocol.md section 16).

use super::{Forward, News};
use crate::engine::FastMap;
use crate::engine::faults::Turn;
use sfu::allocation::Bid;
use sfu::layers::{Layer, Wish};
use sfu::prices::Prices;
use signal::{Kind, PeerKey, TrackKey};
use std::time::{Duration, Instant};

/// No limit by bandwidth.
pub(super) const UNLIMITED: Option<Wish> = Some(Wish::full(Layer::High));

/// Whose pictures are served first unless the subscriber says it: shared screens, then who speaks, then the largest.
const SCREEN: u8 = 255;
const SPEAKER: u8 = 128;

/// So long whoever spoke counts as the speaker: a breath, or another word, takes nobody's large picture.
const SPOKE: Duration = Duration::from_secs(5);

/// What one subscriber takes.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    pub(crate) bids: Vec<Bid<TrackKey>>,
    /// Sound, bits per second.
    pub(crate) sound: u64,
}

impl Forward {
    /// What those subscribers take now that `asked` picks out.
    pub(crate) fn wants(
        &mut self,
        now: Instant,
        turn: &mut Turn,
        asked: impl Fn(PeerKey) -> bool,
    ) -> FastMap<PeerKey, Wants> {
        self.spoke.extend(self.levels(now, turn).into_iter().map(|(peer, _)| (peer, now)));
        self.spoke.retain(|_, at| now.saturating_duration_since(*at) < SPOKE);
        let mut wants: FastMap<PeerKey, Wants> = FastMap::default();
        for (key, track) in self.tracks.iter_mut().filter(|(_, track)| !track.muted) {
            *turn = Some(track.owner);
            let rate = track.allowance.rate(now);
            let prices: Vec<Prices> = track.encodings.iter_mut().map(|encoding| encoding.prices(now)).collect();
            let speaks = !track.screen && self.spoke.contains_key(&track.owner);
            for down in track.downs.iter().filter(|down| down.ready && !down.setting.disabled && asked(down.peer)) {
                let subscriber = wants.entry(down.peer).or_default();
                if track.kind == Kind::Audio {
                    subscriber.sound += rate;
                    continue;
                }
                let Some(prices) = down.encoding.and_then(|index| prices.get(index)) else { continue };
                let Prices { costs, later, guessed } = *prices;
                let wish = down.demand.current();
                let size = wish.map_or(0, |wish| u8::try_from(wish.layer.index()).unwrap_or(0));
                let usual = if track.screen { SCREEN } else { size + if speaks { SPEAKER } else { 0 } };
                let said = down.setting.priority;
                let priority = if said > 0 { said } else { usual };
                subscriber.bids.push(Bid { track: *key, wish, costs, later, guessed, priority });
            }
        }
        *turn = None;
        wants
    }

    /// Limits what a subscriber gets of a track; `None` is nothing.
    pub(crate) fn set_cap(&mut self, key: TrackKey, peer: PeerKey, cap: Option<Wish>, now: Instant, news: &mut News) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(index) = track.place_of(peer) else { return };
        let down = &mut track.downs[index];
        if std::mem::replace(&mut down.cap, cap) == cap {
            return;
        }
        if cap.is_none() {
            down.munger.pause();
            if !std::mem::replace(&mut down.told_paused, true) {
                track.paused.push((peer, true));
            }
        }
        down.selector.set_cap(cap);
        track.declare(index, now);
        track.ask(index, now);
        track.collect(key, now, news);
    }
}
