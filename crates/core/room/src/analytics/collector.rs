//! Who came, what is counted of them and of the room, and what of it is not journalled yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::UserId;
use wire::livekit::{TrackInfo, TrackSource};
use wire::pnm::AnalyticsEvents as Event;

use super::report::ClientReport;
use super::tally::Tally;
use super::{About, ENDED, Measure, Origin, STARTED, ledger};
use crate::journal::Entry;
use crate::notices::{MediaStep, OnMedia};
use crate::output::Moment;
use crate::person::Person;

/// What one session may take, in bytes of memory; less of the journal and of the file it becomes.
const MAX_SESSION_BYTES: usize = 8 * 1024 * 1024;
/// What visiting costs besides the texts of a profile.
const VISITOR_COST: usize = 128;
/// Longest name in the export, in characters.
const MAX_NAME: usize = 255;
/// Most tracks of one person that are followed at once.
const MAX_TRACKS: usize = 32;
/// How long what may wait is not journalled.
const WRITE_DELAY: Duration = Duration::from_secs(1);

/// Who somebody is, and what must be known of them to count on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) is_admin: bool,
    pub(super) ex_user_id: String,
    /// Came in and has not left.
    pub(super) inside: bool,
    /// Tracks that are out, by sid, and the event that tells of them.
    pub(super) tracks: BTreeMap<String, i32>,
    /// Talking before this time is counted or was not here, unix milliseconds.
    pub(super) talk_counted_ms: i64,
    /// Media flows since then, unix milliseconds; 0 if it does not.
    pub(super) media_since_ms: i64,
}

impl Profile {
    /// What it takes, in bytes.
    fn size(&self, user: &UserId) -> usize {
        VISITOR_COST + user.as_str().len() + self.name.len() + self.ex_user_id.len()
    }
}

/// Somebody who came in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) profile: Profile,
    pub(super) tally: Tally,
}

/// Everything counted so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collector {
    pub(super) room: Tally,
    pub(super) visitors: BTreeMap<UserId, Visitor>,
    /// What it takes.
    bytes: usize,
    /// What is not journalled; `None` is the room.
    touched: BTreeSet<Option<UserId>>,
    /// It goes with the next entries.
    hurried: bool,
    /// When it goes at the latest.
    due: Option<Instant>,
}

impl Collector {
    /// The room's own entry exists from the beginning: by it a restored room knows that it counts.
    pub(crate) fn new() -> Self {
        Self { room: Tally::new(), touched: BTreeSet::from([None]), hurried: true, ..Self::default() }
    }

    pub(super) fn restored(room: Tally, visitors: BTreeMap<UserId, Visitor>) -> Self {
        let of_visitors = visitors.iter().map(|(user, visitor)| visitor.profile.size(user) + visitor.tally.bytes());
        Self { bytes: room.bytes() + of_visitors.sum::<usize>(), room, visitors, ..Self::default() }
    }

    pub(crate) const fn hurry(&mut self) {
        self.hurried = true;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.hurried |= self.due.is_some_and(|due| due <= now);
    }

    /// The next entry that must be written now.
    pub(crate) fn poll_entry(&mut self) -> Option<Entry> {
        if !self.hurried {
            return None;
        }
        while let Some(whose) = self.touched.first() {
            let entry = match whose {
                None => ledger::next_entry(None, None, &mut self.room),
                Some(user) => self
                    .visitors
                    .get_mut(user)
                    .and_then(|visitor| ledger::next_entry(Some(user), Some(&visitor.profile), &mut visitor.tally)),
            };
            if entry.is_some() {
                return entry;
            }
            self.touched.pop_first();
        }
        self.hurried = false;
        self.due = None;
        None
    }

    pub(super) fn count(
        &mut self,
        now: Moment,
        origin: Origin,
        about: About<'_>,
        event: impl Into<i32>,
        measure: Measure,
    ) {
        let left = MAX_SESSION_BYTES.saturating_sub(self.bytes);
        let left = match origin {
            Origin::Server | Origin::Media => left,
            Origin::Client => left.saturating_sub(MAX_SESSION_BYTES / 2),
        };
        let (tally, whose) = match about {
            About::Room => (&mut self.room, None),
            About::Person(user) => {
                let Some(visitor) = self.visitors.get_mut(user) else { return };
                (&mut visitor.tally, Some(user.clone()))
            }
        };
        self.bytes += tally.add(event, now.unix_ms, measure, left, origin);
        self.touched.insert(whose);
        match origin {
            Origin::Server => self.hurried = true,
            Origin::Client | Origin::Media if self.due.is_none() => self.due = Some(now.at + WRITE_DELAY),
            Origin::Client | Origin::Media => {}
        }
    }

    /// Changes what is known of somebody who came in.
    pub(super) fn change<T>(&mut self, user: &UserId, change: impl FnOnce(&mut Profile) -> T) -> Option<T> {
        let visitor = self.visitors.get_mut(user)?;
        let before = visitor.profile.clone();
        let answer = change(&mut visitor.profile);
        if visitor.profile != before {
            visitor.tally.touch();
            self.touched.insert(Some(user.clone()));
        }
        Some(answer)
    }

    pub(super) fn joined(&mut self, now: Moment, person: &Person) {
        let ex_user_id = person.metadata.ex_user_id.clone().unwrap_or_default();
        let profile = Profile {
            name: shortened(&person.name),
            is_admin: person.is_admin(),
            ex_user_id: shortened(&ex_user_id),
            ..Profile::default()
        };
        let cost = profile.size(&person.id);
        if !self.visitors.contains_key(&person.id) {
            if self.bytes + cost > MAX_SESSION_BYTES {
                return;
            }
            self.bytes += cost;
            let visitor = Visitor { profile: Profile::default(), tally: Tally::new() };
            self.visitors.insert(person.id.clone(), visitor);
        }
        let was_inside = self.change(&person.id, |known| {
            let tracks = std::mem::take(&mut known.tracks);
            let was_inside = known.inside;
            let talk_counted_ms = if was_inside { known.talk_counted_ms } else { now.unix_ms };
            let media_since_ms = known.media_since_ms;
            *known = Profile { inside: true, tracks, talk_counted_ms, media_since_ms, ..profile };
            was_inside
        });
        if was_inside == Some(false) {
            self.count(
                now,
                Origin::Server,
                About::Person(&person.id),
                Event::AnalyticsEventUserJoined,
                Measure::Happened,
            );
        }
    }

    pub(super) fn left(&mut self, now: Moment, user: &UserId) {
        if self.change(user, |profile| std::mem::take(&mut profile.inside)) == Some(true) {
            self.count(now, Origin::Server, About::Person(user), Event::AnalyticsEventUserLeft, Measure::Happened);
        }
    }

    pub(super) fn is_inside(&self, user: &UserId) -> bool {
        self.visitors.get(user).is_some_and(|visitor| visitor.profile.inside)
    }

    pub(super) fn published(&mut self, now: Moment, user: &UserId, track: &TrackInfo) {
        let Some(event) = event_of(track) else { return };
        let is_new = self.change(user, |profile| {
            profile.tracks.len() < MAX_TRACKS && profile.tracks.insert(track.sid.clone(), event.into()).is_none()
        });
        if is_new == Some(true) {
            self.count(now, Origin::Server, About::Person(user), event, Measure::Said(STARTED.into()));
        }
    }

    pub(super) fn unpublished(&mut self, now: Moment, user: &UserId, sid: &str) {
        let event = self.change(user, |profile| profile.tracks.remove(sid)).flatten();
        if let Some(event) = event.and_then(|event| Event::try_from(event).ok()) {
            self.count(now, Origin::Server, About::Person(user), event, Measure::Said(ENDED.into()));
        }
    }

    pub(super) fn muted(&mut self, now: Moment, user: &UserId, track: &TrackInfo) {
        let follows = self.visitors.get(user).is_some_and(|visitor| visitor.profile.tracks.contains_key(&track.sid));
        if follows && event_of(track) == Some(Event::AnalyticsEventUserMicStatus) {
            let status = if track.muted { "ANALYTICS_STATUS_MUTED" } else { "ANALYTICS_STATUS_UNMUTED" };
            self.count(
                now,
                Origin::Server,
                About::Person(user),
                Event::AnalyticsEventUserMicStatus,
                Measure::Said(status.into()),
            );
        }
    }

    /// All of somebody's tracks are gone.
    pub(super) fn silenced(&mut self, now: Moment, user: &UserId) {
        let sids: Vec<String> =
            self.visitors.get(user).into_iter().flat_map(|visitor| visitor.profile.tracks.keys().cloned()).collect();
        for sid in sids {
            self.unpublished(now, user, &sid);
        }
    }

    /// All tracks are gone, as after a restart.
    pub(crate) fn silenced_all(&mut self, now: Moment) {
        let users: Vec<UserId> = self.visitors.keys().cloned().collect();
        for user in users {
            self.silenced(now, &user);
            self.media_left(now, &user);
        }
    }

    /// It is over for everybody.
    pub(super) fn left_all(&mut self, now: Moment) {
        let users: Vec<UserId> = self.visitors.keys().cloned().collect();
        for user in users {
            self.left(now, &user);
        }
    }

    /// What the media plane tells of somebody who came in.
    pub(super) fn on_media(&mut self, now: Moment, step: &OnMedia) {
        let owner = step.who.twin_of();
        let is_own = owner.is_none();
        let Ok(user) = UserId::try_from(owner.as_ref().unwrap_or(&step.who).as_str()) else { return };
        match (step.what, &step.track) {
            (MediaStep::Published, Some(track)) => self.published(now, &user, track),
            (MediaStep::Unpublished, Some(track)) => self.unpublished(now, &user, &track.sid),
            (MediaStep::Muted, Some(track)) => self.muted(now, &user, track),
            (MediaStep::Spoke { millis }, _) => self.spoke(now, &user, millis),
            (MediaStep::Troubled(trouble), _) => self.troubled(now, &user, &trouble),
            (MediaStep::Joined, _) if is_own => self.media_joined(now, &user),
            // Of a hybrid client's two connections the other one is still there.
            (MediaStep::Left, _) if is_own => {
                self.silenced(now, &user);
                self.media_left(now, &user);
            }
            _ => {}
        }
    }

    pub(super) fn reported(&mut self, now: Moment, user: &UserId, report: ClientReport, knows_data: bool) {
        let about = About::Person(user);
        let (about, event, measure) = match report {
            ClientReport::Talked => (about, Event::AnalyticsEventUserTalked, Measure::Counted(1)),
            ClientReport::TalkedFor(ms) => {
                // Nobody talks longer than time has passed.
                let counted = self.change(user, |profile| {
                    let most = now.unix_ms.saturating_sub(profile.talk_counted_ms).max(0);
                    profile.talk_counted_ms = now.unix_ms.max(profile.talk_counted_ms);
                    ms.min(u32::try_from(most).unwrap_or(u32::MAX))
                });
                (about, Event::AnalyticsEventUserTalkedDuration, Measure::Counted(counted.unwrap_or_default()))
            }
            // Where we read the reactions themselves, they are counted.
            ClientReport::Reacted if knows_data => return,
            ClientReport::Reacted => (about, Event::AnalyticsEventUserReaction, Measure::Counted(1)),
            ClientReport::Visibility(word) => {
                return self.turned(now, user, Event::AnalyticsEventUserInterfaceVisibility, word);
            }
            ClientReport::Quality(word) => {
                return self.turned(now, user, Event::AnalyticsEventUserConnectionQuality, word);
            }
            // They were counted when they came.
            ClientReport::ChatFile(_) => return,
            ClientReport::WhiteboardFile(name) => {
                (about, Event::AnalyticsEventUserWhiteboardFiles, Measure::Said(name))
            }
            ClientReport::RoomWhiteboardFile(name) => {
                (About::Room, Event::AnalyticsEventRoomWhiteboardFiles, Measure::Said(name))
            }
        };
        self.count(now, Origin::Client, about, event, measure);
    }

    /// A state of somebody's that counts only when it changes: the original client tells it in two ways at once.
    pub(super) fn turned(&mut self, now: Moment, user: &UserId, event: Event, word: &'static str) {
        let is_news = self.visitors.get(user).is_some_and(|visitor| visitor.tally.last_said(event) != Some(word));
        if is_news {
            self.count(now, Origin::Client, About::Person(user), event, Measure::Said(word.into()));
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

fn event_of(track: &TrackInfo) -> Option<Event> {
    match track.source() {
        TrackSource::Microphone => Some(Event::AnalyticsEventUserMicStatus),
        TrackSource::Camera => Some(Event::AnalyticsEventUserWebcamStatus),
        TrackSource::ScreenShare => Some(Event::AnalyticsEventUserScreenShareStatus),
        // Comes and goes with its picture.
        TrackSource::ScreenShareAudio | TrackSource::Unknown => None,
    }
}
