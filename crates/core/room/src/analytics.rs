//! What happened in a session, counted for whoever asks afterwards (http-api.md section 9.1).
//!
//! What the server knows itself it counts itself; of what clients report only that is taken which nobody else can know.
//! Everything is bounded: in number, in bytes and, at the door, in rate. What was counted is journalled with the next
//! entry that is written anyway, or a moment later, so that a reaction costs no write of its own.

mod collector;
mod connection;
mod export;
mod late;
mod ledger;
pub(crate) mod report;
mod tally;

use model::UserId;
use model::policy::Capability;
use prost::Message;
use wire::pnm::{self, AnalyticsEvents as Event, DataMsgBodyType as Body};

pub(crate) use collector::Collector;
pub use export::Figures;
pub use late::LateFigures;
pub(crate) use ledger::Ledger;
pub use report::ClientReport;

use crate::forward::ClientSubject;
use crate::journal::Entry;
use crate::notices::OnMedia;
use crate::output::{ConnId, Moment};
use crate::rules::BOTS;
use crate::state::Room;

/// Largest data message that is looked into, in bytes; what is counted is a word.
const MAX_OBSERVED: usize = 4096;

const STARTED: &str = "ANALYTICS_STATUS_STARTED";
const ENDED: &str = "ANALYTICS_STATUS_ENDED";

/// How something is counted (the kinds of section 9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Measure {
    /// It happened; its value is the time.
    Happened,
    /// It happened, and this is its value.
    Said(String),
    /// It happened so often, or took so much; only the sum is kept.
    Counted(u32),
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About<'a> {
    /// The room.
    Room,
    /// Somebody who is or was in it.
    Person(&'a UserId),
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The server knows it.
    Server,
    /// The media plane measured it; it can wait a moment to be journalled.
    Media,
    /// A client said so. It gets half of what there is to fill.
    Client,
}

impl Room {
    /// Counts something the server knows. Everything that other parts of the room want in the export goes through here;
    /// while the room counts nothing, it costs nothing.
    pub(crate) fn record(&mut self, now: Moment, about: About<'_>, event: Event, measure: Measure) {
        if let Some(collector) = &mut self.analytics {
            collector.count(now, Origin::Server, about, event, measure);
        }
    }

    /// Counts that something of the room's began or ended.
    pub(crate) fn record_status(&mut self, now: Moment, event: Event, began: bool) {
        let status = if began { STARTED } else { ENDED };
        self.record(now, About::Room, event, Measure::Said(status.into()));
    }

    /// Somebody is in the meeting. Hidden people and bots are nobody's business, and who waits is not in it.
    pub(crate) fn record_joined(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.people.get(user) else { return };
        let counts = !person.hidden && !BOTS.contains(&user.as_str()) && person.is_online();
        if counts
            && self.may(person, Capability::Listen).is_ok()
            && let Some(collector) = &mut self.analytics
        {
            collector.joined(now, person);
        }
    }

    /// Somebody is no longer in the meeting, if they were.
    pub(crate) fn record_left(&mut self, now: Moment, user: &UserId) {
        if let Some(collector) = &mut self.analytics {
            collector.left(now, user);
        }
    }

    pub(crate) fn record_media(&mut self, now: Moment, step: &OnMedia) {
        if let Some(collector) = &mut self.analytics {
            collector.on_media(now, step);
        }
    }

    /// A client reports what only it knows. Who it is comes from its socket; what it must not or need not tell is
    /// dropped.
    pub fn report(&mut self, now: Moment, conn: ConnId, report: ClientReport) {
        let Some(user) = self.conns.get(&conn).cloned() else { return };
        let knows_data = !self.is_opaque(ClientSubject::Data);
        let Some(collector) = self.analytics.as_mut().filter(|collector| collector.is_inside(&user)) else { return };
        if self.people.get_mut(&user).is_some_and(|person| person.allowance.reports.take(now.at)) {
            collector.reported(now, &user, report, knows_data);
        }
    }

    /// The same, but taken only once it is journalled.
    pub(crate) fn report_for_certain(&mut self, now: Moment, conn: ConnId, report: ClientReport) {
        self.report(now, conn, report);
        self.hurry_analytics();
    }

    /// Counts what somebody said to everybody; it was allowed and has been forwarded.
    pub(crate) fn record_said(
        &mut self,
        now: Moment,
        from: &UserId,
        subject: ClientSubject,
        opaque: bool,
        said: &[u8],
    ) {
        let Some(collector) = &mut self.analytics else { return };
        let about = About::Person(from);
        match subject {
            ClientSubject::Chat => {
                collector.count(now, Origin::Client, about, Event::AnalyticsEventUserPublicChat, Measure::Counted(1));
            }
            ClientSubject::Data if !opaque && said.len() <= MAX_OBSERVED => {
                let Ok(message) = pnm::DataChannelMessage::decode(said) else { return };
                match message.r#type() {
                    Body::Reaction => {
                        collector.count(
                            now,
                            Origin::Client,
                            about,
                            Event::AnalyticsEventUserReaction,
                            Measure::Counted(1),
                        );
                    }
                    Body::UserVisibilityChange => {
                        if let Some(word) = report::visibility(&message.message) {
                            collector.turned(now, from, Event::AnalyticsEventUserInterfaceVisibility, word);
                        }
                    }
                    Body::UserConnectionQualityChange => {
                        if let Some(word) = report::quality(&message.message) {
                            collector.turned(now, from, Event::AnalyticsEventUserConnectionQuality, word);
                        }
                    }
                    _ => {}
                }
            }
            ClientSubject::Data | ClientSubject::Whiteboard => {}
        }
    }

    /// Whatever was counted is journalled with the entries of this drain.
    pub(crate) fn hurry_analytics(&mut self) {
        if let Some(collector) = &mut self.analytics {
            collector.hurry();
        }
    }

    /// The session is over: its figures, if it has any, as one entry that outlives the room. While its media is closing, what that
    /// still tells is waited for a moment ([`Self::take_late_figures`]).
    pub(crate) fn close_analytics(&mut self, now: Moment) -> Option<Entry> {
        let mut collector = self.analytics.take()?;
        collector.left_all(now);
        let late = self.media_is_open.then(|| collector.clone());
        collector.silenced_all(now);
        let figures = self.export(now, &collector);
        let entry = figures.to_entry();
        self.late = late.map(|collector| LateFigures::new(figures, collector, now));
        Some(entry)
    }

    /// Of a room that is over: its figures that are not complete, because its media is still closing.
    pub const fn take_late_figures(&mut self) -> Option<LateFigures> {
        self.late.take()
    }

    /// The process is about to stop: nothing waits to be written any more.
    pub fn settle_up(&mut self) {
        self.hurry_analytics();
    }
}
