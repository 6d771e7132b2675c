//! Tests that need something that the machine lacks.
//!
//! Such a test begins with `skip_unless!(condition, "reason")`, which records it as `only_on!` does.
//! With `CI=true` a skipped test fails the run.

/// Skips the test unless the machine meets a condition.
macro_rules! skip_unless {
    ($condition:expr, $reason:expr) => {
        if !$condition {
            let name = {
                fn here() {}
                std::any::type_name_of_val(&here)
            };
            $crate::support::engine::record("SKIP", &format!("{name}: {}", $reason));
            return;
        }
    };
}

pub(crate) use skip_unless;
