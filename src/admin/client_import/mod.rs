//! Imports many clients from JSON lines. A thread reads and checks the lines in windows. Meanwhile
//! the previous window is written in batches of a thousand, each in one change with one event, so
//! that other writers do not wait long.
//!
//! A strict import is atomic, however it ends: its batches are staged invisibly, and one final
//! change publishes them all.

mod line;
mod lines;
mod repeats;
mod window;

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use self::line::LineParser;
use self::repeats::Repeats;
use self::window::{Batch, Window, WindowReader};
use super::{Admin, AdminError, signing_key};
use crate::model::client::ClientId;
use crate::model::event::{Event, EventNumber};
use crate::model::signing_key::SigningAlgorithm;
use crate::random;
use crate::secret::base62;
use crate::store::client_batch::Statements;
use crate::store::{self, StoreError, client_import, key};

/// The mode of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Import each valid line.
    EachLine,
    /// Import all lines, or none if one is invalid.
    AllOrNothing,
    /// Write nothing.
    CheckOnly,
}

/// The result of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The number of lines read, without blank ones.
    pub lines: u64,
    /// The number of clients created, or that would be created.
    pub imported: u64,
    /// The number of rejected lines.
    pub refused: u64,
    /// The number of created clients without a secret.
    pub without_secret: u64,
    /// The number of secrets named without their text or hash, which could not be imported.
    pub secrets_left_out: u64,
}

/// An observer of an import.
pub trait Observer {
    /// A line was rejected.
    fn refused(&mut self, line: u64, reason: &str);
    /// Progress: bytes read, and clients written or checked.
    fn progress(&mut self, bytes: u64, clients: u64);
    /// A step that takes a while.
    fn waits(&mut self, why: &str);
}

/// Imports clients from `input`. The observer learns the result even if the import fails midway.
///
/// # Errors
/// If the input cannot be read or the store fails. A rejected line is not an error: see
/// [`Summary::refused`].
pub async fn run(
    admin: &Admin,
    input: impl Read + Send + 'static,
    mode: Mode,
    observer: &mut impl Observer,
) -> (Summary, Result<(), AdminError>) {
    let mut import = Import {
        admin,
        mode,
        statements: Statements::new(admin.store.database().engine()),
        staged_as: None,
        algorithms: Vec::new(),
        longest_ttl: None,
        ends: None,
        repeats: None,
        summary: Summary::default(),
        observer,
    };
    let done = import.run(input).await;
    if let Some(id) = import.staged_as.take() {
        // The staged clients stay invisible; the next import deletes any that remain.
        import.summary.imported = 0;
        let discarded = discard(admin, &id).await;
        return (import.summary, done.and(discarded));
    }
    (import.summary, done)
}

/// An import in progress.
struct Import<'a, O> {
    admin: &'a Admin,
    mode: Mode,
    statements: Statements,
    /// The id under which batches are staged until they are published.
    staged_as: Option<String>,
    /// The algorithms that have keys, because clients ask for them.
    algorithms: Vec<SigningAlgorithm>,
    longest_ttl: Option<Duration>,
    /// The first and the last client by id.
    ends: Option<(ClientId, ClientId)>,
    /// The ids seen by a check.
    repeats: Option<Repeats>,
    summary: Summary,
    observer: &'a mut O,
}

impl<O: Observer> Import<'_, O> {
    async fn run(&mut self, input: impl Read + Send + 'static) -> Result<(), AdminError> {
        let database = self.admin.store.database();
        let apis = store::api::all(database).await?.into_iter().map(|api| api.resource).collect();
        let secret_digests = match self.mode {
            Mode::CheckOnly => {
                self.repeats = Some(Repeats::new().map_err(unwritable)?);
                None
            }
            Mode::EachLine | Mode::AllOrNothing => {
                clean_up(self.admin, |why| self.observer.waits(why)).await?;
                database.expect_batches().await?;
                Some(self.admin.secret_digests.clone())
            }
        };
        let parser = LineParser { apis, now: self.admin.clock.now() };
        let random = Arc::clone(&self.admin.random);
        let mut windows = read_ahead(WindowReader::new(input, parser, random, secret_digests));
        if self.mode == Mode::AllOrNothing {
            let id =
                format!("ci_{}", base62::encode(&random::bytes::<16>(&*self.admin.random), 22));
            client_import::begin(database, &id, &self.admin.actor, self.admin.clock.now()).await?;
            self.staged_as = Some(id);
        }
        while let Some(window) = self.next_window(&mut windows).await? {
            self.take(window).await?;
        }
        match self.mode {
            Mode::EachLine => Ok(()),
            Mode::AllOrNothing => self.show().await,
            Mode::CheckOnly => self.refuse_repeats(),
        }
    }

    /// Waits for the next window and sends heartbeats meanwhile.
    async fn next_window(
        &self,
        windows: &mut mpsc::Receiver<Result<Window, AdminError>>,
    ) -> Result<Option<Window>, AdminError> {
        loop {
            match tokio::time::timeout(BEAT_EVERY, windows.recv()).await {
                Ok(window) => return window.transpose(),
                Err(_) => {
                    if let Some(id) = &self.staged_as {
                        client_import::beat(self.admin.store.database(), id).await?;
                    }
                }
            }
        }
    }

    async fn take(&mut self, window: Window) -> Result<(), AdminError> {
        for (line, reason) in &window.refused {
            self.refuse(*line, reason);
        }
        self.summary.lines = window.lines;
        self.summary.secrets_left_out += window.left_out;
        for batch in window.batches {
            self.take_batch(batch).await?;
            self.observer.progress(window.bytes, self.summary.imported);
        }
        self.observer.progress(window.bytes, self.summary.imported);
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        self.summary.refused += 1;
        self.observer.refused(line, reason);
    }

    async fn take_batch(&mut self, batch: Batch) -> Result<(), AdminError> {
        let batch = match self.mode {
            Mode::CheckOnly => self.without_taken(batch).await?,
            Mode::EachLine | Mode::AllOrNothing => self.write(batch).await?,
        };
        self.summary.imported += count(batch.clients.len());
        self.summary.without_secret +=
            count(batch.clients.iter().filter(|(_, secrets)| secrets.is_empty()).count());
        for (client, line) in batch.clients.iter().map(|(client, _)| client).zip(&batch.lines) {
            if let Some(repeats) = &mut self.repeats {
                repeats.note(client.id.as_str(), *line).map_err(unwritable)?;
            }
        }
        Ok(())
    }

    /// Writes a batch without the clients that exist already. Returns the written part.
    async fn write(&mut self, batch: Batch) -> Result<Batch, AdminError> {
        /// Attempts while the store is busy or another process creates the same client.
        const ATTEMPTS: u32 = 10;
        const PAUSE: Duration = Duration::from_millis(200);
        let mut batch = Arc::new(batch);
        let mut attempt = 0;
        loop {
            if batch.clients.is_empty() {
                return Ok(Batch::default());
            }
            attempt += 1;
            // Let single changes go ahead of this series.
            self.admin.store.database().let_others_write().await;
            match self.try_write(&batch).await {
                Ok(()) => return Ok(Arc::unwrap_or_clone(batch)),
                Err(AdminError::Store(StoreError::Conflict)) if attempt < ATTEMPTS => {
                    let before = batch.clients.len();
                    batch = Arc::new(self.without_taken(Arc::unwrap_or_clone(batch)).await?);
                    if batch.clients.len() < before {
                        attempt = 0;
                    } else {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(AdminError::Store(StoreError::Unavailable(_))) if attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_write(&mut self, batch: &Arc<Batch>) -> Result<(), AdminError> {
        let clients = || batch.clients.iter().map(|(client, _)| client);
        let longest_ttl = clients().filter_map(|client| client.terms.token_ttl).max();
        let (Some(first), Some(last)) = (clients().next(), clients().next_back()) else {
            return Ok(());
        };
        let (first, last) = (first.id.clone(), last.id.clone());
        for algorithm in clients()
            .flat_map(|client| [client.terms.token_alg, client.terms.introspection_alg])
            .flatten()
        {
            if !self.algorithms.contains(&algorithm) {
                if self.mode == Mode::EachLine {
                    signing_key::ensure(self.admin, algorithm).await?;
                }
                self.algorithms.push(algorithm);
            }
        }
        let Some(import) = &self.staged_as else {
            let (batch, statements) = (Arc::clone(batch), self.statements.clone());
            let change =
                self.admin.store.change::<(), AdminError, _>(self.admin.actor.clone(), move |tx| {
                    Box::pin(async move {
                        client_import::insert(tx, &statements, &batch.clients, None).await?;
                        key::raise_longest_ttl_in(tx, longest_ttl).await?;
                        let count = count(batch.clients.len());
                        Ok(((), Event::ClientsImported { count, first, last }))
                    })
                });
            return change.await.map(drop);
        };
        let database = self.admin.store.database();
        if !client_import::stage(database, &self.statements, import, &batch.clients).await? {
            return Err(taken_for_dead());
        }
        self.longest_ttl = self.longest_ttl.max(longest_ttl);
        self.ends = Some(match self.ends.take() {
            None => (first, last),
            Some((earliest, latest)) => (earliest.min(first), latest.max(last)),
        });
        Ok(())
    }

    /// Rejects the clients of a batch that already exist, and those with a secret that does.
    async fn without_taken(&mut self, batch: Batch) -> Result<Batch, AdminError> {
        let database = self.admin.store.database();
        let ids: Vec<_> = batch.clients.iter().map(|(client, _)| &client.id).collect();
        let secret_ids: Vec<_> = batch
            .clients
            .iter()
            .flat_map(|(_, secrets)| secrets.iter().map(|secret| &secret.id))
            .collect();
        let taken = self.statements.taken(database, &ids).await?;
        let taken_secrets: HashSet<String> =
            self.statements.taken_secrets(database, &secret_ids).await?.into_iter().collect();
        let mut free = Batch::default();
        for (line, (client, secrets)) in batch.lines.into_iter().zip(batch.clients) {
            let taken = taken.iter().find(|(id, _)| id == client.id.as_str());
            let taken_secret =
                secrets.iter().find(|secret| taken_secrets.contains(secret.id.as_str()));
            if let Some((id, import)) = taken {
                if import.is_some() && *import == self.staged_as {
                    self.refuse(line, &format!("client {id} is already on an earlier line"));
                } else {
                    self.refuse(line, &format!("client {id} already exists"));
                }
            } else if let Some(secret) = taken_secret {
                self.refuse(line, &format!("secret {} already exists", secret.id.as_str()));
            } else {
                free.lines.push(line);
                free.clients.push((client, secrets));
            }
        }
        Ok(free)
    }

    /// Publishes the staged clients, unless a line was rejected.
    async fn show(&mut self) -> Result<(), AdminError> {
        let (Some(import), Some((first, last))) = (self.staged_as.clone(), self.ends.clone())
        else {
            return Ok(());
        };
        if self.summary.refused > 0 {
            return Ok(());
        }
        for algorithm in &self.algorithms {
            signing_key::ensure(self.admin, *algorithm).await?;
        }
        let (count, longest_ttl) = (self.summary.imported, self.longest_ttl);
        let staged = i64::try_from(count).unwrap_or(i64::MAX);
        self.admin.store.database().let_others_write().await;
        let change =
            self.admin.store.change::<(), AdminError, _>(self.admin.actor.clone(), move |tx| {
                Box::pin(async move {
                    if !client_import::show(tx, &import, staged).await? {
                        return Err(taken_for_dead());
                    }
                    key::raise_longest_ttl_in(tx, longest_ttl).await?;
                    Ok(((), Event::ClientsImported { count, first, last }))
                })
            });
        let shown: Result<((), EventNumber), AdminError> = change.await;
        if matches!(shown, Ok(_) | Err(AdminError::Store(StoreError::OutcomeUnknown(_)))) {
            // They may be published already, and must not be deleted then.
            self.staged_as = None;
        }
        shown.map(drop)
    }

    /// At the end of a check, rejects ids that are on two distant lines.
    fn refuse_repeats(&mut self) -> Result<(), AdminError> {
        let Some(repeats) = self.repeats.take() else { return Ok(()) };
        repeats
            .find(|line, earlier| {
                self.summary.imported = self.summary.imported.saturating_sub(1);
                self.refuse(line, &format!("its client_id is already on line {earlier}"));
            })
            .map_err(unwritable)
    }
}

/// The interval of heartbeats of an import that has nothing to write.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// The time without a heartbeat after which an import counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// Reads one window ahead, on a thread of its own. Nothing waits for the thread: a pipe without a
/// writer never ends.
fn read_ahead<R: Read + Send + 'static>(
    mut reader: WindowReader<R>,
) -> mpsc::Receiver<Result<Window, AdminError>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        while let Some(window) = reader.next().transpose() {
            let is_last = window.is_err();
            if sender.blocking_send(window).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}

/// Deletes the staged clients of imports whose process has died. A live import is left alone;
/// `waits` is called before the check for life.
///
/// # Errors
/// If the store fails.
pub async fn clean_up(admin: &Admin, mut waits: impl FnMut(&str)) -> Result<(), AdminError> {
    let database = admin.store.database();
    for import in client_import::unfinished(database).await? {
        if !import.abandoned {
            waits(&format!(
                "checking whether an import started by {} is still running",
                import.actor
            ));
            tokio::time::sleep(DEAD_AFTER).await;
            if !client_import::abandon(database, &import.id, Some(import.beats)).await? {
                continue;
            }
        }
        discard(admin, &import.id).await?;
    }
    Ok(())
}

/// Deletes the staged clients of an import in batches.
async fn discard(admin: &Admin, import: &str) -> Result<(), AdminError> {
    const AT_ONCE: i64 = 1000;
    let database = admin.store.database();
    client_import::abandon(database, import, None).await?;
    loop {
        database.let_others_write().await;
        if client_import::discard_some(database, import, AT_ONCE).await? == 0 {
            break;
        }
    }
    Ok(client_import::forget(database, import).await?)
}

fn taken_for_dead() -> AdminError {
    AdminError::Invalid(
        "nothing was imported: another import assumed that this one had stopped, because it had not reported progress; run it again"
            .to_owned(),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` calls")]
fn unwritable(error: std::io::Error) -> AdminError {
    AdminError::Invalid(format!("cannot write a temporary file: {error}"))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
