//! The shape of the sources: floors and libraries, import cycles, sizes, and tests that end early.
//!
//! Each rule is a file of its own: a function that lists the violations of sources, a test that
//! applies it to this repository, and tests of the rule itself. `source` reads the files.

mod cycles;
mod early_ends;
mod floors;
mod sizes;
mod source;

/// Fails if a rule finds a violation that is not `allowed`, or no longer finds an allowed one.
#[track_caller]
fn assert_only(allowed: &[&str], found: &[String]) {
    let new: Vec<_> = found.iter().filter(|one| !allowed.contains(&one.as_str())).collect();
    assert!(new.is_empty(), "{new:#?}");
    let gone: Vec<_> = allowed.iter().filter(|one| !found.iter().any(|f| f == *one)).collect();
    assert!(gone.is_empty(), "fixed; remove from the list of exceptions: {gone:#?}");
}
