//! Results of polls as a table for spreadsheets (RFC 4180): in the meeting for its moderators, afterwards out of the
//! analytics file that the operator holds (docs/api.md, "In-meeting extensions").

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{RequestExt, Router, routing::get};
use meeting::{ActivityError, OpenFile, OpenRefusal, OptionReport, PollRefusal, PollReport};
use model::policy::Denial;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::download::attachment;
use crate::member::NOT_ALLOWED;
use crate::{App, answers, bearer, lists};

/// What of an analytics file is wanted, as the query says it.
pub(crate) const PART: &str = "polls.csv";
/// Larger analytics files are not looked into, in bytes; one session makes a third of that at most.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Tells spreadsheets that the text is UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';
const COLUMNS: [&str; 11] = [
    "poll_id",
    "question",
    "asked_at",
    "closed_at",
    "multiple_choice",
    "anonymous",
    "people_voted",
    "option_id",
    "option",
    "votes",
    "chosen_by",
];

/// Below `/api/plenum/polls`.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/csv", get(all)).route("/csv/{poll}", get(one))
}

async fn all(State(app): State<App>, request: Request) -> Response {
    of_meeting(&app, request, None).await
}

async fn one(State(app): State<App>, mut request: Request) -> Response {
    let poll = request.extract_parts::<Path<String>>().await.map(|path| path.0).unwrap_or_default();
    of_meeting(&app, request, Some(poll)).await
}

async fn of_meeting(app: &App, request: Request, poll: Option<String>) -> Response {
    let asked = match bearer::admit(app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    match app.deps.meetings.poll_reports(&asked.access, poll).await {
        Ok(reports) => {
            let mut answer = attached(asked.access.room.as_str(), &reports, false);
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &ActivityError<PollRefusal>) -> Response {
    let (status, answer) = match refusal {
        ActivityError::NoRoom | ActivityError::Refused(PollRefusal::Unknown) => {
            (StatusCode::NOT_FOUND, answers::refused_protobuf(refusal))
        }
        ActivityError::Failed => (StatusCode::SERVICE_UNAVAILABLE, answers::refused_protobuf(refusal)),
        ActivityError::Refused(PollRefusal::Denied(Denial::NotModerator)) => {
            (StatusCode::FORBIDDEN, answers::refused_protobuf(NOT_ALLOWED))
        }
        ActivityError::Refused(_) => (StatusCode::FORBIDDEN, answers::refused_protobuf(refusal)),
    };
    (status, answer).into_response()
}

/// The table of the polls in an analytics file; `None` if the file holds none.
pub(crate) async fn of_file(app: &App, file: &OpenFile, method: &Method) -> Result<Option<Response>, OpenRefusal> {
    if file.length > MAX_FILE {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut reader = app.deps.shelf.read(file, 0, file.length).await?.ok_or(OpenRefusal::NotFound)?;
    reader.read_to_end(&mut text).await.map_err(|_| OpenRefusal::NotFound)?;
    let head_only = *method == Method::HEAD;
    let made = tokio::task::spawn_blocking(move || {
        let (room, reports) = polls_in(&text)?;
        Some(attached(&room, &reports, head_only))
    });
    Ok(made.await.ok().flatten())
}

/// As much of an analytics file as is needed here.
#[derive(Deserialize)]
struct Session {
    room: Room,
}

#[derive(Deserialize)]
struct Room {
    room_id: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    values: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    value: String,
}

/// The room and its polls; `None` if the text is no analytics file, or one of a session without polls.
fn polls_in(text: &[u8]) -> Option<(String, Vec<PollReport>)> {
    let Session { room } = serde_json::from_slice(text).ok()?;
    let results = room.events.into_iter().find(|event| event.name == PollReport::EVENT)?;
    let reports = results.values.iter().filter_map(|value| PollReport::from_json(&value.value)).collect();
    Some((room.room_id, reports))
}

fn attached(room: &str, reports: &[PollReport], head_only: bool) -> Response {
    let table = table(reports);
    let body = if head_only { Body::empty() } else { Body::from(table) };
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, attachment(&format!("polls-{room}.csv")))], body).into_response()
}

/// One line per option.
fn table(reports: &[PollReport]) -> String {
    let mut table = String::from(BYTE_ORDER_MARK);
    line(&mut table, &COLUMNS.map(str::to_owned));
    for report in reports {
        for option in &report.options {
            line(&mut table, &cells(report, option));
        }
    }
    table
}

fn cells(report: &PollReport, option: &OptionReport) -> [String; 11] {
    let chosen_by: Vec<String> = report
        .votes
        .iter()
        .filter(|vote| vote.chosen.contains(&option.id))
        .map(|vote| format!("{} ({})", vote.name, vote.user))
        .collect();
    [
        report.id.clone(),
        report.question.clone(),
        lists::rfc_3339(report.created_ms),
        report.closed_ms.map(lists::rfc_3339).unwrap_or_default(),
        report.multiple_choice.to_string(),
        report.anonymous.to_string(),
        report.total.to_string(),
        option.id.to_string(),
        option.text.clone(),
        option.votes.to_string(),
        chosen_by.join("; "),
    ]
}

fn line(table: &mut String, cells: &[String]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            table.push(',');
        }
        push_cell(table, cell);
    }
    table.push_str("\r\n");
}

/// What a spreadsheet would take for a formula is told to be text; what would break the line is quoted.
fn push_cell(table: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_quoted = cell.contains(['"', ',', '\n', '\r']);
    if is_quoted {
        table.push('"');
    }
    if is_formula {
        table.push('\'');
    }
    for letter in cell.chars() {
        if letter == '"' {
            table.push('"');
        }
        table.push(letter);
    }
    if is_quoted {
        table.push('"');
    }
}

#[cfg(test)]
mod tests {
    use meeting::PollVote;

    use super::*;

    fn report(question: &str) -> PollReport {
        let option = |id, text: &str, votes| OptionReport { id, text: text.into(), votes };
        let vote = |user: &str, name: &str, chosen: &[u32]| PollVote {
            user: user.into(),
            name: name.into(),
            chosen: chosen.into(),
            at_ms: 0,
        };
        PollReport {
            id: "p".into(),
            question: question.into(),
            multiple_choice: true,
            anonymous: false,
            created_ms: 1_700_000_000_000,
            closed_ms: None,
            total: 2,
            options: vec![option(1, "a, b", 1), option(2, "say \"c\"", 2)],
            votes: vec![vote("ana", "Ana", &[1, 2]), vote("ben", "Ben", &[2])],
            votes_omitted: false,
        }
    }

    #[test]
    fn a_table_has_one_line_per_option_and_says_who_chose_it() {
        let text = table(&[report("Tea?")]);

        assert_eq!(
            text,
            "\u{feff}poll_id,question,asked_at,closed_at,multiple_choice,anonymous,people_voted,option_id,option,votes,\
             chosen_by\r\n\
             p,Tea?,2023-11-14T22:13:20Z,,true,false,2,1,\"a, b\",1,Ana (ana)\r\n\
             p,Tea?,2023-11-14T22:13:20Z,,true,false,2,2,\"say \"\"c\"\"\",2,Ana (ana); Ben (ben)\r\n"
        );
    }

    #[test]
    fn no_cell_is_run_as_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@a", "\tx", "=\"a\",b"] {
            let text = table(&[report(formula)]);
            assert!(!text.contains(&format!(",{formula}")) && !text.contains(&format!(",\"{formula}")), "{text}");
            assert!(text.contains(",'") || text.contains(",\"'"), "{text}");
        }
    }

    #[test]
    fn what_is_no_analytics_file_holds_no_polls() {
        for text in ["", "{}", "[]", r#"{"room":{"room_id":"r","events":[]}}"#] {
            assert!(polls_in(text.as_bytes()).is_none(), "{text}");
        }
        let rubbish =
            r#"{"room":{"room_id":"r","events":[{"name":"poll_results","values":[{"time":"1","value":"{"}]}]}}"#;
        assert_eq!(polls_in(rubbish.as_bytes()), Some(("r".into(), vec![])));
    }
}
