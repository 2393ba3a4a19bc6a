//! Relays (TURN) for browsers whose networks let media through no other way, and the logins they get.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{RoomId, UserId};
use ports::media::IceServer;
use wire::pnm;

/// How long a login is good with which somebody tries what gets through.
const TRIAL: Duration = Duration::from_secs(120);

/// Makes name and password for whom and until when, in Unix seconds.
pub type MakeLogin = Arc<dyn Fn(&str, u64) -> (String, String) + Send + Sync>;

/// Our own media as a browser can reach it, and a login with which TURN answers there.
#[derive(Clone)]
pub struct DirectWays {
    /// TURN at the addresses of media, over each transport that media takes.
    pub urls: Vec<String>,
    /// Who may ask there.
    pub login: MakeLogin,
}

/// A way that a browser may try before it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaWay {
    /// Where, and the login there.
    pub server: IceServer,
    /// Media goes there without a relay.
    pub is_direct: bool,
}

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
    /// Where media goes without any; `None` where it is on another server.
    pub direct: Option<DirectWays>,
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

    /// Every way there is, for somebody who tries them and joins nothing. The login is not the one for the meeting, so that
    /// what is tried takes no place from what is used.
    pub(crate) fn ways(&self, room: &RoomId, who: &str, now: i64) -> Vec<MediaWay> {
        let ends = u64::try_from(now).unwrap_or(0).saturating_add(TRIAL.as_secs());
        let who = format!("{room}:{who}:trial");
        let way = |url: &String, login: &MakeLogin, is_direct| {
            let (username, credential) = login(&who, ends);
            MediaWay { server: IceServer { urls: vec![url.clone()], username, credential }, is_direct }
        };
        let direct = self.direct.iter().flat_map(|direct| direct.urls.iter().map(|url| way(url, &direct.login, true)));
        let known = |url: &String| self.direct.as_ref().is_some_and(|direct| direct.urls.contains(url));
        let relayed = self.login.iter().flat_map(|login| {
            let others = self.urls.iter().filter(|url| !known(url));
            others.map(move |url| way(url, login, false))
        });
        direct.chain(relayed).collect()
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

    #[test]
    fn each_way_is_tried_once_with_a_login_of_its_own() {
        let login: MakeLogin = Arc::new(|who, ends| (format!("{ends}:{who}"), "password".to_owned()));
        let relays = Relays {
            urls: vec!["turn:192.0.2.1:8080?transport=tcp".to_owned(), "turns:relay.example.org".to_owned()],
            login: Some(login.clone()),
            direct: Some(DirectWays {
                urls: ["udp", "tcp"].map(|by| format!("turn:192.0.2.1:8080?transport={by}")).to_vec(),
                login,
            }),
            ..Relays::default()
        };
        let room = RoomId::try_from("room01").unwrap();

        let ways = relays.ways(&room, "user01", 1_700_000_000);

        let tried: Vec<_> = ways.iter().map(|way| (way.server.urls[0].as_str(), way.is_direct)).collect();
        assert_eq!(
            tried,
            [
                ("turn:192.0.2.1:8080?transport=udp", true),
                ("turn:192.0.2.1:8080?transport=tcp", true),
                ("turns:relay.example.org", false),
            ]
        );
        assert!(ways.iter().all(|way| way.server.username == "1700000120:room01:user01:trial"));
        assert_eq!(Relays::default().ways(&room, "user01", 0), []);
    }
}
