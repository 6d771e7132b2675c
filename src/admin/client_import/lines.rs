//! Reads lines of any length from any input, in bounded memory.

use std::io::{self, BufRead, Read};

use zeroize::Zeroize as _;

/// The maximum length of a line in bytes: many times that of the largest valid client.
pub const MAX_LINE: usize = 256 * 1024;

const BUFFER: usize = 256 * 1024;

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its text.
    Text(&'a [u8]),
    /// The line is longer than [`MAX_LINE`] and was not kept.
    TooLong,
}

/// Reads lines.
pub struct Lines<R> {
    input: io::BufReader<R>,
    line: Vec<u8>,
    /// The number of the last line, starting at 1.
    number: u64,
    bytes: u64,
}

impl<R: Read> Lines<R> {
    pub fn of(input: R) -> Self {
        let input = io::BufReader::with_capacity(BUFFER, input);
        Self { input, line: Vec::new(), number: 0, bytes: 0 }
    }

    /// The number of bytes read.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of lines read.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The next line. The last line needs no line break; a byte order mark at the start is skipped.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut is_too_long, mut read) = (false, 0_u64);
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            is_too_long |= self.line.len() + part.len() > MAX_LINE;
            if !is_too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            read += u64::try_from(used).unwrap_or_default();
            if end.is_some() {
                break;
            }
        }
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read;
        if is_too_long {
            return Ok(Some(Line::TooLong));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let mark = line.strip_prefix("\u{feff}".as_bytes()).filter(|_| self.number == 1);
        Ok(Some(Line::Text(mark.unwrap_or(line))))
    }
}

/// Erases the buffer: it may hold secrets.
impl<R> Drop for Lines<R> {
    fn drop(&mut self) {
        self.line.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Line, Lines, MAX_LINE};

    fn read(input: impl Read) -> Vec<String> {
        let (mut lines, mut read) = (Lines::of(input), Vec::new());
        while let Some(line) = lines.next().unwrap() {
            read.push(match line {
                Line::Text(text) => String::from_utf8_lossy(text).into_owned(),
                Line::TooLong => "too long".to_owned(),
            });
        }
        assert_eq!(lines.number(), u64::try_from(read.len()).unwrap());
        read
    }

    #[test]
    fn lines_end_in_many_ways() {
        assert_eq!(read(&b""[..]), Vec::<String>::new());
        assert_eq!(read("\u{feff}a\r\n\nb\n\u{feff}c".as_bytes()), ["a", "", "b", "\u{feff}c"]);
        assert_eq!(read(&b"a\n"[..]), ["a"]);
    }

    #[test]
    fn an_endless_line_is_skipped_in_little_memory() {
        let endless = std::io::repeat(b'x').take(20_000_000);
        let mut lines = Lines::of(endless.chain(&b"\nnext"[..]));
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert!(lines.line.capacity() <= 2 * MAX_LINE);
        assert_eq!(lines.next().unwrap(), Some(Line::Text(b"next")));
        assert_eq!(lines.bytes(), 20_000_005);
        let longest = vec![b'x'; MAX_LINE];
        assert_eq!(read(&longest[..]), [String::from_utf8(longest.clone()).unwrap()]);
    }
}
