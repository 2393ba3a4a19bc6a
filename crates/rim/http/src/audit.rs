//! Who asked for what, and what came of it: one event per call below `/auth`, of the BigBlueButton API and of learning
//! platforms, under a target of its own so that it can be kept apart from the rest of the log.
//!
//! What the middleware cannot see (the key, the room, the result) is noted by whoever knows it while the call is worked
//! on. Bodies, signatures, tokens and names of people are not part of it.

use std::cell::RefCell;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;
use tracing::{Level, enabled, info};

use crate::limits::Door;
use crate::{App, frontdoor};

/// The target of the events.
pub const AUDIT: &str = "plenum::audit";

/// Longest value that is kept, in characters; ids are shorter.
const LONGEST: usize = 100;

/// What is known about a call besides its address and its answer.
#[derive(Debug, Default)]
struct Note {
    key: String,
    room: String,
    item: String,
    result: String,
}

tokio::task_local! {
    static NOTE: RefCell<Note>;
}

/// Writes the event of a call once it is answered.
pub(crate) async fn write(
    State(app): State<App>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let is_audited = Door::of(request.uri().path()).is_some_and(|door| door != Door::Api);
    if !is_audited || !enabled!(target: AUDIT, Level::INFO) {
        return next.run(request).await;
    }
    let start = Instant::now();
    let address = frontdoor::address(&app, &request);
    let route = route(matched.as_ref(), request.uri().path());
    let (answer, note) = NOTE
        .scope(RefCell::default(), async {
            let answer = next.run(request).await;
            (answer, NOTE.with(RefCell::take))
        })
        .await;
    let status = answer.status();
    let result = match note.result.as_str() {
        "" if status.is_success() || status.is_redirection() => "SUCCESS",
        "" => status.canonical_reason().unwrap_or("UNKNOWN"),
        known => known,
    };
    info!(
        target: AUDIT,
        key = note.key,
        %address,
        route,
        room = note.room,
        item = note.item,
        result,
        status = status.as_u16(),
        duration_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        "call"
    );
    answer
}

/// The route; where it has a variable part, or there is none, the path itself, without the key it may begin with.
fn route(matched: Option<&MatchedPath>, path: &str) -> String {
    let Some(matched) = matched.map(MatchedPath::as_str) else {
        return plain(path.as_bytes());
    };
    match matched.split_once("/{key}") {
        Some(_) => plain(path.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest).as_bytes()),
        None => matched.to_owned(),
    }
}

/// The key a call names, which need not be ours.
pub(crate) fn key(key: &[u8]) {
    note(|note| note.key = plain(key));
}

/// The room a call is about.
pub(crate) fn room(room: &[u8]) {
    note(|note| note.room = plain(room));
}

/// What came of it: the `status_code`, or the word that stands for it.
pub(crate) fn result(result: &str) {
    note(|note| note.result = plain(result.as_bytes()));
}

/// The same, if nobody was more precise.
pub(crate) fn result_unless_known(result: &str) {
    note(|note| {
        if note.result.is_empty() {
            result.clone_into(&mut note.result);
        }
    });
}

/// Ids at the top of a body, in either spelling.
#[derive(Deserialize)]
struct Ids {
    #[serde(default, alias = "roomId")]
    room_id: Option<String>,
    #[serde(
        default,
        alias = "recordId",
        alias = "artifact_id",
        alias = "artifactId",
        alias = "file_id",
        alias = "fileId"
    )]
    record_id: Option<String>,
}

/// The body of a call, for the ids in it. One that cannot be read has none.
pub(crate) fn body(body: &[u8]) {
    note(|note| {
        let Ok(ids) = serde_json::from_slice::<Ids>(body) else {
            return;
        };
        let plain = |id: Option<String>| plain(id.unwrap_or_default().as_bytes());
        (note.room, note.item) = (plain(ids.room_id), plain(ids.record_id));
    });
}

/// Does nothing where no call is being audited.
fn note(write: impl FnOnce(&mut Note)) {
    let _ = NOTE.try_with(|note| write(&mut note.borrow_mut()));
}

/// What callers wrote, short, and without anything that a terminal or a reader of lines would obey.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(LONGEST * 4)]);
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        out.push(if is_harmless(character) { character } else { '\u{fffd}' });
    }
    out
}

fn is_harmless(character: char) -> bool {
    // Marks that turn the direction of writing, and separators of lines, besides what is a control character to Unicode.
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_write_is_short_and_harmless() {
        assert_eq!(plain(b"room-01"), "room-01");
        assert_eq!(plain("a\r\nINFO b\u{1b}[2J\u{202e}".as_bytes()), "a\u{fffd}\u{fffd}INFO b\u{fffd}[2J\u{fffd}");
        assert_eq!(plain(&[b'x'; 5000]).chars().count(), LONGEST + 1);
        assert_eq!(plain(&[0xff, b'a']), "\u{fffd}a");
    }

    #[tokio::test]
    async fn ids_are_found_in_either_spelling() {
        let ids = |text: &'static str| {
            NOTE.sync_scope(RefCell::default(), || {
                body(text.as_bytes());
                let note = NOTE.with(RefCell::take);
                (note.room, note.item)
            })
        };
        assert_eq!(ids(r#"{"roomId":"r","x":[1]}"#), ("r".into(), String::new()));
        assert_eq!(ids(r#"{"file_id":"f"}"#), (String::new(), "f".into()));
        assert_eq!(ids("[]"), (String::new(), String::new()));
        assert_eq!(ids(r#"{"room_id":7}"#), (String::new(), String::new()));
    }
}
