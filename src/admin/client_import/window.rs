//! Reads lines in windows, far ahead of the batches that are written, and sorts them by id: an
//! index grows many times faster when neighbors arrive together. Plain secrets are hashed
//! meanwhile, on all cores.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{LineParser, SecretText, Wanted, WantedSecret};
use super::lines::{Line, Lines, MAX_LINE};
use crate::admin::AdminError;
use crate::model::client::{ClientSecret, SecretId};
use crate::random::Random;
use crate::secret::Secret;
use crate::secret::digest::DigestKey;
use crate::secret::generated;
use crate::secret::hash::{HashError, HashMemory, SecretHash};
use crate::store::client_batch::ClientWithSecrets;

/// The number of clients written together, so that other writers do not wait long.
const BATCH: usize = 1000;

/// The maximum size of a window. The first windows are smaller, so that writing starts early.
const FIRST_CLIENTS: usize = 4096;
const MAX_CLIENTS: usize = 65_536;
const MAX_BYTES: u64 = 32 * 1024 * 1024;
const MAX_REFUSED: usize = 1000;
/// The maximum number of plain secrets; each takes 14 ms of a core.
const MAX_PLAIN: usize = 500;
/// The maximum time before a window is written, for a slow input.
const MAX_AGE: Duration = Duration::from_secs(2);

/// The lines of a window, rejected or parsed.
#[derive(Debug, Default)]
pub struct Window {
    /// The clients, sorted by id.
    pub batches: Vec<Batch>,
    /// The rejected lines, with the reason.
    pub refused: Vec<(u64, String)>,
    /// The number of secrets named without their text or hash.
    pub left_out: u64,
    /// The number of bytes read so far.
    pub bytes: u64,
    /// The number of lines read so far, without blank ones.
    pub lines: u64,
}

/// A batch of clients that are written together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The line of each client.
    pub lines: Vec<u64>,
    /// The clients.
    pub clients: Vec<ClientWithSecrets>,
}

/// Reads an import in windows. Blocks, so it needs a thread of its own.
pub struct WindowReader<R> {
    lines: Lines<R>,
    parser: LineParser,
    kept: u64,
    /// The maximum number of clients of the next window.
    most: usize,
    secret_ids: Box<dyn Iterator<Item = SecretId> + Send>,
    random: Arc<dyn Random>,
    /// Absent for a check: nothing is hashed.
    secret_digests: Option<DigestKey>,
}

impl<R: Read> WindowReader<R> {
    pub fn new(
        input: R,
        parser: LineParser,
        random: Arc<dyn Random>,
        secret_digests: Option<DigestKey>,
    ) -> Self {
        Self {
            lines: Lines::of(input),
            parser,
            kept: 0,
            most: FIRST_CLIENTS,
            secret_ids: Box::new(SecretId::sequence(&*random)),
            random,
            secret_digests,
        }
    }

    /// The next window; `None` at the end of the input.
    pub fn next(&mut self) -> Result<Option<Window>, AdminError> {
        let (mut wanted, mut window) = (Vec::new(), Window::default());
        let (began, before) = (Instant::now(), self.lines.bytes());
        let mut plain = 0;
        while wanted.len() < self.most
            && self.lines.bytes() - before < MAX_BYTES
            && window.refused.len() < MAX_REFUSED
            && plain < MAX_PLAIN
            && began.elapsed() < MAX_AGE
        {
            let number = self.lines.number() + 1;
            let parsed = match self.lines.next().map_err(unreadable)? {
                None => break,
                Some(Line::Text(text)) => self.parser.parse(number, text),
                Some(Line::TooLong) => {
                    Err(AdminError::Invalid(format!("the line is longer than {MAX_LINE} bytes")))
                }
            };
            match parsed {
                Ok(None) => {}
                Ok(Some(client)) => {
                    plain += client.secrets.iter().filter(|one| one.plain().is_some()).count();
                    wanted.push(client);
                    self.kept += 1;
                }
                Err(error) => {
                    window.refused.push((number, error.to_string()));
                    self.kept += 1;
                }
            }
        }
        self.most = MAX_CLIENTS.min(self.most * 2);
        (window.bytes, window.lines) = (self.lines.bytes(), self.kept);
        if window.bytes == before {
            return Ok(None);
        }
        refuse_repeats(&mut wanted, &mut window.refused);
        window.refused.sort_unstable();
        window.left_out = wanted.iter().map(|client| client.left_out).sum();
        let hashes = match self.secret_digests {
            Some(_) => hash_all(&wanted, &*self.random)?,
            None => Vec::new(),
        };
        let mut hashes = hashes.into_iter();
        let mut batch = Batch::default();
        for client in wanted {
            let secrets =
                client.secrets.into_iter().map(|secret| self.keep(secret, &mut hashes)).collect();
            batch.lines.push(client.line);
            batch.clients.push((client.client, secrets));
            if batch.lines.len() == BATCH {
                window.batches.push(std::mem::take(&mut batch));
            }
        }
        if !batch.lines.is_empty() {
            window.batches.push(batch);
        }
        Ok(Some(window))
    }

    /// The record of a secret. Only a generated secret has a digest: a guessable one must stay slow
    /// to compare.
    fn keep(
        &mut self,
        secret: WantedSecret,
        hashes: &mut impl Iterator<Item = SecretHash>,
    ) -> ClientSecret {
        let id = secret.id.clone().or_else(|| self.secret_ids.next());
        let id = id.unwrap_or_else(|| SecretId::generate(&*self.random));
        let (mut hint, mut digest) = (secret.hint.clone(), None);
        if let (Some(digests), Some(plain)) = (&self.secret_digests, secret.plain()) {
            if secret.generated().is_some() {
                (hint, digest) = (generated::hint(plain), Some(digests.digest(plain)));
            } else {
                hint = digests.tag(id.as_str(), plain);
            }
        }
        ClientSecret {
            id,
            hint,
            label: secret.label,
            digest,
            hash: match secret.text {
                SecretText::Hash(hash) => hash,
                // Absent in a check.
                SecretText::Plain(_) => {
                    hashes.next().unwrap_or_else(|| SecretHash::from_stored(String::new()))
                }
            },
            created_at: secret.created_at,
            expires_at: secret.expires_at,
        }
    }
}

/// The hashes of all plain secrets, in order.
fn hash_all(wanted: &[Wanted], random: &dyn Random) -> Result<Vec<SecretHash>, HashError> {
    let plain: Vec<&Secret> = wanted
        .iter()
        .flat_map(|client| client.secrets.iter().filter_map(WantedSecret::plain))
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = plain.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let hash_share = |share: &[&Secret]| {
            let mut memory = HashMemory::default();
            let hash = |plain: &&Secret| SecretHash::of(plain, random, &mut memory);
            share.iter().map(hash).collect::<Result<Vec<_>, _>>()
        };
        // Start all threads before waiting for the first.
        let threads: Vec<_> =
            plain.chunks(share).map(|share| scope.spawn(move || hash_share(share))).collect();
        let mut hashes = Vec::with_capacity(plain.len());
        for thread in threads {
            hashes.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(hashes)
    })
}

/// Sorts the clients, and rejects those whose id or secret is already on an earlier line.
fn refuse_repeats(wanted: &mut Vec<Wanted>, refused: &mut Vec<(u64, String)>) {
    wanted.sort_unstable_by(|one, other| {
        one.client.id.cmp(&other.client.id).then(one.line.cmp(&other.line))
    });
    wanted.dedup_by(|later, first| {
        let is_repeated = later.client.id == first.client.id;
        if is_repeated {
            let reason = format!("client {} is already on line {}", later.client.id, first.line);
            refused.push((later.line, reason));
        }
        is_repeated
    });
    let mut secrets = HashSet::new();
    wanted.retain(|client| {
        for id in client.secrets.iter().filter_map(|secret| secret.id.as_ref()) {
            if !secrets.insert(id.clone()) {
                refused
                    .push((client.line, format!("secret {} is also on another line", id.as_str())));
                return false;
            }
        }
        true
    });
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` calls")]
fn unreadable(error: io::Error) -> AdminError {
    AdminError::Invalid(format!("cannot read the clients: {error}"))
}
