//! Who calls, and what their token grants.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use wire::token::{MediaClaims, TokenError};

use super::{Code, TwirpError};
use crate::{App, audit};

/// What a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    RoomCreate,
    RoomList,
    /// Of one room; which one is in the request, see [`Caller::administers`].
    RoomAdmin,
    RoomRecord,
    IngressAdmin,
    SipAdmin,
    SipCall,
}

/// Whoever holds a token that the application's key signed. A browser's token is signed by another key.
pub(super) struct Caller {
    claims: MediaClaims,
}

impl Caller {
    /// # Errors
    /// `unauthenticated`: there is no token, or it is none of ours.
    pub(super) fn of(app: &App, headers: &HeaderMap) -> Result<Self, TwirpError> {
        let refused = |msg: &str| TwirpError::new(Code::Unauthenticated, msg);
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = token.strip_prefix("Bearer ").ok_or_else(TwirpError::not_permitted)?;
        let key = &app.deps.api;
        let find = |id: &str| {
            audit::key(id.as_bytes());
            (id == key.id()).then(|| key.secret())
        };
        let access = wire::token::verify_media_api(find, token, (app.deps.clock)()).map_err(|error| match error {
            TokenError::Expired => refused("the token is expired"),
            TokenError::Invalid => refused("invalid token"),
        })?;
        Ok(Self { claims: access.claims })
    }

    /// # Errors
    /// `unauthenticated`, as LiveKit says it, unless the grant is there.
    pub(super) fn needs(&self, grant: Grant) -> Result<(), TwirpError> {
        let MediaClaims { video, sip, .. } = &self.claims;
        let is_granted = match grant {
            Grant::RoomCreate => video.room_create,
            Grant::RoomList => video.room_list,
            Grant::RoomAdmin => video.room_admin,
            Grant::RoomRecord => video.room_record,
            Grant::IngressAdmin => video.ingress_admin,
            Grant::SipAdmin => sip.admin,
            Grant::SipCall => sip.call,
        };
        if is_granted { Ok(()) } else { Err(TwirpError::not_permitted()) }
    }

    /// May do everything in this one room.
    ///
    /// # Errors
    /// `unauthenticated`: may do so in no room, or in another one.
    pub(super) fn administers(&self, room: &str) -> Result<(), TwirpError> {
        audit::room(room.as_bytes());
        self.needs(Grant::RoomAdmin)?;
        if self.claims.video.room == room { Ok(()) } else { Err(TwirpError::not_permitted()) }
    }
}
