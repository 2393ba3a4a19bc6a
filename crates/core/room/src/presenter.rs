//! Who drives shared views (meeting-protocol.md section 14.6, http-api.md section 8.6).

use model::UserId;

use crate::moderation::ModerationRefusal;
use crate::output::Moment;
use crate::presence::RECONNECT_GRACE;
use crate::rules;
use crate::state::Room;

impl Room {
    pub(crate) fn promote(&mut self, now: Moment, user: &UserId) -> Result<(), ModerationRefusal> {
        if self.shown(user).is_none() {
            return Err(ModerationRefusal::NoMetadataOf(user.clone()));
        }
        self.present(now, user);
        Ok(())
    }

    pub(crate) fn demote(&mut self, now: Moment, by: &UserId, user: &UserId) -> Result<(), ModerationRefusal> {
        let person = self.people.get(user).ok_or_else(|| ModerationRefusal::NoMetadataOf(user.clone()))?;
        if person.metadata.is_presenter {
            self.present(now, by);
        }
        Ok(())
    }

    /// Makes somebody the only presenter: first they are, then nobody else is.
    fn present(&mut self, now: Moment, user: &UserId) {
        self.begin_presenting(now, user);
        self.relieve_others(now, user);
        // A moderator may take it from somebody without being here.
        self.look_for_presenter(now);
    }

    fn begin_presenting(&mut self, now: Moment, user: &UserId) {
        if let Some(person) = self.people.get_mut(user).filter(|person| !person.metadata.is_presenter) {
            person.metadata.is_presenter = true;
            self.person_metadata_changed(now, user);
        }
    }

    fn relieve_others(&mut self, now: Moment, user: &UserId) {
        let former: Vec<UserId> = self
            .people
            .values()
            .filter(|person| person.metadata.is_presenter && person.id != *user)
            .map(|person| person.id.clone())
            .collect();
        for user in former {
            if let Some(person) = self.people.get_mut(&user) {
                person.metadata.is_presenter = false;
            }
            self.person_metadata_changed(now, &user);
        }
    }

    fn has_presenter(&self) -> bool {
        self.people.values().any(|p| p.metadata.is_presenter && p.is_present())
    }

    /// Call when somebody came, got another token, or presents: whoever presents may not be here, nor come back.
    pub(crate) fn look_for_presenter(&mut self, now: Moment) {
        if self.heir_due.is_none() && self.phase().is_open() && !self.has_presenter() {
            self.heir_due = Some(now.at + RECONNECT_GRACE);
        }
    }

    /// A moderator is always presenter while one is here and nobody else presents: when the presenter is gone, the one
    /// who came first takes over.
    pub(crate) fn hand_over_presenter(&mut self, now: Moment) {
        self.heir_due = self.heir_due.filter(|due| *due > now.at);
        if self.life.is_over() || self.has_presenter() {
            return;
        }
        let heir = self
            .people
            .values()
            .filter(|p| p.is_online() && p.is_admin() && !p.hidden && !rules::BOTS.contains(&p.id.as_str()))
            .min_by_key(|p| p.joined_at)
            .map(|p| p.id.clone());
        if let Some(heir) = heir {
            // Who is gone has nothing to wait for.
            self.relieve_others(now, &heir);
            self.begin_presenting(now, &heir);
        }
    }
}
