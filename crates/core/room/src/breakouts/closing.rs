//! The end of a breakout room, counted down by the room itself: whoever started the countdown may be gone.

use std::time::{Duration, Instant};

use wire::{plenum, pnm::NatsSystemNotificationTypes as Severity};

use super::BreakoutRefusal;
use crate::life::EndReason;
use crate::output::Moment;
use crate::state::Room;

/// `extra_data` of a breakout room: when a moderator's countdown ends it, in unix milliseconds.
pub(crate) const CLOSES_AT: &str = "plenum_closes_at";
/// How long a moderator lets people say goodbye.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(600);
/// So long before its time is over, people in a breakout room are told. Clients warn by themselves, but not so late.
const LAST_WARNING: Duration = Duration::from_secs(60);

/// What a room knows of its end besides how long it lasts.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// When the countdown ends it.
    due: Option<Instant>,
    /// The end that people were told of, so that they are told once.
    warned_of: Option<Instant>,
}

impl Closing {
    /// As the journal has it: time went on while the process was gone.
    pub(crate) fn restored(metadata: &wire::pnm::RoomMetadata, now: Moment) -> Self {
        let at = metadata.extra_data.get(CLOSES_AT).and_then(|at| at.parse::<i64>().ok());
        let left = at.map(|at| Duration::from_millis(u64::try_from(at - now.unix_ms).unwrap_or_default()));
        Self { due: left.map(|left| now.at + left.min(LONGEST)), warned_of: None }
    }

    /// When people are to be told that the time is nearly over.
    fn warning_due(&self, end: Option<Instant>) -> Option<Instant> {
        let end = end.filter(|end| self.due.is_none() && self.warned_of != Some(*end))?;
        end.checked_sub(LAST_WARNING)
    }
}

impl Room {
    /// Ends this breakout room in a while. People are told now, and can read how long it still is.
    ///
    /// # Errors
    /// When it does not run, or that is no countdown.
    pub fn close_in(&mut self, now: Moment, wait: Duration) -> Result<(), BreakoutRefusal> {
        if self.main_room().is_none() || !self.phase().is_open() {
            return Err(BreakoutRefusal::NotRunning);
        }
        if !(SHORTEST..=LONGEST).contains(&wait) {
            return Err(BreakoutRefusal::NoCountdown);
        }
        let at = now.unix_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.closing.due = Some(now.at + wait);
        self.set_extra(CLOSES_AT, Some(at.to_string()));
        self.metadata_changed();
        self.tell_room_metadata(now);
        self.say_end(now, at, wait.as_secs());
        Ok(())
    }

    /// Takes the countdown back; without one nothing changes.
    pub fn keep_open(&mut self, now: Moment) {
        self.closing.due = None;
        if self.set_extra(CLOSES_AT, None) {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }

    /// When a countdown ends this room, in unix milliseconds.
    pub(crate) fn closes_at_ms(&self) -> Option<i64> {
        self.metadata.extra_data.get(CLOSES_AT)?.parse().ok()
    }

    pub(crate) fn closing_timeout(&self) -> Option<Instant> {
        if !self.phase().is_open() || self.main_room().is_none() {
            return None;
        }
        let warning = self.closing.warning_due(self.life.duration_due(&self.metadata));
        self.closing.due.into_iter().chain(warning).min()
    }

    pub(crate) fn closing_timeouts(&mut self, now: Moment) {
        if self.closing_timeout().is_none_or(|due| due > now.at) {
            return;
        }
        if self.closing.due.is_some_and(|due| due <= now.at) {
            self.end(now, EndReason::Asked);
            return;
        }
        let end = self.life.duration_due(&self.metadata);
        self.closing.warned_of = end;
        let left = end.map(|end| end.saturating_duration_since(now.at)).unwrap_or_default();
        if let Some(at) = self.ends_at_ms(now).filter(|_| !left.is_zero()) {
            self.say_end(now, at, left.as_secs());
        }
    }

    fn say_end(&mut self, now: Moment, at: i64, seconds: u64) {
        let to: Vec<_> = self.listeners().collect();
        let text = format!("This room closes in {seconds} seconds");
        let notice = plenum::Notice { what: Some(plenum::notice::What::Closing(plenum::Closing { closes_at: at })) };
        let encoded = prost::Message::encode_to_vec(&notice);
        self.notify_carrying(now, &to, Severity::NatsSystemNotificationWarning, &text, true, encoded);
    }
}
