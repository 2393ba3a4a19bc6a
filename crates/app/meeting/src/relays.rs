//! Relays (TURN) for browsers whose networks let media through no other way, and the logins they get.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{RoomId, UserId};
use ports::media::IceServer;
use wire::pnm;

/// Makes name and password for whom and until when, in Unix seconds.
pub type MakeLogin = Arc<dyn Fn(&str, u64) -> (String, String) + Send + Sync>;

/// What browsers are told of relays; nothing by default.
#[derive(Clone, Default)]
pub struct Relays {
    /// Where they are, e.g. `turns:meet.example.org:443?transport=tcp`; empty: there are none.
    pub urls: Vec<String>,
    /// Who may use them.
    pub login: Option<MakeLogin>,
    /// How long a login is good that a browser keeps for the whole meeting.
    pub validity: Duration,
    /// How long one is good that is renewed with every media connection.
    pub short_validity: Duration,
    /// Browsers use nothing else (`turn_server.force_turn`).
    pub force: bool,
    /// Browsers use nothing else after having not connected for so long (`turn_server.fallback_turn`).
    pub fallback: Option<Duration>,
    /// The same after so many poor samples within so long (`turn_server.fallback_on_flapping`).
    pub flapping: Option<(u32, Duration)>,
}

impl fmt::Debug for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relays").field("urls", &self.urls).field("force", &self.force).finish_non_exhaustive()
    }
}

impl Relays {
    /// For the meeting protocol (meeting-protocol.md section 18.3).
    pub(crate) fn credentials(&self, room: &RoomId, user: &UserId, now: i64) -> Option<pnm::TurnCredentials> {
        let (username, password) = self.login_for(room, user.as_str(), now, self.validity)?;
        Some(pnm::TurnCredentials {
            username,
            password,
            uris: self.urls.clone(),
            force_turn: self.force,
            fallback_turn: self.fallback.is_some(),
            // The client counts milliseconds.
            fallback_timer_duration: self
                .fallback
                .map_or(0, |after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX)),
            fallback_on_flapping: self.flapping.map(|(most, within)| pnm::FallbackOnFlapping {
                enabled: true,
                max_poor_conn_count: i32::try_from(most).unwrap_or(i32::MAX),
                check_duration_in_sec: i32::try_from(within.as_secs()).unwrap_or(i32::MAX),
            }),
        })
    }

    /// For a media connection (media-protocol.md section 17.5).
    pub(crate) fn servers(&self, room: &RoomId, who: &str, now: i64) -> Vec<IceServer> {
        let login = self.login_for(room, who, now, self.short_validity);
        let server = |(username, credential)| IceServer { urls: self.urls.clone(), username, credential };
        login.map(server).into_iter().collect()
    }

    fn login_for(&self, room: &RoomId, who: &str, now: i64, validity: Duration) -> Option<(String, String)> {
        let login = self.login.as_ref().filter(|_| !self.urls.is_empty())?;
        let ends = u64::try_from(now).unwrap_or(0).saturating_add(validity.as_secs());
        Some(login(&format!("{room}:{who}"), ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_for_one_person_and_end() {
        let relays = Relays {
            urls: vec!["turn:192.0.2.1:8080".to_owned()],
            login: Some(Arc::new(|who, ends| (format!("{ends}:{who}"), "password".to_owned()))),
            validity: Duration::from_secs(86_400),
            short_validity: Duration::from_secs(300),
            fallback: Some(Duration::from_secs(60)),
            flapping: Some((3, Duration::from_secs(120))),
            ..Relays::default()
        };
        let (room, user) = (RoomId::try_from("room01").unwrap(), UserId::try_from("user01").unwrap());

        let long = relays.credentials(&room, &user, 1_700_000_000).unwrap();
        let short = relays.servers(&room, "user01", 1_700_000_000);

        assert_eq!((long.username.as_str(), long.fallback_timer_duration), ("1700086400:room01:user01", 60_000));
        assert_eq!(long.fallback_on_flapping.unwrap().max_poor_conn_count, 3);
        assert_eq!(short[0].username, "1700000300:room01:user01");
        assert!(Relays::default().credentials(&room, &user, 0).is_none());
        assert!(Relays::default().servers(&room, "user01", 0).is_empty());
    }
}
