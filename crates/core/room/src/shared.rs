//! What everybody looks at together: whiteboard and notepad shown or hidden, pages of other sites, people in the
//! spotlight (http-api.md section 4.3).

use model::UserId;

use crate::moderation::{MAX_SPOTLIGHT, ModerationRefusal};
use crate::output::Moment;
use crate::state::Room;

/// Who is shown large to everybody.
pub(crate) const SPOTLIGHT: &str = "plenum_spotlight";
const SEPARATOR: &str = ",";

impl Room {
    pub(crate) fn change_visibility(
        &mut self,
        now: Moment,
        notepad: Option<bool>,
        whiteboard: Option<bool>,
    ) -> Result<(), ModerationRefusal> {
        let features = self.metadata.room_features.as_mut().ok_or(ModerationRefusal::NoFeature)?;
        let mut changed = false;
        if let (Some(pad), Some(visible)) = (features.shared_note_pad_features.as_mut(), notepad) {
            changed |= std::mem::replace(&mut pad.visible, visible) != visible;
        }
        if let (Some(board), Some(visible)) = (features.whiteboard_features.as_mut(), whiteboard) {
            changed |= std::mem::replace(&mut board.visible, visible) != visible;
        }
        self.tell_if(now, changed);
        Ok(())
    }

    pub(crate) fn activate_notepad(&mut self, now: Moment, active: bool) -> Result<(), ModerationRefusal> {
        let id = self.ids.uuid();
        let features = self.metadata.room_features.as_mut().and_then(|f| f.shared_note_pad_features.as_mut());
        let pad = features.ok_or(ModerationRefusal::NoFeature)?;
        let mut changed = std::mem::replace(&mut pad.is_active, active) != active;
        if active && pad.note_pad_id.is_empty() {
            pad.note_pad_id = id;
            changed = true;
        }
        self.tell_if(now, changed);
        Ok(())
    }

    /// The address was checked by whoever knows our own.
    pub(crate) fn show_link(
        &mut self,
        now: Moment,
        by: &UserId,
        link: Option<String>,
    ) -> Result<(), ModerationRefusal> {
        let features = self.metadata.room_features.as_mut().and_then(|f| f.display_external_link_features.as_mut());
        let shown = features.ok_or(ModerationRefusal::NoFeature)?;
        let mut changed = std::mem::replace(&mut shown.is_active, link.is_some()) != link.is_some();
        if let Some(link) = link {
            let by = Some(by.to_string());
            changed |= shown.link.as_deref() != Some(link.as_str()) || shown.shared_by != by;
            shown.link = Some(link);
            shown.shared_by = by;
        }
        self.tell_if(now, changed);
        Ok(())
    }

    pub(crate) fn spotlight(&mut self, now: Moment, users: &[UserId]) -> Result<(), ModerationRefusal> {
        let mut shown: Vec<&str> = Vec::new();
        for user in users {
            if !shown.contains(&user.as_str()) {
                shown.push(user.as_str());
            }
        }
        if shown.len() > MAX_SPOTLIGHT {
            return Err(ModerationRefusal::TooMany);
        }
        if users.iter().any(|user| self.shown(user).is_none()) {
            return Err(ModerationRefusal::NotActive);
        }
        let list = (!shown.is_empty()).then(|| shown.join(SEPARATOR));
        let changed = self.set_extra(SPOTLIGHT, list);
        self.tell_if(now, changed);
        Ok(())
    }

    /// Somebody is gone for good.
    pub(crate) fn leave_spotlight(&mut self, now: Moment, user: &UserId) {
        let Some(list) = self.extra(SPOTLIGHT) else { return };
        let rest: Vec<&str> = list.split(SEPARATOR).filter(|shown| *shown != user.as_str()).collect();
        let rest = (!rest.is_empty()).then(|| rest.join(SEPARATOR));
        let changed = self.set_extra(SPOTLIGHT, rest);
        self.tell_if(now, changed);
    }

    pub(crate) fn tell_if(&mut self, now: Moment, changed: bool) {
        if changed {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }
}
