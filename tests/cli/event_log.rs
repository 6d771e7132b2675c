//! `mintery db check` detects a log that was cut, edited or recomputed. `mintery event …` prints
//! events.

use serde_json::Value;

use crate::support::{PATIENCE, Process, Workplace, eventually};

/// Numbers and kinds.
fn told(work: &Workplace, flags: &[&str]) -> Vec<(i64, String)> {
    let ran = work.run(&[&["event", "list", "-o", "json"], flags].concat()).succeeded();
    let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
    let events = ran.json();
    events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["number"].as_i64().unwrap(), kind(event)))
        .collect()
}

#[test]
fn events_are_listed() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    work.run(&["client", "disable", &client.id]).succeeded();
    work.create_client(&["--id", "other"]);
    work.run(&["api", "create", "--resource", "https://api.example.com", "--name", "x"])
        .succeeded();
    let kinds = [
        "instance.initialised",
        "client.created",
        "client.disabled",
        "client.created",
        "api.created",
    ];
    let all: Vec<_> = (1..).zip(kinds.map(ToOwned::to_owned)).collect();
    assert_eq!(told(&work, &[]), all);
    // The last ones, in order; or those after a number.
    assert_eq!(told(&work, &["--limit", "2"]), all[3..]);
    assert_eq!(told(&work, &["--after", "1", "--limit", "2"]), all[1..3]);
    assert_eq!(told(&work, &["--after", "5"]), []);
    assert_eq!(told(&work, &["--kind", "client"]), all[1..4]);
    assert_eq!(told(&work, &["--kind", "client.disabled"]), all[2..3]);
    assert_eq!(told(&work, &["--kind", "clien"]), []);
    assert_eq!(told(&work, &["--subject", &client.id]), all[1..3]);
    assert_eq!(told(&work, &["--actor", "system"]), all[..1]);
    let ran = work.run(&["event", "list", "-o", "json", "--subject", "other"]).succeeded().json();
    assert_eq!(ran[0]["details"]["name"], "test");
    assert!(ran[0]["actor"].as_str().unwrap().starts_with("cli:"), "{ran}");
    assert!(ran[0]["at"].is_i64());
    let table = work.run(&["event", "list"]).succeeded().stdout;
    assert!(table.contains("client.disabled") && table.contains(&client.id), "{table}");
    assert!(!table.contains(&client.secret[4..20]), "{table}");
    for misuse in
        [&["event", "list", "--limit", "0"][..], &["event", "list", "--after", "x"], &["event"]]
    {
        work.run(misuse).was_misused();
    }
}

#[test]
fn the_tail_of_the_log_grows() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "first"]);
    let flags = ["event", "tail", "-n", "1", "--kind", "client", "-o", "json"];
    let tail = Process::start(work.mintery(&flags));
    let subjects = |process: &Process| -> Vec<String> {
        let lines = process.stdout();
        let subject = |line: &str| {
            serde_json::from_str::<Value>(line).ok()?["subject"].as_str().map(str::to_owned)
        };
        lines.lines().filter_map(subject).collect()
    };
    eventually("the last one", PATIENCE, || (subjects(&tail) == ["first"]).then_some(()));
    work.run(&["api", "create", "--resource", "https://api.example.com", "--name", "x"])
        .succeeded();
    work.create_client(&["--id", "second"]);
    eventually("the next one", PATIENCE, || (subjects(&tail) == ["first", "second"]).then_some(()));
    let plain = Process::start(work.mintery(&["event", "tail", "-n", "0"]));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(plain.stdout(), "");
    work.create_client(&["--id", "third"]);
    eventually("a line", PATIENCE, || plain.stdout().contains("third").then_some(()));
    assert_eq!(plain.stdout().lines().count(), 1);
}

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
        // Cut, with a head that matches the last event.
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
