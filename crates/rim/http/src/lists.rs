//! What the lists of `/auth` have in common: paging, past sessions as rows, and times as texts (http-api.md section 2.7).

use axum::response::Response;
use meeting::ShelfError;
use ports::archive::{Order, Page};
use ports::store::SessionRecord;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::error;
use wire::pnm::{self, StatusCode};

use crate::answers;

/// Rows of a list, unless the caller says otherwise.
const LIMIT: u64 = 20;
/// Most rows of a list.
const MAX_LIMIT: u64 = 100;

/// With a `T` and a `Z`, whole seconds.
const RFC_3339: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// As a database shows it.
const PLAIN: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// The page a request asks for.
pub(crate) fn page(from: u64, limit: u64, order_by: &str) -> Page {
    let limit = if limit == 0 { LIMIT } else { limit.min(MAX_LIMIT) };
    let order = if order_by == "ASC" { Order::OldestFirst } else { Order::NewestFirst };
    Page { from, limit, order }
}

/// The same, with 32-bit numbers, as the answer repeats them: `from`, `limit`, `order_by`.
pub(crate) fn echoed(page: Page, order_by: &str) -> (u32, u32, String) {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (narrow(page.from), narrow(page.limit), order(order_by))
}

/// The order as the answer repeats it.
pub(crate) fn order(order_by: &str) -> String {
    if order_by.is_empty() { "DESC".to_owned() } else { order_by.chars().take(16).collect() }
}

/// A number of rows as it travels.
pub(crate) fn total(total: u64) -> i64 {
    i64::try_from(total).unwrap_or(i64::MAX)
}

/// A past session with times as RFC 3339.
pub(crate) fn past_room(record: &SessionRecord, analytics: Option<String>) -> pnm::PastRoomInfo {
    row(record, analytics, RFC_3339)
}

/// A session beside one of its recordings or artifacts: times without letters, everything empty if it is unknown.
pub(crate) fn room_beside(record: Option<&SessionRecord>) -> pnm::PastRoomInfo {
    record.map(|record| row(record, None, PLAIN)).unwrap_or_default()
}

fn row(record: &SessionRecord, analytics: Option<String>, format: &[BorrowedFormatItem<'_>]) -> pnm::PastRoomInfo {
    let session = &record.session;
    pnm::PastRoomInfo {
        room_title: session.title.clone(),
        room_id: session.room.to_string(),
        room_sid: session.session.to_string(),
        joined_participants: record.joined_participants,
        webhook_url: session.webhook_url.clone(),
        created: text(session.created_at_ms, format),
        // A session that never ended shows the first moment of the calendar.
        ended: record.ended_at_ms.map_or_else(|| text(YEAR_ONE_MS, format), |ended| text(ended, format)),
        analytics_file_id: analytics,
    }
}

/// 0001-01-01T00:00:00Z in unix milliseconds.
const YEAR_ONE_MS: i64 = -62_135_596_800_000;

/// Unix milliseconds as RFC 3339.
pub(crate) fn rfc_3339(unix_ms: i64) -> String {
    text(unix_ms, RFC_3339)
}

fn text(unix_ms: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format).unwrap_or_default()
}

/// Says that the shelf failed. What exactly is for the log.
pub(crate) fn failed(failure: &ShelfError) -> Response {
    match failure {
        ShelfError::Store(cause) => error!(%cause, "the records could not be reached"),
        ShelfError::Files(cause) => error!(%cause, "the files could not be reached"),
    }
    answers::refused(StatusCode::InternalServerError, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_a_size_and_only_asc_ascends() {
        assert_eq!(page(0, 0, ""), Page { from: 0, limit: 20, order: Order::NewestFirst });
        assert_eq!(page(7, 100, "ASC"), Page { from: 7, limit: 100, order: Order::OldestFirst });
        assert_eq!(page(0, 101, "asc"), Page { from: 0, limit: 100, order: Order::NewestFirst });
    }

    #[test]
    fn times_are_written_in_two_ways() {
        assert_eq!(rfc_3339(1_700_000_000_999), "2023-11-14T22:13:20Z");
        assert_eq!(text(1_700_000_000_000, PLAIN), "2023-11-14 22:13:20");
        assert_eq!(rfc_3339(YEAR_ONE_MS), "0001-01-01T00:00:00Z");
        assert_eq!(rfc_3339(i64::MAX), "1970-01-01T00:00:00Z", "what no calendar holds");
    }
}
