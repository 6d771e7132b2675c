//! `mintery db check`: a log that was cut, edited or recomputed shows.

use crate::support::Workplace;

#[test]
fn a_log_as_it_was_written_is_whole() {
    let work = Workplace::with_tables();
    for _ in 0..3 {
        work.create_client(&[]);
    }
    let ran = work.run(&["db", "check"]).succeeded();
    assert!(ran.stderr.contains("whole: 4 events"), "{ran:?}");
}

#[test]
fn a_log_that_was_tampered_with_is_broken() {
    for (damage, at) in [
        ("UPDATE events SET actor = 'nobody' WHERE number = 2", 2),
        ("UPDATE events SET at = at + 1 WHERE number = 4", 4),
        ("DELETE FROM events WHERE number = 3", 3),
        ("DELETE FROM events WHERE number = 4", 4),
        // Cut, with a head that says what the last event says.
        (
            "DELETE FROM events WHERE number > 2; UPDATE event_head SET number = 2, \
             seal = (SELECT mac FROM events WHERE number = 2)",
            3,
        ),
        ("DELETE FROM events; UPDATE event_head SET number = 0, seal = ''", 1),
    ] {
        let work = Workplace::with_tables();
        for _ in 0..3 {
            work.create_client(&[]);
        }
        work.execute(damage);
        work.run(&["db", "check"]).failed(&[&format!("event {at}:")]);
    }
}
