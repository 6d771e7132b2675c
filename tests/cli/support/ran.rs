//! A command that has ended, and expectations of its output.

use std::time::Duration;

use serde_json::Value;

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    #[expect(dead_code, reason = "shown when an expectation fails")]
    pub command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Misused: code 2, nothing on standard output, something on standard error.
    #[track_caller]
    pub fn was_misused(self) -> Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert!(self.stdout.is_empty() && !self.stderr.is_empty(), "{self:#?}");
        self
    }

    /// Failed with code 1 and a reason: nothing on standard output, one line on standard error with
    /// all `words`.
    #[track_caller]
    pub fn failed(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert!(self.stdout.is_empty(), "{self:#?}");
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| !is_less_than_an_error(line)).collect();
        assert!(
            matches!(errors.as_slice(), [line] if line.starts_with("mintery: ")),
            "one line that begins with `mintery: `, please: {self:#?}"
        );
        for word in words {
            assert!(errors[0].contains(word), "does not say `{word}`: {self:#?}");
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A log line that reports no failure, such as a slow statement.
fn is_less_than_an_error(line: &str) -> bool {
    line.starts_with("20") && matches!(line.split_whitespace().nth(1), Some("INFO" | "WARN"))
}
