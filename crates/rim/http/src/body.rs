//! Reading bodies without letting anybody fill the memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::{App, answers};

/// Most bytes of a message that are kept. What is longer is read for its signature and then refused by the decoder.
const KEPT: usize = wire::json::MAX_BODY + 1;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Refuses a body that announces itself as too large before anything else is looked at.
pub(crate) async fn declared_length(State(app): State<App>, request: Request, next: Next) -> Response {
    if length(request.headers()).is_some_and(|length| length > app.deps.max_body) {
        return answers::too_large();
    }
    next.run(request).await
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Over the limit.
    TooLarge,
    /// The connection broke off.
    Broken,
    /// It took too long.
    Late,
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        match self {
            Self::TooLarge => answers::too_large(),
            Self::Broken => (StatusCode::BAD_REQUEST, "Bad Request").into_response(),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "Request Timeout").into_response(),
        }
    }
}

/// From so many bytes on a body waits for its turn.
const SMALL: usize = 1 << 20;
/// How long a large body may take to arrive, and before that its turn to come.
const LARGE_PATIENCE: Duration = Duration::from_secs(60);

/// How many large bodies are in memory at a time, and how many of them may be of the same people.
pub(crate) struct Turns {
    all: Semaphore,
    /// By [`Share::of`]; those nobody has or waits for any more go when others come.
    shares: Mutex<BTreeMap<String, Weak<Semaphore>>>,
}

/// So many turns at a time are for those of one name: who is slow keeps others of that name waiting, and nobody else.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) of: String,
    pub(crate) most: usize,
}

/// Large bodies of people in meetings.
pub(crate) static PEOPLE: Turns = Turns::new(8);
/// Those of applications, who do not wait for people.
pub(crate) static APPLICATIONS: Turns = Turns::new(8);

/// The right to have something large in memory, until it is dropped.
pub(crate) struct Turn {
    _turn: SemaphorePermit<'static>,
    _shares: Vec<OwnedSemaphorePermit>,
}

impl Turns {
    pub(crate) const fn new(most: usize) -> Self {
        Self { all: Semaphore::const_new(most), shares: Mutex::new(BTreeMap::new()) }
    }

    /// Waits for one, first of each of the shares in their order.
    ///
    /// # Errors
    /// [`Unread::Late`] if that takes too long.
    pub(crate) async fn next(&'static self, shares: &[Share]) -> Result<Turn, Unread> {
        let wait = async {
            let mut held = Vec::with_capacity(shares.len());
            for share in shares {
                held.push(self.share(share).acquire_owned().await.ok()?);
            }
            Some(Turn { _turn: self.all.acquire().await.ok()?, _shares: held })
        };
        tokio::time::timeout(LARGE_PATIENCE, wait).await.ok().flatten().ok_or(Unread::Late)
    }

    fn share(&self, share: &Share) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shares.get(&share.of).and_then(Weak::upgrade) {
            return known;
        }
        shares.retain(|_, known| known.strong_count() > 0);
        let new = Arc::new(Semaphore::new(share.most));
        shares.insert(share.of.clone(), Arc::downgrade(&new));
        new
    }
}

/// A body, and the right to have it in memory if it is large.
pub(crate) struct Large {
    bytes: Bytes,
    _turn: Option<Turn>,
}

impl Large {
    /// Whoever keeps the bytes keeps the whole.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of at most `most` bytes whole. One of more than a mebibyte waits for its turn, before anything is read if
/// it says its length. `shares` it is one of, the narrowest first.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn read_large(
    body: Body,
    most: usize,
    turns: &'static Turns,
    shares: &[Share],
) -> Result<Large, Unread> {
    let declared = body.size_hint().lower();
    if declared > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge);
    }
    let mut pieces = body.into_data_stream();
    let mut bytes = BytesMut::new();
    if declared <= SMALL as u64 && collect_until(&mut pieces, &mut bytes, SMALL, most).await? {
        return Ok(Large { bytes: bytes.freeze(), _turn: None });
    }
    let turn = turns.next(shares).await?;
    collect_until(&mut pieces, &mut bytes, usize::MAX, most).await?;
    Ok(Large { bytes: bytes.freeze(), _turn: Some(turn) })
}

/// Adds what comes until there are more than `enough` bytes; whether it was all.
async fn collect_until(
    pieces: &mut BodyDataStream,
    bytes: &mut BytesMut,
    enough: usize,
    most: usize,
) -> Result<bool, Unread> {
    let collected = async {
        while bytes.len() <= enough {
            let Some(piece) = pieces.next().await else { return Ok(true) };
            let piece = piece.map_err(|_| Unread::Broken)?;
            if bytes.len() + piece.len() > most {
                return Err(Unread::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(false)
    };
    tokio::time::timeout(LARGE_PATIENCE, collected).await.unwrap_or(Err(Unread::Late))
}

/// Reads a body of at most `most` bytes, hands every piece to `watch` and keeps the first mebibyte.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn read(body: Body, most: usize, watch: impl FnMut(&[u8])) -> Result<Bytes, Unread> {
    tokio::time::timeout(PATIENCE, collect(body, most, watch)).await.unwrap_or(Err(Unread::Late))
}

/// Reads a body of at most `most` bytes and keeps nothing.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn discard(body: Body, most: usize) -> Result<(), Unread> {
    let read = async {
        let (mut pieces, mut total) = (body.into_data_stream(), 0usize);
        while let Some(piece) = pieces.next().await {
            total = total.saturating_add(piece.map_err(|_| Unread::Broken)?.len());
            if total > most {
                return Err(Unread::TooLarge);
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(Unread::Late))
}

async fn collect(body: Body, most: usize, mut watch: impl FnMut(&[u8])) -> Result<Bytes, Unread> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut total) = (BytesMut::new(), 0usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Unread::Broken)?;
        total = total.saturating_add(piece.len());
        if total > most {
            return Err(Unread::TooLarge);
        }
        watch(&piece);
        kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
    }
    Ok(kept.freeze())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn of(size: usize) -> Body {
        Body::from(vec![7; size])
    }

    /// A body that does not say its length.
    fn in_pieces(count: usize) -> Body {
        let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![7; 64 * 1024]));
        Body::from_stream(stream::iter((0..count).map(move |_| piece())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_waits_for_no_turn_and_a_large_one_does() {
        static NOBODY: Turns = Turns::new(0);
        let read = async |body| read_large(body, 4 << 20, &NOBODY, &[]).await.map(|read| read.bytes().len());

        assert_eq!(read(of(SMALL)).await, Ok(SMALL));
        assert_eq!(read(in_pieces(16)).await, Ok(SMALL));
        assert_eq!(read(of(SMALL + 1)).await, Err(Unread::Late));
        assert_eq!(read(in_pieces(17)).await, Err(Unread::Late));
    }

    #[tokio::test]
    async fn a_large_body_is_read_whole_and_gives_its_turn_back() {
        static ONE: Turns = Turns::new(1);

        for body in [of(2 << 20), in_pieces(32)] {
            let large = read_large(body, 2 << 20, &ONE, &[]).await.map_err(drop).unwrap();
            assert!(large.bytes().len() == 2 << 20 && large.bytes().iter().all(|byte| *byte == 7));
            assert_eq!(ONE.all.available_permits(), 0);
            drop(large);
            assert_eq!(ONE.all.available_permits(), 1);
        }
        for body in [of((2 << 20) + 1), in_pieces(33)] {
            assert_eq!(read_large(body, 2 << 20, &ONE, &[]).await.err(), Some(Unread::TooLarge));
        }
        assert_eq!(ONE.all.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        static ONE: Turns = Turns::new(1);
        let stalled = || stream::pending::<Result<Bytes, std::io::Error>>();

        let small = read_large(Body::from_stream(stalled()), 4 << 20, &ONE, &[]).await;
        assert_eq!(small.err(), Some(Unread::Late));

        let begun = stream::iter([Ok(Bytes::from(vec![7; SMALL + 1]))]).chain(stalled());
        let large = read_large(Body::from_stream(begun), 4 << 20, &ONE, &[]).await;
        assert_eq!(large.err(), Some(Unread::Late));
        assert_eq!(ONE.all.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_of_one_name_keep_nobody_else_waiting() {
        static TWO: Turns = Turns::new(2);
        let share = |of: &str| [Share { of: of.into(), most: 1 }];
        let held = TWO.next(&share("ann")).await.map_err(drop).unwrap();

        assert_eq!(TWO.next(&share("ann")).await.err(), Some(Unread::Late));
        assert!(TWO.next(&share("bob")).await.is_ok());
        drop(held);
        assert!(TWO.next(&share("ann")).await.is_ok());
        assert!(TWO.next(&share("cleo")).await.is_ok());
        assert_eq!(TWO.shares.lock().unwrap().len(), 1, "names nobody has are forgotten");
    }
}
