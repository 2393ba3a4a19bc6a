//! Minting and reading the tokens of people in meetings. The keys live here; the formats in `wire::token`.

use std::time::Duration;

use model::media::{MediaPermission, Source};
use model::{Identity, RoomId, SessionId, UserId};
use room::PersonIdentity;
use wire::token::{ApiKey, JoinClaims, MediaClaims, VideoGrant};

/// A renewal is accepted this long after the end of a token (http-api.md section 1.2), and so is a reconnecting socket.
pub(crate) const RENEWAL_GRACE: i64 = 3 * 3600;

/// Keys, and how long what they sign is good for.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Signs join tokens; the API key and secret of the application.
    pub api: ApiKey,
    /// Signs media tokens; another key than the API's, so that a browser's token opens nothing of the API.
    pub media: ApiKey,
    /// Where browsers reach the media server, if that is not this process (`livekit_info.host`).
    pub media_server: Option<String>,
    /// How long join and media tokens are good (`client.token_validity`).
    pub validity: Duration,
}

impl Credentials {
    pub(crate) fn validity_seconds(&self) -> i64 {
        i64::try_from(self.validity.as_secs()).unwrap_or(i64::MAX)
    }

    pub(crate) fn mint_join(&self, claims: &JoinClaims, now: i64) -> String {
        wire::token::mint_join(&self.api, claims, now, self.validity_seconds())
    }

    /// A token for the media plane: no `roomAdmin`, no data, sources by right, bound to the session (rules M1, H1, H2).
    pub(crate) fn mint_media(&self, who: &MediaPass<'_>, now: i64) -> String {
        let mut grant = VideoGrant { room_join: true, room: who.room.to_string(), ..VideoGrant::default() };
        set_rights(&mut grant, &who.permission);
        let claims = MediaClaims {
            identity: who.identity.to_string(),
            name: who.name.to_owned(),
            video: grant,
            generation: Some(who.generation.to_owned()),
            room_sid: Some(who.session.to_string()),
            ..MediaClaims::default()
        };
        wire::token::mint_media(&self.media, &claims, now, self.validity_seconds())
    }
}

/// Who gets a media token.
pub(crate) struct MediaPass<'a> {
    pub(crate) room: &'a RoomId,
    pub(crate) session: &'a SessionId,
    pub(crate) identity: &'a Identity,
    pub(crate) generation: &'a str,
    pub(crate) name: &'a str,
    pub(crate) permission: MediaPermission,
}

/// Writes rights into a grant.
pub(crate) fn set_rights(grant: &mut VideoGrant, rights: &MediaPermission) {
    grant.can_publish = Some(!rights.publish.is_empty());
    grant.can_subscribe = Some(rights.subscribe);
    grant.can_publish_data = Some(rights.publish_data);
    grant.can_publish_sources = rights.publish.iter().map(|source| source_name(source).to_owned()).collect();
    grant.hidden = rights.hidden;
    grant.can_update_own_metadata = rights.update_own;
}

/// LiveKit's name of a source in a token (`canPublishSources`).
pub(crate) const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::ScreenShare => "screen_share",
        Source::ScreenShareAudio => "screen_share_audio",
    }
}

/// The claims of somebody's next token; rank and name come from the room's list, not from the old token.
pub(crate) fn claims_for(room: &RoomId, session: &SessionId, user: &UserId, person: &PersonIdentity<'_>) -> JoinClaims {
    JoinClaims {
        name: person.name.to_owned(),
        user_id: user.to_string(),
        room_id: room.to_string(),
        is_admin: person.is_admin,
        is_hidden: person.is_hidden,
        client_type: person.client_type,
        generation: Some(person.generation.to_owned()),
        room_sid: Some(session.to_string()),
    }
}
