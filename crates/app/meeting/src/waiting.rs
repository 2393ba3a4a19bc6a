//! The waiting room, for those who wait and for those who let them in.

use room::Guests;

use crate::actor::Letter;
use crate::meetings::{Access, Meetings, WaitingError};

impl Meetings {
    /// Lets people in from the waiting room.
    ///
    /// # Errors
    /// Why nobody was let in.
    pub async fn let_in(&self, access: &Access, guests: Guests) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.change(|reply| Letter::LetIn(by, guests, reply)).await??)
    }

    /// Changes what those who wait read.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub async fn set_waiting_text(&self, access: &Access, text: String) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.change(|reply| Letter::SetWaitingText(by, text, reply)).await??)
    }

    /// Leaves a note to the hosts from the waiting room, or changes it.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub async fn leave_note(&self, access: &Access, text: String) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.write(move |room, now| room.leave_note(now, &by, &text)).await??)
    }
}
