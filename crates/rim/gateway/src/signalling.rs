//! `/rtc` and `/rtc/v1`: LiveKit's signalling socket (media-protocol.md section 1). The token is checked here, the join
//! request unwrapped; everything after that is the media plane's.

use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use meeting::{AccessError, AuthorizeRefusal};
use ports::media::{ConnectError, MediaJoin, SignalDown, SignalLink, Topology};
use prost::Message as _;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, instrument};
use wire::lk;

use crate::{Gateway, closing};

/// Largest signalling message, either way (section 1.6).
const MAX_MESSAGE: usize = 2 * 1024 * 1024;
/// Largest message in JSON, which only tests speak: decoding it costs far more than its size.
const MAX_TEXT: usize = 256 * 1024;
/// WebSocket pings keep proxies from closing a quiet socket (section 1.6).
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How often a client gets a fresh token (section 4.4).
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
/// A client that takes nothing for this long is gone; it resumes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A request that may or may not ask for a WebSocket.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

pub(crate) async fn upgrade_single(
    state: State<Gateway>,
    query: RawQuery,
    headers: HeaderMap,
    ws: Upgrade,
) -> Response {
    upgrade(state, query, headers, ws, Topology::Single).await
}

pub(crate) async fn upgrade_dual(state: State<Gateway>, query: RawQuery, headers: HeaderMap, ws: Upgrade) -> Response {
    upgrade(state, query, headers, ws, Topology::Dual).await
}

pub(crate) async fn validate_single(state: State<Gateway>, query: RawQuery, headers: HeaderMap) -> Response {
    validate(state, query, headers, Topology::Single).await
}

pub(crate) async fn validate_dual(state: State<Gateway>, query: RawQuery, headers: HeaderMap) -> Response {
    validate(state, query, headers, Topology::Dual).await
}

/// The checks of the upgrade without opening a session; clients ask here why a socket failed.
async fn validate(
    State(gateway): State<Gateway>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    topology: Topology,
) -> Response {
    // Whose socket was refused cannot see with which status: here they can.
    let refusal = match Asked::read(query.as_deref(), &headers, topology) {
        Ok(asked) => refusal(&gateway, &asked).await,
        Err(refusal) => Some(refusal),
    };
    with_cors(refusal.map_or_else(|| (StatusCode::OK, "success").into_response(), Refusal::into_response))
}

async fn upgrade(
    State(gateway): State<Gateway>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    ws: Upgrade,
    topology: Topology,
) -> Response {
    let Ok(ws) = ws else { return (StatusCode::NOT_FOUND, "not found").into_response() };
    let asked = match Asked::read(query.as_deref(), &headers, topology) {
        Ok(asked) => asked,
        Err(refusal) => return with_cors(refusal.into_response()),
    };
    let link = match gateway.meetings.connect_media(&asked.token, |join| asked.complete(join)).await {
        Ok(link) => link,
        Err(refusal) => return with_cors(Refusal::into_response(refusal)),
    };
    let token = asked.token;
    ws.max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| async move { serve(gateway, token, link, socket).await })
}

/// Why a media socket is not opened, as clients understand it (section 1.5).
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Unauthorized,
    /// They say of themselves what only the token may say.
    Undescribed,
    NoRoom,
    /// The token is good, but nobody and no room can be called what it says.
    Unnameable,
    Malformed,
    Unavailable,
    Full,
    NoPlace,
}

impl Refusal {
    /// As it is counted.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "token",
            Self::Undescribed => "grant",
            Self::NoRoom => "no_room",
            Self::Unnameable => "name",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Full => "full",
            Self::NoPlace => "room",
        }
    }
}

/// A socket was not opened, or was closed for what came over it.
fn refused(reason: &'static str) {
    metrics::counter!("plenum_signal_refused_total", "reason" => reason).increment(1);
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refused(self.as_str());
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "invalid or expired token"),
            Self::Undescribed => (StatusCode::UNAUTHORIZED, "permissions denied"),
            Self::NoRoom => (StatusCode::NOT_FOUND, "requested room does not exist"),
            Self::Unnameable => (StatusCode::BAD_REQUEST, "room name, identity or name cannot be used"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed join request"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "no new sessions now"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "the media server is full"),
            Self::NoPlace => (StatusCode::SERVICE_UNAVAILABLE, "the room is full"),
        }
        .into_response()
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(AuthorizeRefusal::NotActive) => Self::NoRoom,
            // A messaging socket that is about to come back: a client that hears 401 gives up for good.
            AccessError::Unavailable(_) | AccessError::Refused(AuthorizeRefusal::NotInside) => Self::Unavailable,
            AccessError::Unnameable => Self::Unnameable,
            AccessError::Expired | AccessError::Invalid | AccessError::Refused(_) => Self::Unauthorized,
        }
    }
}

impl From<ConnectError> for Refusal {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Malformed => Self::Malformed,
            // A meeting of that name begins or ends in this moment.
            ConnectError::Unavailable | ConnectError::Taken => Self::Unavailable,
            ConnectError::Full => Self::Full,
            ConnectError::NoPlace => Self::NoPlace,
        }
    }
}

fn with_cors(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, axum::http::HeaderValue::from_static("*"));
    response
}

/// Why somebody who asks would be refused now.
async fn refusal(gateway: &Gateway, asked: &Asked) -> Option<Refusal> {
    let admitted = gateway.meetings.enter_media(&asked.token).await.map_err(Refusal::from);
    match admitted.and_then(|admission| asked.complete(admission.join)) {
        Ok(join) => gateway.meetings.media_refusal(&join).await.map(Refusal::from),
        Err(refusal) => Some(refusal),
    }
}

/// What a client asks for.
struct Asked {
    token: String,
    topology: Topology,
    /// Parameters of the address.
    query: Vec<(String, String)>,
}

impl Asked {
    fn read(query: Option<&str>, headers: &HeaderMap, topology: Topology) -> Result<Self, Refusal> {
        let query: Vec<(String, String)> = query.map(parse_query).unwrap_or_default();
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let token = find(&query, "access_token").or(bearer).ok_or(Refusal::Unauthorized)?.to_owned();
        Ok(Self { token, topology, query })
    }

    /// The join of somebody who was let in.
    fn complete(&self, mut join: MediaJoin) -> Result<MediaJoin, Refusal> {
        join.topology = self.topology;
        join.request = match find(&self.query, "join_request") {
            Some(wrapped) => wire::join_request::decode(wrapped).map_err(|_| Refusal::Malformed)?.into(),
            None if self.topology == Topology::Single => return Err(Refusal::Malformed),
            None => {
                let pairs = self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                wire::join_request::from_query(pairs).encode_to_vec().into()
            }
        };
        if !join.permission.update_own && wire::join_request::describes_sender(&join.request) {
            return Err(Refusal::Undescribed);
        }
        Ok(join)
    }
}

fn find<'q>(query: &'q [(String, String)], key: &str) -> Option<&'q str> {
    query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// Splits a query string and undoes the percent encoding; what is not UTF-8 is left out.
fn parse_query(query: &str) -> Vec<(String, String)> {
    const MAX_PAIRS: usize = 64;
    query
        .split('&')
        .take(MAX_PAIRS)
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decode(name)?, percent_decode(value)?))
        })
        .collect()
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// The encoding of the last frame a client sent; answers use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Binary,
    Json,
}

#[instrument(skip_all)]
async fn serve(gateway: Gateway, mut token: String, link: SignalLink, socket: WebSocket) {
    metrics::gauge!("plenum_signal_sockets").increment(1);
    let SignalLink { up, mut down } = link;
    let (mut sink, mut stream) = socket.split();
    let mut encoding = Encoding::Binary;
    let mut greeted = false;
    let mut ping = interval(PING_INTERVAL);
    let mut refresh = interval(REFRESH_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            frame = stream.next() => {
                let request = match frame {
                    Some(Ok(Message::Binary(bytes))) => {
                        encoding = Encoding::Binary;
                        bytes
                    }
                    Some(Ok(Message::Text(text))) => {
                        encoding = Encoding::Json;
                        let short = Some(&text).filter(|text| text.len() <= MAX_TEXT);
                        let request = short.and_then(|text| serde_json::from_str::<lk::SignalRequest>(text).ok());
                        let Some(request) = request else {
                            refused("text");
                            break;
                        };
                        request.encode_to_vec().into()
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_))) | None => break,
                    Some(Err(error)) => {
                        debug!(%error, "a signalling socket broke");
                        refused("socket");
                        break;
                    }
                };
                if up.send(request).await.is_err() {
                    break;
                }
                continue;
            }
            message = down.recv() => match message {
                Some(SignalDown::Message(bytes)) => {
                    greeted = true;
                    encode(encoding, bytes)
                }
                Some(SignalDown::Renew(renewed)) => {
                    let Some(fresh) = gateway.meetings.renew_media_token(&token, &renewed) else { continue };
                    token.clone_from(&fresh);
                    refreshed(encoding, fresh)
                }
                Some(SignalDown::Close) | None => break,
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
            _ = refresh.tick(), if greeted => {
                let Some(fresh) = gateway.meetings.refresh_media_token(&token).await else { continue };
                token.clone_from(&fresh);
                refreshed(encoding, fresh)
            }
        };
        if !matches!(timeout(WRITE_TIMEOUT, sink.send(frame)).await, Ok(Ok(()))) {
            break;
        }
    }
    let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    closing::say_goodbye(Message::Close(Some(close)), &mut sink, &mut stream).await;
    debug!("signalling socket is closed");
    metrics::gauge!("plenum_signal_sockets").decrement(1);
}

fn refreshed(encoding: Encoding, token: String) -> Message {
    let response = lk::SignalResponse { message: Some(lk::signal_response::Message::RefreshToken(token)) };
    encode(encoding, response.encode_to_vec().into())
}

fn encode(encoding: Encoding, response: Bytes) -> Message {
    if encoding == Encoding::Json
        && let Ok(decoded) = lk::SignalResponse::decode(response.clone())
        && let Ok(text) = serde_json::to_string(&decoded)
    {
        return Message::Text(text.into());
    }
    Message::Binary(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_room_now_is_told_503_and_why_and_who_sends_rubbish_400() {
        let answer = |error: ConnectError| Refusal::from(error).into_response().status().as_u16();
        let temporary = [ConnectError::Unavailable, ConnectError::Full, ConnectError::NoPlace, ConnectError::Taken];
        assert_eq!(temporary.map(answer), [503; 4]);
        assert_eq!(answer(ConnectError::Malformed), 400);
    }

    #[test]
    fn a_query_is_decoded_and_bounded() {
        assert_eq!(
            parse_query("access_token=a.b&name=%C3%9C+1&flag"),
            [("access_token", "a.b"), ("name", "Ü 1"), ("flag", "")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        assert_eq!(parse_query(&"a=1&".repeat(1000)).len(), 64);
        assert_eq!(parse_query("a=%zz&b=%ff"), []);
    }
}
