//! What clients may report, checked at the door (meeting-protocol.md section 19.4).

use wire::pnm::{self, AnalyticsEventType as Scope, AnalyticsEvents as Event};

/// Longest name of a file, in bytes.
const MAX_FILE_NAME: usize = 255;
/// Longest that somebody talks without a pause, in milliseconds.
const MAX_TALK_MS: i64 = 6 * 3600 * 1000;

/// Something a client reports of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientReport {
    /// Began to talk.
    Talked,
    /// Talked for so many milliseconds.
    TalkedFor(u32),
    /// Sent a reaction.
    Reacted,
    /// Its page is `visible` or `hidden`.
    Visibility(&'static str),
    /// How well it is connected: `excellent`, `good`, `poor` or `lost`.
    Quality(&'static str),
    /// Shared a file in the chat.
    ChatFile(String),
    /// Put a file on the whiteboard.
    WhiteboardFile(String),
    /// The same, told of the room.
    RoomWhiteboardFile(String),
}

impl ClientReport {
    /// Reads a report. Ids and times in it are not looked at: the connection and the server's clock say better. `None`
    /// for what is no report, has not exactly the one value it must have, breaks a bound, or tells what the server knows
    /// itself, such as messages of the chat and muted microphones.
    pub fn read(message: &pnm::AnalyticsDataMsg) -> Option<Self> {
        let event = Event::try_from(message.event_name).ok()?;
        let scope = Scope::try_from(message.event_type).ok()?;
        let expected = if event == Event::AnalyticsEventRoomWhiteboardFiles { Scope::Room } else { Scope::User };
        if scope != expected || message.event_value_string.is_some() {
            return None;
        }
        match (event, message.event_value_integer, message.hset_value.as_deref()) {
            (Event::AnalyticsEventUserTalked, Some(1), None) => Some(Self::Talked),
            (Event::AnalyticsEventUserTalkedDuration, Some(ms @ 1..=MAX_TALK_MS), None) => {
                u32::try_from(ms).ok().map(Self::TalkedFor)
            }
            (Event::AnalyticsEventUserReaction, Some(1), None) => Some(Self::Reacted),
            (Event::AnalyticsEventUserInterfaceVisibility, None, Some(word)) => visibility(word).map(Self::Visibility),
            (Event::AnalyticsEventUserConnectionQuality, None, Some(word)) => quality(word).map(Self::Quality),
            (Event::AnalyticsEventUserChatFiles, None, Some(name)) => file_name(name).map(Self::ChatFile),
            (Event::AnalyticsEventUserWhiteboardFiles, None, Some(name)) => file_name(name).map(Self::WhiteboardFile),
            (Event::AnalyticsEventRoomWhiteboardFiles, None, Some(name)) => {
                file_name(name).map(Self::RoomWhiteboardFile)
            }
            _ => None,
        }
    }
}

/// The word if it says how a page is.
pub(crate) fn visibility(word: &str) -> Option<&'static str> {
    ["visible", "hidden"].into_iter().find(|known| *known == word)
}

/// The word if it says how good a connection is.
pub(crate) fn quality(word: &str) -> Option<&'static str> {
    ["excellent", "good", "poor", "lost"].into_iter().find(|known| *known == word)
}

fn file_name(name: &str) -> Option<String> {
    let is_plain = !name.is_empty() && name.len() <= MAX_FILE_NAME && !name.chars().any(char::is_control);
    is_plain.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<ClientReport> {
        ClientReport::read(&wire::json::decode(json.as_bytes()).unwrap())
    }

    #[test]
    fn what_the_original_client_sends_is_read() {
        for (json, report) in [
            (r#"{"eventType":1,"eventName":16,"roomId":"r","eventValueInteger":"1"}"#, ClientReport::Talked),
            (
                r#"{"eventType":"ANALYTICS_EVENT_TYPE_USER","eventName":"ANALYTICS_EVENT_USER_TALKED_DURATION",
                    "eventValueInteger":"1500"}"#,
                ClientReport::TalkedFor(1500),
            ),
            (r#"{"eventType":1,"eventName":40,"eventValueInteger":"1"}"#, ClientReport::Reacted),
            (r#"{"event_type":1,"event_name":28,"hset_value":"hidden"}"#, ClientReport::Visibility("hidden")),
            (r#"{"eventType":1,"eventName":30,"hsetValue":"poor"}"#, ClientReport::Quality("poor")),
            (r#"{"eventType":1,"eventName":23,"hsetValue":"a b.pdf"}"#, ClientReport::ChatFile("a b.pdf".into())),
            (r#"{"eventName":13,"hsetValue":"b.pdf"}"#, ClientReport::RoomWhiteboardFile("b.pdf".into())),
        ] {
            assert_eq!(read(json), Some(report), "{json}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let endless = format!(r#"{{"eventType":1,"eventName":23,"hsetValue":"{}"}}"#, "x".repeat(MAX_FILE_NAME + 1));
        for json in [
            "{}",
            r#"{"eventType":1,"eventName":99,"eventValueInteger":"1"}"#,
            r#"{"eventType":9,"eventName":16,"eventValueInteger":"1"}"#,
            // About the wrong thing.
            r#"{"eventType":0,"eventName":16,"eventValueInteger":"1"}"#,
            r#"{"eventType":1,"eventName":13,"hsetValue":"b.pdf"}"#,
            // The wrong value, two or none.
            r#"{"eventType":1,"eventName":16}"#,
            r#"{"eventType":1,"eventName":16,"eventValueInteger":"2"}"#,
            r#"{"eventType":1,"eventName":16,"eventValueInteger":"1","hsetValue":"x"}"#,
            r#"{"eventType":1,"eventName":30,"hsetValue":"poor","eventValueString":"x"}"#,
            r#"{"eventType":1,"eventName":17,"eventValueInteger":"-5"}"#,
            r#"{"eventType":1,"eventName":17,"eventValueInteger":"99999999999"}"#,
            r#"{"eventType":1,"eventName":30,"hsetValue":"splendid"}"#,
            r#"{"eventType":1,"eventName":23,"hsetValue":"a\u0000b"}"#,
            // What the server knows.
            r#"{"eventType":1,"eventName":3,"hsetValue":"1"}"#,
            r#"{"eventType":1,"eventName":15,"hsetValue":"ANALYTICS_STATUS_MUTED"}"#,
            r#"{"eventType":1,"eventName":21,"eventValueInteger":"1"}"#,
            r#"{"eventType":1,"eventName":20,"hsetValue":"{}"}"#,
            &endless,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
