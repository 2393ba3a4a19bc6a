//! The media plane's access token (http-api.md section 1.4, media-protocol.md section 2).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};

/// What a media token grants. `false` and empty values are left out of the token; the three `Option`s distinguish
/// "not said" from "no".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoGrant {
    /// Server API: make rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// Server API: list rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// Server API: record rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_record: bool,
    /// Server API: moderate `room`. Never given to browsers.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// May join `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// Room name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// May publish tracks; not said means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May receive tracks; not said means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// May send data; not said means the same as `can_publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// May change its own name, metadata and attributes.
    #[serde(skip_serializing_if = "is_false")]
    pub can_update_own_metadata: bool,
    /// Server API: make ingresses.
    #[serde(skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    /// Never shown to others.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// A recorder: not counted, exempt from subscription permissions.
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
    /// An agent.
    #[serde(skip_serializing_if = "is_false")]
    pub agent: bool,
}

/// What a token grants of telephony (`sip`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SipGrant {
    /// Server API: trunks and dispatch rules.
    pub admin: bool,
    /// Server API: make and transfer calls.
    pub call: bool,
}

/// Settings of a room that the first join with the token makes (`roomConfig`); 0 and empty take the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoomConfig {
    /// Seconds it stays if nobody comes.
    #[serde(alias = "empty_timeout")]
    pub empty_timeout: u32,
    /// Seconds it stays after the last one left.
    #[serde(alias = "departure_timeout")]
    pub departure_timeout: u32,
    /// Most participants.
    #[serde(alias = "max_participants")]
    pub max_participants: u32,
    /// Room metadata, opaque.
    pub metadata: String,
    /// Sound and pictures of one publisher are played in step.
    #[serde(alias = "sync_streams")]
    pub sync_streams: bool,
    /// For how long receivers keep pictures before they show them, at least and at most, milliseconds.
    #[serde(alias = "min_playout_delay")]
    pub min_playout_delay: u32,
    #[serde(alias = "max_playout_delay")]
    pub max_playout_delay: u32,
}

impl RoomConfig {
    /// The least and most a receiver keeps pictures, if anything was said; no most is ten seconds, as with LiveKit.
    pub fn playout_delay(&self) -> Option<(Duration, Duration)> {
        playout_delay(self.min_playout_delay, self.max_playout_delay)
    }
}

/// See [`RoomConfig::playout_delay`]; in milliseconds.
pub fn playout_delay(least: u32, most: u32) -> Option<(Duration, Duration)> {
    const MOST: u32 = 10_000;
    let most = if most == 0 { MOST.max(least) } else { most };
    let is_said = least > 0 || most != MOST;
    is_said.then(|| (Duration::from_millis(least.into()), Duration::from_millis(most.max(least).into())))
}

/// What a media token says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaClaims {
    /// Participant identity.
    pub identity: String,
    /// Display name.
    pub name: String,
    /// The grant.
    pub video: VideoGrant,
    /// Participant metadata, opaque.
    pub metadata: String,
    /// Participant attributes.
    pub attributes: BTreeMap<String, String>,
    /// Participant kind (`standard`, `sip`, `agent`…); empty means standard.
    pub kind: String,
    /// What kind of that kind (`cloud_agent`, `forwarded`…).
    pub kind_details: Vec<String>,
    /// Telephony; never in tokens of ours.
    pub sip: SipGrant,
    /// Settings of a new room; never in tokens of ours.
    pub room_config: Option<RoomConfig>,
    /// Ours: which generation of the person's tokens this is.
    pub generation: Option<String>,
    /// Ours: the session the token was made for.
    pub room_sid: Option<String>,
}

/// A verified media token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAccess {
    /// Key id that signed it (`iss`).
    pub key_id: String,
    /// What it says.
    pub claims: MediaClaims,
    /// Unix seconds it was issued at.
    pub issued_at: i64,
    /// Unix seconds it ends at, leeway not included.
    pub expires_at: i64,
}

/// Makes a media token valid from `now` for `validity` seconds.
pub fn mint_media(key: &ApiKey, claims: &MediaClaims, now: i64, validity: i64) -> String {
    let out = Outgoing {
        iss: key.id(),
        sub: &claims.identity,
        exp: now.saturating_add(validity),
        nbf: now,
        iat: now,
        identity: &claims.identity,
        name: &claims.name,
        kind: &claims.kind,
        kind_details: &claims.kind_details,
        video: &claims.video,
        metadata: &claims.metadata,
        attributes: &claims.attributes,
        pnm_gen: claims.generation.as_deref(),
        room_sid: claims.room_sid.as_deref(),
    };
    jws::sign(key.secret(), &out)
}

/// Reads a media token at `now`. `lookup` finds the secret of a key id. The identity is `sub`, for old tokens `jti`.
///
/// # Errors
/// [`TokenError::Expired`] for a good token that is too old, [`TokenError::Invalid`] for everything else, an unknown
/// key and a missing identity included.
pub fn verify_media<'k>(
    lookup: impl FnOnce(&str) -> Option<&'k str>,
    token: &str,
    now: i64,
) -> Result<MediaAccess, TokenError> {
    let access = verify_media_api(lookup, token, now)?;
    if access.claims.identity.is_empty() { Err(TokenError::Invalid) } else { Ok(access) }
}

/// Reads a token of the server API at `now`, which need not name an identity.
///
/// # Errors
/// As [`verify_media`].
pub fn verify_media_api<'k>(
    lookup: impl FnOnce(&str) -> Option<&'k str>,
    token: &str,
    now: i64,
) -> Result<MediaAccess, TokenError> {
    let unverified = Unverified::<Incoming>::parse(token)?;
    let secret = lookup(&unverified.claims().iss).ok_or(TokenError::Invalid)?;
    let claims = unverified.verify(secret)?;
    let identity = claims.sub.filter(|sub| !sub.is_empty()).or(claims.jti).unwrap_or_default();
    claims.times.check(now, 0)?;
    Ok(MediaAccess {
        key_id: claims.iss,
        issued_at: claims.times.issued(),
        expires_at: claims.times.expires(),
        claims: MediaClaims {
            identity,
            name: claims.name,
            video: claims.video,
            metadata: claims.metadata,
            attributes: claims.attributes,
            kind: claims.kind,
            kind_details: claims.kind_details,
            sip: claims.sip,
            room_config: claims.room_config,
            generation: claims.pnm_gen,
            room_sid: claims.room_sid,
        },
    })
}

/// In the order the reference signs them.
#[derive(Serialize)]
struct Outgoing<'a> {
    iss: &'a str,
    sub: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    identity: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'a str,
    #[serde(rename = "kindDetails", skip_serializing_if = "<[String]>::is_empty")]
    kind_details: &'a [String],
    video: &'a VideoGrant,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pnm_gen: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_sid: Option<&'a str>,
}

#[derive(Deserialize)]
struct Incoming {
    iss: String,
    sub: Option<String>,
    jti: Option<String>,
    #[serde(flatten)]
    times: Times,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
    #[serde(default, rename = "kindDetails")]
    kind_details: Vec<String>,
    #[serde(default)]
    video: VideoGrant,
    #[serde(default)]
    metadata: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    sip: SipGrant,
    #[serde(default, rename = "roomConfig")]
    room_config: Option<RoomConfig>,
    pnm_gen: Option<String>,
    room_sid: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}
