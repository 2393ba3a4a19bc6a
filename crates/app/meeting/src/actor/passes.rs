//! The tokens that a room's people are given while they are in it.

use model::{Identity, UserId};
use room::Moment;
use wire::token::JoinClaims;

use super::{Actor, now};
use crate::tokens::{MediaPass, RENEWAL_GRACE, claims_for};

impl Actor {
    pub(super) fn mint_media_token(&mut self, user: &UserId) {
        let (Some(permission), Some(person), Some(socket)) =
            (self.room.media_permission(user), self.room.identity_of(user), self.socket_of(user))
        else {
            return;
        };
        let now = now();
        let identity = Identity::from(user);
        let pass = MediaPass {
            room: &self.id,
            session: &self.session,
            identity: &identity,
            generation: person.generation,
            name: person.name,
            permission,
        };
        // Whoever is given a token may come: an older order to send them out is not meant any more.
        self.around.media.note_permission(&self.id, &identity, permission);
        let token = self.around.credentials.mint_media(&pass, now.unix_ms / 1000);
        let elsewhere = self.around.credentials.media_server.as_ref();
        let url = elsewhere.unwrap_or(&socket.origin).clone();
        let turn = self.around.relays.borrow().credentials(&self.id, user, now.unix_ms / 1000);
        self.room.send_media_token(now, user, url, token, turn);
    }

    pub(super) fn renew_token(&mut self, user: &UserId, token: &str) {
        let now = now();
        let seconds = now.unix_ms / 1000;
        let key = &self.around.credentials.api;
        let Ok(access) = wire::token::verify_join(key, token, seconds, RENEWAL_GRACE) else { return };
        if access.claims.user_id != user.as_str() || access.claims.room_id != self.id.as_str() {
            return;
        }
        let Some(person) = self.room.identity_of(user) else { return };
        // A token of another session or an older generation opens nothing, and does not become one that does (rule S1).
        let JoinClaims { generation, room_sid, .. } = &access.claims;
        let is_current = generation.as_deref().is_none_or(|generation| generation == person.generation)
            && room_sid.as_deref().is_none_or(|sid| sid == self.session.as_str());
        if is_current {
            self.send_fresh_token(now, user);
        }
    }

    pub(super) fn send_fresh_token(&mut self, now: Moment, user: &UserId) {
        let Some(person) = self.room.identity_of(user) else { return };
        let claims = claims_for(&self.id, &self.session, user, &person);
        let renewed = self.around.credentials.mint_join(&claims, now.unix_ms / 1000);
        self.room.send_renewed_token(now, user, renewed);
    }
}
