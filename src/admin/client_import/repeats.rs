//! Finds ids that are on two lines, in bounded memory. For a check, which writes no database that
//! could find them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};

use aws_lc_rs::digest;

/// The first half of the SHA-256 of an id, and its line.
const RECORD: usize = 16 + 8;

/// The number of ids compared at once.
const AT_ONCE: u64 = 400_000;

/// The ids seen so far, on disk.
#[derive(Debug)]
pub struct Repeats {
    file: BufWriter<File>,
    count: u64,
}

impl Repeats {
    /// An empty record.
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), count: 0 })
    }

    /// Records an id with its line.
    pub fn note(&mut self, id: &str, line: u64) -> io::Result<()> {
        let digest = digest::digest(&digest::SHA256, id.as_bytes());
        self.file.write_all(digest.as_ref().get(..16).unwrap_or_default())?;
        self.file.write_all(&line.to_be_bytes())?;
        self.count += 1;
        Ok(())
    }

    /// Calls `found` with each line whose id was recorded before, and the earlier line.
    pub fn find(self, mut found: impl FnMut(u64, u64)) -> io::Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let parts = self.count / AT_ONCE + 1;
        for part in 0..parts {
            let mut seen: HashMap<[u8; 16], u64> = HashMap::new();
            file.rewind()?;
            let mut records = BufReader::with_capacity(RECORD * 4096, &mut file);
            for _ in 0..self.count {
                let (mut digest, mut line) = ([0; 16], [0; 8]);
                records.read_exact(&mut digest)?;
                records.read_exact(&mut line)?;
                let line = u64::from_be_bytes(line);
                if u128::from_be_bytes(digest) % u128::from(parts) != u128::from(part) {
                    continue;
                }
                match seen.get(&digest) {
                    Some(earlier) => found(line, *earlier),
                    None => drop(seen.insert(digest, line)),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Repeats};

    #[test]
    fn finds_all_repeats_and_nothing_else() {
        let mut repeats = Repeats::new().unwrap();
        for line in 1..=AT_ONCE + 10 {
            repeats.note(&format!("client-{line}"), line).unwrap();
        }
        repeats.note("client-7", 1_000_000).unwrap();
        repeats.note("client-400005", 1_000_001).unwrap();
        let mut found = Vec::new();
        repeats.find(|line, earlier| found.push((line, earlier))).unwrap();
        found.sort_unstable();
        assert_eq!(found, [(1_000_000, 7), (1_000_001, 400_005)]);
    }
}
