//! The revocation feed: what was taken back, for verifiers that check tokens without asking. A
//! reader says how far it has come, and is told the rest in a signed document: at once when there
//! is something, else as soon as there is, or when it has waited long enough.
//! `docs/reference/revocation-feed.md` is its description for those who write a verifier.
//!
//! Reading writes nothing. Who has followed is answered from memory
//! ([`Recent`](crate::directory::Recent)); only who comes anew, or was away for long, makes the
//! store be asked.

mod document;
mod places;
mod question;
mod snapshots;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::AuthorizationServer;
use super::error::OauthError;
use crate::clock::Timestamp;
use crate::directory::{Known, Position};
use crate::model::event::EventNumber;
use crate::model::revocation::{Kind, Revocation};
use crate::store::{StoreError, event, revocation};
use document::{Contents, Document};
use places::Places;
pub use question::Question;
use question::{After, Part};
use snapshots::Snapshots;

/// Where it is.
pub const PATH: &str = "/oauth/revocations";

/// The most entries of a document, which are 1.3 MB of it.
const MAX_ENTRIES: usize = 20_000;

/// Readers for whom the store is read at once.
const MAX_READING: usize = 2;

/// How long the others wait for that, and how long a node may take to come as far as its reader.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is kept of those who follow.
#[derive(Debug)]
pub struct Feed {
    places: Places,
    snapshots: Snapshots,
    reading: Semaphore,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            places: Places::default(),
            snapshots: Snapshots::default(),
            reading: Semaphore::new(MAX_READING),
        }
    }
}

/// Answers `reader`, a client, with a signed document; sooner than it would like when the server is
/// `stopping`.
///
/// # Errors
/// When the store is needed and out of reach.
pub async fn respond(
    server: &AuthorizationServer,
    reader: &str,
    question: &Question,
    stopping: impl Future<Output = ()>,
) -> Result<String, OauthError> {
    let document = match &question.after {
        Some(After::Changes(from)) => {
            let over = async { _ = select(pin!(sleep(question.wait)), pin!(stopping)).await };
            changes(server, reader, *from, || server.take_place(reader, question.wait), over)
                .await?
        }
        Some(After::Part(part)) if happened(server, part.at).await? => {
            read_part(server, reader, part, None).await?
        }
        // For that of another history see `Look`.
        None | Some(After::Part(_)) => first_part(server, reader).await?,
    };
    let [snapshots, changes] = &server.metrics.feed_documents;
    if document.is_snapshot() { snapshots } else { changes }.increment(1);
    document.sign(server, question.nonce.as_deref())
}

impl AuthorizationServer {
    /// A place among those who wait.
    fn take_place(&self, reader: &str, wait: Duration) -> Option<places::Place<'_>> {
        if wait.is_zero() {
            None
        } else {
            self.feed.places.take(reader, &self.metrics.feed_readers)
        }
    }
}

/// What was taken back after `from`. When that is nothing it is waited for until the time is
/// `over`, if there is a place.
async fn changes<'a>(
    server: &'a AuthorizationServer,
    reader: &str,
    from: Position,
    take_place: impl FnOnce() -> Option<places::Place<'a>>,
    over: impl Future<Output = ()>,
) -> Result<Document, OauthError> {
    // Before the first look: what comes after that is waited for.
    let mut news = server.directory.recent().news();
    let mut look = Look { reader, from, seen: from.number, era: None };
    let found = look.look(server).await?;
    if found.has_news() {
        return Ok(found);
    }
    let Some(_place) = take_place() else { return Ok(found) };
    _ = select(pin!(news.changed()), pin!(over)).await;
    look.look(server).await
}

/// A look at what was taken back, which may be repeated.
struct Look<'a> {
    reader: &'a str,
    from: Position,
    /// Nothing was taken back up to this event.
    seen: EventNumber,
    /// The history in which that is so.
    era: Option<u64>,
}

impl Look<'_> {
    async fn look(&mut self, server: &AuthorizationServer) -> Result<Document, OauthError> {
        let recent = server.directory.recent();
        loop {
            let era = Some(recent.era());
            if self.era != era {
                if !happened(server, self.from).await? {
                    // It is of a past that is no more (a backup was restored), or longer ago than
                    // events are kept.
                    return first_part(server, self.reader).await;
                }
                *self = Self { seen: self.from.number, era, ..*self };
            }
            // First: what is found may be newer than that, and never older.
            let as_of = server.directory.known_at();
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
                return Ok(Document { contents, entries });
            }
        }
    }
}

/// What was taken back after event `number`, and how far that goes; nothing when it does not fit
/// into a document.
async fn since_in_store(
    server: &AuthorizationServer,
    number: EventNumber,
) -> Result<Option<(Vec<Revocation>, Position)>, OauthError> {
    let to = current(server).await?;
    let (database, events) = (server.admin.store.database(), [number.next(), to.number]);
    let found =
        reading(server, revocation::between(database, events, None, limit(MAX_ENTRIES + 1)))
            .await?;
    Ok((found.len() <= MAX_ENTRIES).then_some((found, to)))
}

/// The beginning of all that was taken back and still matters.
async fn first_part(server: &AuthorizationServer, reader: &str) -> Result<Document, OauthError> {
    let as_of = server.directory.known_at();
    let part = Part::first(current(server).await?);
    read_part(server, reader, &part, Some(as_of)).await
}

/// A part of all that was taken back: as the store has it now, which is all that it had when the
/// first part was read, but for what has expired since. What came meanwhile is told after the last
/// part, or twice.
async fn read_part(
    server: &AuthorizationServer,
    reader: &str,
    part: &Part,
    as_of: Option<Timestamp>,
) -> Result<Document, OauthError> {
    let Some(_own) = server.feed.snapshots.begin(reader) else {
        return Err(OauthError::Unavailable(
            "another part is being read for this client".to_owned(),
        ));
    };
    let (database, now) = (server.admin.store.database(), server.clock.now());
    let read = async {
        let mut entries: Vec<Revocation> = Vec::new();
        for kind in Kind::ALL.into_iter().skip_while(|kind| *kind != part.kind) {
            let after = if kind == part.kind { part.after.as_str() } else { "" };
            // One more tells whether there are more.
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
    Ok(Document {
        contents: Contents::Part { number: part.number, at: part.at, as_of, next },
        entries,
    })
}

/// Whether the event at `position` happened. A node that has not come so far catches up.
async fn happened(server: &AuthorizationServer, position: Position) -> Result<bool, OauthError> {
    let (directory, store) = (&server.directory, &server.admin.store);
    if directory.recent().knows(position) == Known::Later {
        let (head, _) = reading(server, event::head(store.database())).await?;
        if position.number > head {
            return Ok(false);
        }
        directory.catch_up(position.number).await?;
        current(server).await?;
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
        Known::Later => Err(OauthError::Unavailable("the follower does not keep up".to_owned())),
    }
}

/// How far this node has come. One that has just started waits for its follower's first look.
async fn current(server: &AuthorizationServer) -> Result<Position, OauthError> {
    let recent = server.directory.recent();
    let mut news = recent.news();
    loop {
        if let Some(position) = recent.position() {
            return Ok(position);
        }
        if !matches!(timeout(PATIENCE, news.changed()).await, Ok(Ok(()))) {
            return Err(OauthError::Unavailable(
                "the follower has not reached the store yet".to_owned(),
            ));
        }
    }
}

/// Reads from the store, when it is this reader's turn: many who come at once must not keep tokens
/// from being issued.
async fn reading<T>(
    server: &AuthorizationServer,
    read: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, OauthError> {
    let Ok(Ok(_turn)) = timeout(PATIENCE, server.feed.reading.acquire()).await else {
        return Err(OauthError::Unavailable(
            "too many read the revocations from the store".to_owned(),
        ));
    };
    read.await.map_err(|error| OauthError::Unavailable(error.to_string()))
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
