//! The LiveKit server that media runs on, if that is another one.

use std::sync::Arc;

use media_livekit::{Client, Refusal};
use notify::HttpOutgoing;
use wire::lk;
use wire::token::VideoGrant;

use super::Report;
use crate::config::Config;
use crate::serve;

const TOPIC: &str = "media server";

/// Whether it answers, and takes our key.
pub(super) async fn check(config: &Config, report: &mut Report) {
    let Some(host) = &config.media_server else { return };
    let client = HttpOutgoing::new().ok().and_then(|outgoing| serve::media_client(config, Arc::new(outgoing)));
    match client {
        Some(client) => judge(host, rooms(&client).await, report),
        None => report.problem(TOPIC, "requests cannot be sent", "the machine's certificates cannot be read"),
    }
}

/// How many rooms it has, which only a holder of the key is told.
async fn rooms(client: &Client) -> Result<usize, Refusal> {
    let grant = VideoGrant { room_list: true, ..VideoGrant::default() };
    let answer: lk::ListRoomsResponse = client.call("ListRooms", grant, &lk::ListRoomsRequest::default()).await?;
    Ok(answer.rooms.len())
}

fn judge(host: &str, rooms: Result<usize, Refusal>, report: &mut Report) {
    match rooms {
        Ok(rooms) => {
            let cannot = "it cannot hide webcams from others (allow_view_other_webcams)";
            report.ok(TOPIC, format!("{host} takes our key and has {rooms} rooms; {cannot}"));
        }
        Err(Refusal::Refused { code, text }) => report.problem(
            TOPIC,
            format!("{host} answers, and refuses: {code}: {text}"),
            "livekit_info.api_key and secret must be a pair of that server's configuration",
        ),
        Err(error) => report.problem(
            TOPIC,
            format!("{host}: {error}"),
            "check livekit_info.host, and that the LiveKit server runs and can be reached from this machine",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_server_is_well_if_it_takes_the_key() {
        for (rooms, level) in [
            (Ok(2), Level::Ok),
            (Err(Refusal::Refused { code: "unauthenticated".into(), text: "x".into() }), Level::Problem),
            (Err(Refusal::Unreachable("x".into())), Level::Problem),
        ] {
            let mut report = Report::default();
            judge("http://media", rooms, &mut report);
            assert_eq!(report.worst(), level);
        }
    }
}
