//! How long a meeting lasts, and how its end is put off (http-api.md section 8.4; docs/api.md, "In-meeting extensions").
//!
//! Nobody is warned from here: clients know `started_at` and `room_duration` and count down themselves; see
//! [`crate::breakouts`] for the last minute of a breakout room.

use model::UserId;
use model::policy::{Capability, Denial};

use crate::output::Moment;
use crate::state::Room;

/// `extra_data` key by which a room's creator says how long it may last at most, in minutes; `0` is never longer.
const MAX_DURATION: &str = "plenum_max_duration";
/// Most minutes added at once.
const MOST_AT_ONCE: u64 = 24 * 60;

/// Why the meeting does not last longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProlongRefusal {
    /// May not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Nothing to put off.
    #[error("this room has no end to put off")]
    Endless,
    /// Over the creator's or the operator's limit.
    #[error("the meeting can't last longer than {0} minutes")]
    TooLong(u64),
    /// Nothing, or too much at once.
    #[error("this is not a number of minutes")]
    NoMinutes,
}

impl Room {
    /// Puts off the end of the meeting. `most` is the longest the operator allows, in minutes.
    ///
    /// # Errors
    /// A refusal leaves the end where it was.
    pub fn prolong(&mut self, now: Moment, by: &UserId, minutes: u64, most: Option<u64>) -> Result<(), ProlongRefusal> {
        self.may_now(by, Capability::ExtendMeeting)?;
        if self.metadata.is_breakout_room {
            // Its main room says how long it may go on.
            return Err(Denial::FeatureOff.into());
        }
        let before = self.duration_minutes().ok_or(ProlongRefusal::Endless)?;
        if !(1..=MOST_AT_ONCE).contains(&minutes) {
            return Err(ProlongRefusal::NoMinutes);
        }
        let of_creator = self.metadata.extra_data.get(MAX_DURATION).and_then(|text| text.trim().parse::<u64>().ok());
        if let Some(most) =
            most.into_iter().chain(of_creator).min().filter(|most| before.saturating_add(minutes) > *most)
        {
            return Err(ProlongRefusal::TooLong(most.max(before)));
        }
        self.add_minutes(now, minutes);
        Ok(())
    }

    /// What is left of the meeting in whole minutes; `None` if it has no end. A meeting that nobody entered has all of it.
    pub fn remaining_minutes(&self, now: Moment) -> Option<u64> {
        let minutes = self.duration_minutes()?;
        match self.ends_at_ms(now) {
            Some(end) => Some(u64::try_from((end - now.unix_ms) / 60_000).unwrap_or_default()),
            None => Some(minutes),
        }
    }

    /// When the meeting ends, in unix milliseconds; `None` before it began and if it has no end.
    pub(crate) fn ends_at_ms(&self, now: Moment) -> Option<i64> {
        let left = self.life.duration_due(&self.metadata)?.saturating_duration_since(now.at);
        Some(now.unix_ms.saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn add_minutes(&mut self, now: Moment, minutes: u64) {
        if let Some(features) = self.metadata.room_features.as_mut() {
            features.room_duration = Some(features.room_duration.unwrap_or_default().saturating_add(minutes));
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }

    fn duration_minutes(&self) -> Option<u64> {
        self.metadata.room_features.as_ref()?.room_duration.filter(|minutes| *minutes > 0)
    }
}
