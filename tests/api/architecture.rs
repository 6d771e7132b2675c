//! The shape of the sources: floors and libraries, import cycles, sizes, and tests that end early.
//!
//! Each rule is a file of its own: a function that lists the violations of sources, a test that
//! applies it to this repository, and tests of the rule itself. `source` reads the files.

mod cycles;
mod early_ends;
mod floors;
mod sizes;
pub(crate) mod source;
