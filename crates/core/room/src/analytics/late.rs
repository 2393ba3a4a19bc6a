//! The figures of a session that is over while its media is still closing. What somebody was doing until the end is told
//! when it closes: that they spoke, that their connection was in trouble, that they are gone.

use std::time::{Duration, Instant};

use super::collector::Collector;
use super::export::{self, Figures};
use crate::journal::Entry;
use crate::notices::OnMedia;
use crate::output::Moment;

/// How long media that closes may take to tell its last; mostly that are milliseconds.
const CLOSING: Duration = Duration::from_secs(10);

/// Figures that are not complete. They lie in the journal as far as they are known, so that a process that dies now loses
/// no more than what is waited for.
#[derive(Debug)]
pub struct LateFigures {
    figures: Figures,
    collector: Collector,
    ended: Moment,
    due: Instant,
}

impl LateFigures {
    pub(super) fn new(figures: Figures, collector: Collector, ended: Moment) -> Self {
        Self { figures, collector, ended, due: ended.at + CLOSING }
    }

    /// Until when to wait.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// The media plane tells what somebody did. It was done before the end, however late that is told.
    pub fn on_media(&mut self, step: &OnMedia) {
        self.collector.on_media(self.ended, step);
    }

    /// Nothing is waited for any more: the entry that takes the place of the one in the journal.
    pub fn close(mut self) -> Entry {
        self.collector.silenced_all(self.ended);
        self.figures.result.users = export::users(&self.collector);
        self.figures.to_entry()
    }
}
