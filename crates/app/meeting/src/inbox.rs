//! The one place that turns bytes of a client's reliable channel into a [`Request`].

use prost::Message;
use room::{Request, Whom};
use wire::pnm::{self, NatsMsgClientToServerEvents as Event};

/// Longest text of a request, in bytes; the longest real one is a token.
const MAX_TEXT: usize = 16 * 1024;

/// As a user id: everybody.
const EVERYBODY: &str = "all";

/// Decodes one `NatsMsgClientToServer`. `None` if it is not one, breaks a bound, or asks for nothing we do.
pub(crate) fn decode(payload: &[u8]) -> Option<Request> {
    let message = pnm::NatsMsgClientToServer::decode(payload).ok()?;
    let event = Event::try_from(message.event).ok()?;
    if message.msg.len() > MAX_TEXT {
        return None;
    }
    Some(match event {
        Event::ReqInitialData => Request::InitialData,
        Event::ReqMediaServerData => Request::MediaServerData,
        Event::ReqJoinedUsersList => Request::JoinedUsers,
        Event::ReqOnlineUsersList => Request::OnlineUsers,
        Event::ReqRenewPnmToken => Request::RenewToken { token: message.msg },
        Event::Ping => Request::Ping,
        Event::ReqRaiseHand => Request::RaiseHand { text: message.msg },
        Event::ReqLowerHand => Request::LowerHand,
        Event::ReqLowerOtherUserHand => Request::LowerOthersHand {
            whose: match message.msg.as_str() {
                EVERYBODY => Whom::All,
                id => Whom::One(id.try_into().ok()?),
            },
        },
        Event::ReqPrivateDataDelivery => Request::PrivateDelivery {
            delivery: wire::json::decode(message.msg.as_bytes()).ok()?,
            payload: message.bin_msg,
        },
        Event::PushAnalyticsData => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(event: Event, msg: &str) -> Vec<u8> {
        pnm::NatsMsgClientToServer { id: "1".into(), event: event.into(), msg: msg.into(), bin_msg: Vec::new() }
            .encode_to_vec()
    }

    #[test]
    fn a_request_names_its_target_by_id() {
        let request = decode(&encoded(Event::ReqLowerOtherUserHand, "ana"));
        assert_eq!(request, Some(Request::LowerOthersHand { whose: Whom::One("ana".try_into().unwrap()) }));
        let everybody = decode(&encoded(Event::ReqLowerOtherUserHand, "all"));
        assert_eq!(everybody, Some(Request::LowerOthersHand { whose: Whom::All }));
        assert_eq!(decode(&encoded(Event::ReqLowerOtherUserHand, "a.b")), None);
    }

    #[test]
    fn garbage_and_endless_texts_ask_for_nothing() {
        assert_eq!(decode(b"\xff\xff\xff"), None);
        assert_eq!(decode(&encoded(Event::ReqRaiseHand, &"x".repeat(MAX_TEXT + 1))), None);
        assert_eq!(decode(&encoded(Event::ReqPrivateDataDelivery, "{")), None);
    }
}
