//! Tells a publisher which layers anybody wants, so that it does not encode and upload the others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::layers::{Layer, LayerSet};

/// How long a lower maximum has to last before the publisher is told: starting a layer costs a key frame, so a short look
/// away must not stop it.
const DOWN_DELAY: Duration = Duration::from_secs(5);

/// The largest layer wanted of one track in one codec, over all its subscribers.
///
/// After [`set`](Self::set), [`remove`](Self::remove) or [`handle_timeout`](Self::handle_timeout), drain
/// [`poll_output`](Self::poll_output).
#[derive(Debug, Clone)]
pub struct Dynacast<S> {
    wanted: BTreeMap<S, Option<Layer>>,
    told: Option<Layer>,
    down: Option<Down>,
    news: bool,
}

/// Less is wanted than the publisher was told.
#[derive(Debug, Clone, Copy)]
struct Down {
    /// When it will be told.
    due: Instant,
    /// The most that was wanted since then.
    most: Option<Layer>,
}

/// What to tell the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// Every layer up to this one; `None` is no layer at all.
    pub max: Option<Layer>,
}

impl Update {
    /// The layers to be encoded: the flags of `subscribed_qualities`.
    pub fn layers(self) -> LayerSet {
        LayerSet::up_to(self.max)
    }
}

impl<S: Ord> Dynacast<S> {
    /// No subscribers. The publisher begins by sending everything, and is told to stop if nobody comes.
    pub fn new(now: Instant) -> Self {
        Self { wanted: BTreeMap::new(), told: Some(Layer::High), down: Some(Down::new(None, now)), news: false }
    }

    /// `subscriber` now wants layers up to `max`; `None` while it has disabled the track.
    pub fn set(&mut self, subscriber: S, max: Option<Layer>, now: Instant) {
        self.wanted.insert(subscriber, max);
        self.judge(now);
    }

    /// `subscriber` is gone.
    pub fn remove(&mut self, subscriber: &S, now: Instant) {
        self.wanted.remove(subscriber);
        self.judge(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(Down { most, .. }) = self.down.filter(|down| down.due <= now) {
            self.told = most;
            self.news = true;
            // Still less only lasts from now on.
            let max = self.max();
            self.down = (max < most).then(|| Down::new(max, now));
        }
    }

    /// When a lower maximum will be told.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.down.map(|down| down.due)
    }

    /// News for the publisher.
    pub fn poll_output(&mut self) -> Option<Update> {
        std::mem::take(&mut self.news).then(|| self.current())
    }

    /// What the publisher was told last, to be repeated after it resumes.
    pub fn current(&self) -> Update {
        Update { max: self.told }
    }

    fn max(&self) -> Option<Layer> {
        self.wanted.values().copied().max().flatten()
    }

    fn judge(&mut self, now: Instant) {
        let max = self.max();
        if max > self.told {
            self.told = max;
            self.news = true;
        }
        let down = self.down.map(|down| Down { most: down.most.max(max), ..down });
        self.down = (max < self.told).then(|| down.unwrap_or(Down::new(max, now)));
    }
}

impl Down {
    fn new(most: Option<Layer>, now: Instant) -> Self {
        Self { due: now + DOWN_DELAY, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_short_look_away_within_a_lower_wish_stops_nothing() {
        let now = Instant::now();
        let mut track = settled(Some(Layer::High), now);
        track.set("ana", Some(Layer::Medium), now);
        track.set("ana", None, now + SECOND * 49 / 10);

        track.handle_timeout(now + DOWN_DELAY);
        assert_eq!(track.poll_output(), Some(Update { max: Some(Layer::Medium) }));
        track.handle_timeout(now + DOWN_DELAY * 2 - SECOND / 2);
        assert_eq!(track.poll_output(), None, "nothing at all is told five seconds after that");
        track.handle_timeout(now + DOWN_DELAY * 2);
        assert_eq!(track.poll_output(), Some(Update { max: None }));
    }

    #[test]
    fn a_wish_for_more_is_told_at_once() {
        let now = Instant::now();
        let mut track = settled(Some(Layer::Low), now);

        track.set("ben", Some(Layer::High), now);

        assert_eq!(track.poll_output(), Some(Update { max: Some(Layer::High) }));
        assert_eq!(track.poll_output(), None);
    }

    #[test]
    fn a_wish_for_less_is_told_when_it_lasted_five_seconds() {
        let now = Instant::now();
        let mut track = settled(Some(Layer::High), now);

        track.set("ana", Some(Layer::Low), now);
        track.handle_timeout(now + 4 * SECOND);
        assert_eq!(track.poll_output(), None);

        track.handle_timeout(now + 5 * SECOND);
        assert_eq!(track.poll_output(), Some(Update { max: Some(Layer::Low) }));
        assert_eq!(track.current().layers(), LayerSet::NONE.with(Layer::Low));
    }

    #[test]
    fn looking_away_shortly_changes_nothing() {
        let now = Instant::now();
        let mut track = settled(Some(Layer::High), now);

        track.set("ana", None, now);
        track.set("ana", Some(Layer::High), now + 3 * SECOND);
        track.handle_timeout(now + 10 * SECOND);

        assert_eq!((track.poll_output(), track.poll_timeout()), (None, None));
    }

    #[test]
    fn the_most_demanding_subscriber_counts() {
        let now = Instant::now();
        let mut track = settled(Some(Layer::High), now);
        track.set("ben", Some(Layer::Medium), now);

        track.remove(&"ana", now);
        track.handle_timeout(now + 5 * SECOND);

        assert_eq!(track.poll_output(), Some(Update { max: Some(Layer::Medium) }));
    }

    #[test]
    fn a_track_nobody_watches_is_switched_off() {
        let now = Instant::now();
        let mut track = Dynacast::<&str>::new(now);

        track.handle_timeout(now + 5 * SECOND);

        assert_eq!(track.poll_output(), Some(Update { max: None }));
        assert!(track.current().layers().is_empty());
    }

    fn settled(max: Option<Layer>, now: Instant) -> Dynacast<&'static str> {
        let mut track = Dynacast::new(now);
        track.set("ana", max, now);
        track.handle_timeout(now + DOWN_DELAY);
        while track.poll_output().is_some() {}
        track
    }
}
