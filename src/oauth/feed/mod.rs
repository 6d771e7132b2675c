//! The revocation feed, for verifiers that check tokens offline. A reader sends its position and
//! gets the revocations after it in a signed document: at once if there are any, else with the next
//! revocation or when its time is over. `docs/reference/revocation-feed.md` describes the feed for
//! authors of verifiers.
//!
//! Reading writes nothing. A reader that keeps up is answered from memory
//! ([`Recent`](crate::directory::Recent)); only a new one, or one that was away for long, costs a
//! read of the store.

mod document;
mod request;
mod snapshots;
mod waiting;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::AuthorizationServer;
use super::error::OauthError;
use crate::authn::context::Context;
use crate::clock::Timestamp;
use crate::directory::{Known, Position};
use crate::model::event::EventNumber;
use crate::model::revocation::{Kind, Revocation};
use crate::store::{StoreError, event, revocation};
use document::{Contents, FeedDocument};
pub use request::FeedRequest;
use request::{ReaderPosition, SnapshotPart};
use snapshots::SnapshotReads;
use waiting::{WaitingRequest, WaitingRequests};

/// The path of the feed.
pub const PATH: &str = "/oauth/revocations";

/// The limit of entries in a document, 1.3 MB.
const MAX_ENTRIES: usize = 20_000;

/// The limit of concurrent reads of the store.
const MAX_READING: usize = 2;

/// The time that a reader waits for its turn at the store, or for this node to reach its position.
const PATIENCE: Duration = Duration::from_secs(5);

/// The readers of the feed.
#[derive(Debug)]
pub struct Feed {
    waiting: WaitingRequests,
    snapshots: SnapshotReads,
    reading: Semaphore,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            waiting: WaitingRequests::default(),
            snapshots: SnapshotReads::default(),
            reading: Semaphore::new(MAX_READING),
        }
    }
}

/// Answers `reader`, the id of a client or user, with a signed document; a server that is `stopping`
/// ends the wait.
///
/// # Errors
/// The store is needed and unreachable.
pub async fn respond(
    server: &AuthorizationServer,
    reader: &str,
    request: &FeedRequest,
    stopping: impl Future<Output = ()>,
) -> Result<Vec<u8>, OauthError> {
    let document = match &request.after {
        Some(ReaderPosition::Changes(from)) => {
            let over = async { _ = select(pin!(sleep(request.wait)), pin!(stopping)).await };
            changes(server, reader, *from, || take_place(server, reader, request.wait), over)
                .await?
        }
        Some(ReaderPosition::Part(part)) if happened(server, part.at).await? => {
            read_part(server, reader, part, None).await?
        }
        // A part of another history: see `Look`.
        None | Some(ReaderPosition::Part(_)) => first_part(server, reader).await?,
    };
    let [snapshots, changes] = &server.context.metrics.feed.documents;
    if document.is_snapshot() { snapshots } else { changes }.increment(1);
    document.sign(server, request.nonce.as_deref())
}

/// Lets the request wait, if it wants to and few enough do.
fn take_place<'a>(
    server: &'a AuthorizationServer,
    reader: &str,
    wait: Duration,
) -> Option<WaitingRequest<'a>> {
    if wait.is_zero() {
        None
    } else {
        server.feed.waiting.begin(reader, &server.context.metrics.feed.readers)
    }
}

/// The revocations after `from`. Without any, the request waits for one until its time is `over`, if
/// it has a place.
async fn changes<'a>(
    server: &'a AuthorizationServer,
    reader: &str,
    from: Position,
    take_place: impl FnOnce() -> Option<WaitingRequest<'a>>,
    over: impl Future<Output = ()>,
) -> Result<FeedDocument, OauthError> {
    // Before the first look, so that no later revocation is missed.
    let mut news = server.context.directory.recent().news();
    let mut look = Look { reader, from, seen: from.number, era: None };
    let found = look.look(server).await?;
    if found.has_news() {
        return Ok(found);
    }
    let Some(_place) = take_place() else { return Ok(found) };
    _ = select(pin!(news.changed()), pin!(over)).await;
    look.look(server).await
}

/// A repeatable search for revocations after a position.
struct Look<'a> {
    reader: &'a str,
    from: Position,
    /// No revocation happened up to this event,
    seen: EventNumber,
    /// in this history.
    era: Option<u64>,
}

impl Look<'_> {
    async fn look(&mut self, server: &AuthorizationServer) -> Result<FeedDocument, OauthError> {
        let recent = server.context.directory.recent();
        loop {
            let era = Some(recent.era());
            if self.era != era {
                if !happened(server, self.from).await? {
                    // The position is of another history (a backup was restored), or older than
                    // the kept events.
                    return first_part(server, self.reader).await;
                }
                *self = Self { seen: self.from.number, era, ..*self };
            }
            // First, so that the result may be newer, but never older.
            let as_of = server.context.directory.known_at();
            let found = match recent.since(self.seen) {
                Some(found) => Some(found),
                None => since_in_store(server, self.seen).await?,
            };
            let Some((entries, to)) = found else { return first_part(server, self.reader).await };
            if era == Some(recent.era()) {
                if entries.is_empty() {
                    self.seen = to.number;
                }
                let contents = Contents::Changes { from: self.from.number, to, as_of };
                return Ok(FeedDocument { contents, entries });
            }
        }
    }
}

/// The revocations after event `number`, and the position that they reach; `None` if they do not fit
/// in a document.
async fn since_in_store(
    server: &AuthorizationServer,
    number: EventNumber,
) -> Result<Option<(Vec<Revocation>, Position)>, OauthError> {
    let to = current(&server.context).await?;
    let (database, events) = (server.context.admin.store.database(), [number.next(), to.number]);
    let (found, end) =
        reading(server, revocation::between(database, events, None, limit(MAX_ENTRIES + 1)))
            .await?;
    Ok(end.is_none().then_some((found, to)))
}

/// The first part of a snapshot: all revocations of tokens that have not expired.
async fn first_part(
    server: &AuthorizationServer,
    reader: &str,
) -> Result<FeedDocument, OauthError> {
    let as_of = server.context.directory.known_at();
    let part = SnapshotPart::first(current(&server.context).await?);
    read_part(server, reader, &part, Some(as_of)).await
}

/// A part of a snapshot, as the store has it now: all that it had at the first part, except what has
/// expired since. The reader learns later revocations after the last part, or twice.
async fn read_part(
    server: &AuthorizationServer,
    reader: &str,
    part: &SnapshotPart,
    as_of: Option<Timestamp>,
) -> Result<FeedDocument, OauthError> {
    let Some(_own) = server.feed.snapshots.begin(reader) else {
        return Err(OauthError::Unavailable(
            "this client is already reading another part".to_owned(),
        ));
    };
    let (database, now) = (server.context.admin.store.database(), server.context.clock.now());
    let read = async {
        let mut entries: Vec<Revocation> = Vec::new();
        for kind in Kind::ALL.into_iter().skip_while(|kind| *kind != part.kind) {
            let after = if kind == part.kind { part.after.as_str() } else { "" };
            // One more than fits shows that there is a next part.
            let left = limit((MAX_ENTRIES + 1).saturating_sub(entries.len()));
            entries.extend(revocation::page(database, kind, after, now, left).await?);
            if entries.len() > MAX_ENTRIES {
                break;
            }
        }
        Ok(entries)
    };
    let mut entries = reading(server, read).await?;
    let is_last = entries.len() <= MAX_ENTRIES;
    entries.truncate(MAX_ENTRIES);
    let next = entries.last().filter(|_| !is_last).map(|last| part.next(last.mark));
    Ok(FeedDocument {
        contents: Contents::Part { number: part.number, at: part.at, as_of, next },
        entries,
    })
}

/// True if the event at `position` is in this history. A node behind it catches up first.
async fn happened(server: &AuthorizationServer, position: Position) -> Result<bool, OauthError> {
    let (directory, store) = (&server.context.directory, &server.context.admin.store);
    if directory.recent().knows(position) == Known::Later {
        let (head, _) = reading(server, event::head(store.database())).await?;
        if position.number > head {
            return Ok(false);
        }
        directory.catch_up(position.number).await?;
        current(&server.context).await?;
    }
    match directory.recent().knows(position) {
        Known::Yes => Ok(true),
        Known::No => Ok(false),
        Known::Earlier => {
            let found = reading(server, event::from(store.database(), position.number, 1)).await?;
            Ok(found.first().is_some_and(|event| {
                event.number == position.number
                    && store.chain_key().fingerprint(&event.mac) == position.fingerprint
            }))
        }
        Known::Later => Err(OauthError::Unavailable("the event follower lags behind".to_owned())),
    }
}

/// The position of this node. Just after the start it waits for the follower's first poll.
async fn current(context: &Context) -> Result<Position, OauthError> {
    let recent = context.directory.recent();
    let mut news = recent.news();
    loop {
        if let Some(position) = recent.position() {
            return Ok(position);
        }
        if !matches!(timeout(PATIENCE, news.changed()).await, Ok(Ok(()))) {
            return Err(OauthError::Unavailable(
                "the event follower has not reached the store yet".to_owned(),
            ));
        }
    }
}

/// Reads from the store in turn, so that many new readers do not delay the issue of tokens.
async fn reading<T>(
    server: &AuthorizationServer,
    read: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, OauthError> {
    let Ok(Ok(_turn)) = timeout(PATIENCE, server.feed.reading.acquire()).await else {
        return Err(OauthError::Unavailable(
            "too many readers of the revocations in the store".to_owned(),
        ));
    };
    read.await.map_err(|error| OauthError::Unavailable(error.to_string()))
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
