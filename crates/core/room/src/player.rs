//! The media player that everybody watches together (meeting-protocol.md section 14.7; docs/api.md, "In-meeting
//! extensions"): which address, and where the presenter's player is, so that a late joiner starts there too.

use std::net::IpAddr;

use bytes::Bytes;
use model::UserId;
use model::policy::{Capability, Denial};
use prost::Message;
use serde_json::json;
use wire::pnm::{
    self, AnalyticsEvents, DataMsgBodyType, NatsMsgServerToClientEvents as Event, PrivateDataDeliveryType,
};

use crate::admission::SYSTEM_ID;
use crate::journal::{self, Entry, RestoreError};
use crate::outbox::{Keep, Letter, Route};
use crate::output::Moment;
use crate::rules;
use crate::state::Room;

/// Its entry in the journal.
pub(crate) const PLAYER_KEY: &str = "player";
/// Longest address, in bytes.
const MAX_URL: usize = 2048;
/// Files of this server that may be played.
const OWN_FILES: &str = "/download/uploadedFile/";
/// Names that are somebody's own network (RFC 6761, 6762, 8375 and ICANN's `internal`).
const INNER_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];
/// Nothing that is played is longer: a week, in seconds.
const MAX_POSITION: f64 = 604_800.0;

/// An address that browsers may be sent to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaUrl(String);

/// Not such an address. The text is the reference's (D-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("valid url required")]
pub struct NoMediaUrl;

impl MediaUrl {
    /// `https` on a public host, without a user name; or an uploaded file of this server, which is reached at `own`
    /// (`https://meet.example.org`).
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str, own: &str) -> Result<Self, NoMediaUrl> {
        if text.len() > MAX_URL || !wire::validate::is_uri(text) {
            return Err(NoMediaUrl);
        }
        let is_own =
            text.strip_prefix(own).is_some_and(|path| path.starts_with(OWN_FILES) && path.len() > OWN_FILES.len());
        if is_own || is_public_https(text) { Ok(Self(text.to_owned())) } else { Err(NoMediaUrl) }
    }
}

fn is_public_https(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("https") || authority.contains(['@', '%']) {
        return false;
    }
    if let Some(literal) = authority.strip_prefix('[') {
        let address = literal.split_once(']').and_then(|(address, _)| address.parse().ok());
        return address.is_some_and(model::address::is_public);
    }
    let host = authority.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return model::address::is_public(address);
    }
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    // Browsers read what ends in a number as an address, also in octal and hexadecimal.
    let is_number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    let is_inner = INNER_NAMES.iter().any(|name| host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    !is_number && !is_inner && host.split('.').all(|label| !label.is_empty())
}

/// Why nothing is played, or it goes on. The texts in the reference's words are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlayerRefusal {
    /// May not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The room has none.
    #[error("invalid nil room metadata information")]
    NoPlayer,
}

/// Where the presenter's player was when it last said so.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Player {
    #[prost(bool, tag = "1")]
    is_playing: bool,
    /// Seconds from the beginning.
    #[prost(double, tag = "2")]
    position: f64,
    /// Unix milliseconds.
    #[prost(int64, tag = "3")]
    at_ms: i64,
    /// It is not just at its beginning.
    #[prost(bool, tag = "4")]
    is_told: bool,
}

impl Player {
    pub(crate) fn restored(value: &Bytes) -> Result<Self, RestoreError> {
        journal::decode(PLAYER_KEY, value)
    }

    fn entry(&self) -> Entry {
        Entry { key: PLAYER_KEY.into(), value: Some(self.encode_to_vec().into()) }
    }

    /// Where it is now.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a week are exact")]
    fn position_at(&self, unix_ms: i64) -> f64 {
        let since = (unix_ms - self.at_ms).clamp(0, 604_800_000) as f64 / 1000.0;
        let position = if self.is_playing { self.position + since } else { self.position };
        position.min(MAX_POSITION)
    }

    /// The presenter's player said something.
    fn follow(&self, unix_ms: i64, event: &str) -> Option<Self> {
        let said: serde_json::Value = serde_json::from_str(event).ok()?;
        let is_playing = match said.get("action")?.as_str()? {
            "play" => true,
            "pause" => false,
            "seeked" => self.is_playing,
            _ => return None,
        };
        let said = said.get("seekTo").and_then(serde_json::Value::as_f64).and_then(valid_position);
        let position = said.unwrap_or_else(|| self.position_at(unix_ms));
        Some(Self { is_playing, position, at_ms: unix_ms, is_told: true })
    }
}

fn valid_position(seconds: f64) -> Option<f64> {
    (0.0..=MAX_POSITION).contains(&seconds).then_some(seconds)
}

impl Room {
    /// Plays something for everybody, from `seek_to` seconds on.
    ///
    /// # Errors
    /// A refusal leaves what is played as it is.
    pub fn play_media(
        &mut self,
        now: Moment,
        by: &UserId,
        url: MediaUrl,
        seek_to: Option<f64>,
    ) -> Result<(), PlayerRefusal> {
        self.may_now(by, Capability::PlayMedia)?;
        let features = self.metadata.room_features.as_mut().and_then(|f| f.external_media_player_features.as_mut());
        let features = features.ok_or(PlayerRefusal::NoPlayer)?;
        let began = !std::mem::replace(&mut features.is_active, true);
        features.url = Some(url.0);
        features.shared_by = Some(by.to_string());
        let position = seek_to.and_then(valid_position).unwrap_or_default();
        let player = Player { is_playing: false, position, at_ms: now.unix_ms, is_told: position > 0.0 };
        self.store(player.entry());
        self.player = Some(player);
        if began {
            self.record_status(now, AnalyticsEvents::AnalyticsEventRoomExternalMediaPlayerStatus, true);
        }
        self.metadata_changed();
        self.tell_room_metadata(now);
        Ok(())
    }

    /// Stops what is played.
    ///
    /// # Errors
    /// When they may not, or the room has no player.
    pub fn stop_media(&mut self, now: Moment, by: &UserId) -> Result<(), PlayerRefusal> {
        self.may_now(by, Capability::PlayMedia)?;
        let features = self.metadata.room_features.as_mut().and_then(|f| f.external_media_player_features.as_mut());
        let features = features.ok_or(PlayerRefusal::NoPlayer)?;
        if std::mem::take(&mut features.is_active) {
            self.player = None;
            self.record_status(now, AnalyticsEvents::AnalyticsEventRoomExternalMediaPlayerStatus, false);
            self.store(Entry { key: PLAYER_KEY.into(), value: None });
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
        Ok(())
    }

    /// Remembers what the presenter's player said to everybody; the message was checked.
    pub(crate) fn note_player(&mut self, now: Moment, message: &[u8]) {
        let Some(player) = &self.player else { return };
        let Ok(message) = pnm::DataChannelMessage::decode(message) else { return };
        if message.r#type() != DataMsgBodyType::ExternalMediaPlayerEvents {
            return;
        }
        if let Some(player) = player.follow(now.unix_ms, &message.message) {
            self.store(player.entry());
            self.player = Some(player);
        }
    }

    /// Tells somebody who came where the player is, in the presenter's words: their client follows them.
    pub(crate) fn tell_player(&mut self, now: Moment, to: &UserId) {
        let Some(player) = self.player.clone().filter(|player| player.is_told) else { return };
        if rules::encrypted(&self.metadata).data || !self.is_allowed(to, Capability::Listen) {
            return;
        }
        let presenter = self.people.values().find(|person| person.metadata.is_presenter && person.id != *to);
        // Clients pass over what seems to be their own.
        let from = presenter.map_or_else(|| SYSTEM_ID.to_owned(), |person| person.id.to_string());
        let position = player.position_at(now.unix_ms);
        let state = if player.is_playing { "play" } else { "pause" };
        let delivery = pnm::PrivateDataDelivery {
            to_user_id: to.to_string(),
            echo_to_sender: false,
            r#type: PrivateDataDeliveryType::DataMsg.into(),
        };
        let delivery = wire::json::encode(&delivery);
        for action in ["seeked", state] {
            let message = pnm::DataChannelMessage {
                id: self.ids.uuid(),
                r#type: DataMsgBodyType::ExternalMediaPlayerEvents.into(),
                from_user_id: from.clone(),
                to_user_id: Some(to.to_string()),
                message: json!({ "action": action, "seekTo": position }).to_string(),
                bin_message: None,
            };
            let payload = self.envelope(Event::DeliveryPrivateData, delivery.clone(), message.encode_to_vec());
            let letter = Letter { route: Route::Private, unix_ms: now.unix_ms, payload, keep: Keep::No, from: None };
            self.put(now, std::slice::from_ref(to), &letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://localhost:8080";

    #[test]
    fn public_addresses_and_files_of_this_server_may_be_played() {
        for good in [
            "https://video.example.org/a.mp4",
            "HTTPS://video.example.org:8443/a?b=c#t=1",
            "https://93.184.216.34/a.mp4",
            "https://[2606:4700::1111]/a.mp4",
            "https://example.org.",
            "http://localhost:8080/download/uploadedFile/s/f.mp4",
        ] {
            assert!(MediaUrl::parse(good, OWN).is_ok(), "{good}");
        }
    }

    #[test]
    fn nothing_else_may() {
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL));
        for bad in [
            "",
            "a.mp4",
            "http://example.org/a.mp4",
            "javascript:alert(1)",
            "https://",
            "https://ana@example.org/",
            "https://ana:b@example.org/",
            "https://localhost/",
            "https://printer.local/",
            "https://a.internal./",
            "https://router/",
            "https://127.0.0.1/",
            "https://10.1.2.3/a",
            "https://192.168.1.1:443/a",
            "https://[::1]/",
            "https://[fd00::1]:1/",
            "https://2130706433/",
            "https://127.1/",
            "https://0x7f.0x1/",
            "https://a..b/",
            "https://127%2e0.0.1/",
            "https://exa mple.org/",
            "http://localhost:8080/download/uploadedFile/",
            "http://localhost:8080/api/x",
            "http://localhost:80801/download/uploadedFile/x",
            long.as_str(),
        ] {
            assert_eq!(MediaUrl::parse(bad, OWN), Err(NoMediaUrl), "{bad}");
        }
    }

    #[test]
    fn a_player_goes_on_while_it_plays_and_stands_still_while_it_does_not() {
        let player = Player { is_playing: false, position: 0.0, at_ms: 1000, is_told: false };
        let playing = player.follow(2000, r#"{"action":"play","seekTo":10.5}"#).unwrap();
        assert!((playing.position_at(4500) - 13.0).abs() < 1e-9);

        let paused = playing.follow(4500, r#"{"action":"pause"}"#).unwrap();
        assert!((paused.position_at(100_000) - 13.0).abs() < 1e-9);
        let sought = playing.follow(4500, r#"{"action":"seeked","seekTo":1}"#).unwrap();
        assert!(sought.is_playing && (sought.position_at(5500) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_position_moves_nothing() {
        let player = Player { is_playing: false, position: 3.0, at_ms: 0, is_told: true };
        for said in ["", "{}", "[]", r#"{"action":"jump"}"#, r#"{"action":1}"#] {
            assert_eq!(player.follow(5, said), None, "{said}");
        }
        for seek in ["-1", "1e300", "\"5\"", "null"] {
            let followed = player.follow(5, &format!(r#"{{"action":"play","seekTo":{seek}}}"#)).unwrap();
            assert!((followed.position - 3.0).abs() < 1e-9, "{seek}");
        }
    }
}
