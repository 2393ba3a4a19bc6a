//! What the operator says, as the parts of the server take it.

use std::sync::Arc;

use blobs::{Folders, LocalBlobs};
use http_api::FrontDoor;
use meeting::{Shelf, ShelfRules, UploadRules, Uploads, WebhookRules, Webhooks};
use store::Store;
use wire::create::{CopyrightPolicy, CreateRules, InsightsLimits, RoomLimits, ServerAbilities};
use wire::token::ApiKey;

use crate::config::{Config, Credentials};

pub(super) fn meeting_credentials(config: &Config, credentials: &Credentials) -> meeting::Credentials {
    let secret = credentials.secret.expose();
    // A key of its own for media tokens: a browser's token must open nothing of the API. Derived, so that tokens stay
    // good over a restart.
    let own = ApiKey::new("PLENUMMEDIA", wire::signature::sign(secret, b"plenum media tokens"));
    let other = config.media_server.as_ref().zip(config.media_webhooks.as_ref());
    let media = other.map_or(own, |(_, key)| ApiKey::new(key.key.clone(), key.secret.expose().clone()));
    meeting::Credentials {
        api: ApiKey::new(credentials.key.clone(), secret.clone()),
        media,
        // As in the reference: a name that only containers know is this machine to browsers.
        media_server: other.map(|(host, _)| host.replacen("host.docker.internal", "localhost", 1)),
        validity: config.api.token_validity,
    }
}

/// Whom rooms tell; nobody unless the operator wants it.
pub(super) fn webhooks(config: &Config) -> Webhooks {
    let wanted = &config.webhooks;
    let media_urls = wanted.media_urls.clone();
    let rules = if wanted.enable {
        WebhookRules {
            url: wanted.url.clone(),
            media_urls,
            per_room: wanted.enable_for_per_meeting,
            allow_private: wanted.allow_private,
        }
    } else {
        WebhookRules { media_urls, ..WebhookRules::default() }
    };
    Webhooks { rules: Arc::new(rules), ..Webhooks::default() }
}

pub(super) fn blobs(config: &Config) -> Arc<LocalBlobs> {
    let (recordings, artifacts, uploads) = (&config.recordings, &config.artifacts, &config.uploads.path);
    Arc::new(LocalBlobs::new(Folders {
        recordings: recordings.folder.clone(),
        recordings_trash: recordings.trash.clone(),
        artifacts: artifacts.folder.clone(),
        artifacts_trash: artifacts.trash.clone(),
        uploads: uploads.clone(),
        upload_parts: uploads.join(".parts"),
    }))
}

pub(super) fn uploads(config: &Config, blobs: Arc<LocalBlobs>) -> Uploads {
    let uploads = &config.uploads;
    let rules = UploadRules {
        max_bytes: uploads.max_size,
        max_whiteboard_bytes: uploads.max_whiteboard_size,
        allowed_types: uploads.allowed_types.clone(),
        room_bytes: uploads.max_room_size,
        keep_forever: uploads.keep_forever,
    };
    Uploads::new(blobs, rules)
}

pub(super) fn shelf(config: &Config, credentials: &Credentials, store: &Store, blobs: Arc<LocalBlobs>) -> Shelf {
    let (recordings, artifacts) = (&config.recordings, &config.artifacts);
    let key = ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone());
    let rules = ShelfRules {
        keep_deleted_recordings: recordings.keep_deleted,
        keep_deleted_artifacts: artifacts.keep_deleted,
        recording_token: recordings.token_validity,
        artifact_token: artifacts.token_validity,
    };
    Shelf::new(Arc::new(store.clone()), blobs, key, rules)
}

pub(super) fn create_rules(config: &Config) -> CreateRules {
    let megabytes = |bytes: u64| bytes >> 20;
    CreateRules {
        defaults: config.meeting.defaults.clone(),
        limits: RoomLimits {
            max_participants: config.meeting.max_participants.map_or(0, Into::into),
            max_duration: config.meeting.max_duration_minutes.map_or(0, Into::into),
            max_breakout_rooms: Some(config.meeting.max_breakout_rooms),
            chat_file_size: megabytes(config.uploads.max_size),
            chat_file_types: config.uploads.allowed_types.clone(),
            whiteboard_file_size: megabytes(config.uploads.max_whiteboard_size),
        },
        copyright: config.meeting.copyright.as_ref().map_or_else(CopyrightPolicy::default, |copyright| {
            CopyrightPolicy {
                display: copyright.display,
                text: copyright.text.clone(),
                allow_override: copyright.allow_override,
            }
        }),
        // What a room allows is its creator's word and is kept as sent (decision 0004); whether this server has an
        // engine for it shows when somebody turns it on.
        abilities: ServerAbilities { insights: Some(InsightsLimits::default()), sip: true },
    }
}

/// A passphrase is always asked for. Without one the door is open only to people on this machine, and a proxy on this
/// machine speaks for others.
pub(super) fn front_door(config: &Config) -> FrontDoor {
    let own_machine_only = config.http.listen.is_loopback() && config.http.proxy.is_none();
    match &config.front_door.passphrase {
        Some(passphrase) => FrontDoor::Passphrase(passphrase.clone()),
        None if config.dev || own_machine_only => FrontDoor::Open,
        None => FrontDoor::Closed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_api::FORWARDED_FOR;
    use model::Redacted;

    use super::*;
    use crate::config::{self, Proxy};

    #[test]
    fn what_the_operator_says_reaches_a_new_room() {
        let mut config = Config::default();
        config.meeting.max_participants = std::num::NonZeroU32::new(20);
        config.meeting.max_duration_minutes = std::num::NonZeroU64::new(45);
        config.meeting.max_breakout_rooms = 2;
        config.meeting.defaults.set("allow_webcams", 0);
        config.meeting.copyright =
            Some(config::Copyright { display: true, text: "Ours".to_owned(), allow_override: false });
        config.uploads.max_size = 7 << 20;
        config.uploads.max_whiteboard_size = 3 << 20;
        config.uploads.allowed_types = vec!["pdf".to_owned()];
        config.api.token_validity = Duration::from_secs(77);
        let body = br#"{"room_id":"a","metadata":{"room_title":"t","room_features":{},"copyright_conf":{"text":"x"}}}"#;

        let room = wire::create::decode_create(body, &create_rules(&config), 1, &mut |_| {}).unwrap();

        assert_eq!(room.max_participants, Some(20));
        let metadata = room.metadata.unwrap();
        assert_eq!(metadata.copyright_conf.unwrap().text, "Ours");
        let features = metadata.room_features.unwrap();
        assert!(!features.allow_webcams && features.allow_screen_share);
        assert_eq!(features.room_duration, Some(45));
        assert_eq!(features.breakout_room_features.unwrap().allowed_number_rooms, 2);
        let chat = features.chat_features.unwrap();
        assert_eq!((chat.max_file_size, chat.allowed_file_types), (Some(7), vec!["pdf".to_owned()]));
        assert_eq!(features.whiteboard_features.unwrap().max_allowed_file_size, Some(3));

        let key = Credentials { key: "key".to_owned(), secret: Redacted::new("s".repeat(32)) };
        assert_eq!(meeting_credentials(&config, &key).validity, Duration::from_secs(77));
    }

    #[test]
    fn without_a_passphrase_the_front_door_is_open_to_this_machine_alone() {
        for (passphrase, dev, listen, behind_proxy, mode) in [
            (false, false, "0.0.0.0", false, "closed"),
            (false, false, "192.0.2.1", false, "closed"),
            (false, false, "::", false, "closed"),
            (false, false, "0.0.0.0", true, "closed"),
            (false, false, "127.0.0.1", true, "closed"),
            (false, false, "127.0.0.1", false, "open"),
            (false, false, "::1", false, "open"),
            (false, true, "0.0.0.0", false, "open"),
            (false, true, "127.0.0.1", true, "open"),
            (true, false, "0.0.0.0", false, "passphrase"),
            (true, false, "0.0.0.0", true, "passphrase"),
            (true, false, "127.0.0.1", false, "passphrase"),
            (true, false, "127.0.0.1", true, "passphrase"),
            (true, true, "0.0.0.0", false, "passphrase"),
            (true, true, "127.0.0.1", false, "passphrase"),
        ] {
            let mut config = Config { dev, ..Config::default() };
            config.http.listen = listen.parse().unwrap();
            config.http.proxy = behind_proxy.then(|| Proxy { header: FORWARDED_FOR, trusted: Vec::new() });
            config.front_door.passphrase = passphrase.then(|| Redacted::new("open sesame".to_owned()));
            let found = match front_door(&config) {
                FrontDoor::Open => "open",
                FrontDoor::Passphrase(_) => "passphrase",
                FrontDoor::Closed => "closed",
            };
            assert_eq!(found, mode, "{passphrase} {dev} {listen} {behind_proxy}");
        }
    }
}
