//! Chosen secrets: `--secret -`.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::support::skip::skip_unless;
use crate::support::{Client, Ran, Server, Workplace, eventually};

const SECRET: &str = "correct horse: battery+staple%";

fn create(work: &Workplace, more: &[&str], input: &[u8]) -> Ran {
    let arguments = ["client", "create", "--name", "x", "--scope", "read", "--secret", "-"];
    work.run_with_input(&[&arguments[..], more].concat(), input)
}

/// From standard input, with or without a line end; only the requested JSON contains it.
#[test]
fn a_client_is_made_with_a_secret_of_ones_own() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    for end in ["", "\n", "\r\n"] {
        let ran = create(&work, &["-o", "json"], format!("{SECRET}{end}").as_bytes()).succeeded();
        let client = Client::of(&ran.json());
        assert_eq!(client.secret, SECRET);
        assert!(!ran.stderr.contains(SECRET), "{ran:?}");
        let token = server.token(&client);
        assert_eq!(server.me(&token).status, 200);
        let wrong = Client { secret: "correct horse".to_owned(), ..client };
        assert_eq!(server.ask_for_token(&wrong).status, 401);
    }
    let ran = create(&work, &["--id", "quiet"], SECRET.as_bytes()).succeeded();
    assert!(ran.stdout.is_empty() && !ran.stderr.contains(SECRET), "{ran:?}");
    let shown = work.run(&["client", "show", "quiet", "-o", "json"]).succeeded();
    assert!(shown.json()["secrets"][0]["hint"].is_null(), "{shown:?}");
    let table = work.run(&["client", "show", "quiet"]).succeeded();
    for word in ["correct", "%", "$argon2"] {
        assert!(
            !shown.stdout.contains(word) && !table.stdout.contains(word),
            "{shown:?} {table:?}"
        );
    }
}

#[test]
fn a_client_gets_another_secret_of_ones_own_and_no_third() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&["--id", "x"]);
    let add = |secret: &str| {
        work.run_with_input(&["client", "secret", "add", "x", "--secret", "-"], secret.as_bytes())
    };
    for secret in ["a first secret", "a second secret"] {
        let ran = add(secret).succeeded();
        assert!(ran.stdout.is_empty() && !ran.stderr.contains(secret), "{ran:?}");
        let client = Client { secret: secret.to_owned(), ..client.clone() };
        eventually("it is known", Duration::from_secs(1), || {
            (server.ask_for_token(&client).status == 200).then_some(())
        });
    }
    let third = add("a third secret").failed(&["at most 2"]);
    assert!(!third.stderr.contains("a third secret"), "{third:?}");
    work.run(&["client", "secret", "add", "x"]).succeeded();
    assert_eq!(server.ask_for_token(&client).status, 200);
    work.assert_no_gap_in_events();
}

/// SEC-5: it comes only from standard input, is rejected with a reason, and never repeated.
#[test]
fn a_pasted_secret_is_not_repeated() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "x"]);
    for pasted in ["mts_MARKER0123456789", "MARKER"] {
        let ran = work.run(&["client", "secret", "revoke", "x", pasted]).failed(&["cs_"]);
        assert!(!ran.stderr.contains("MARKER") && !ran.stdout.contains("MARKER"), "{ran:?}");
    }
}

#[test]
fn a_secret_that_is_not_acceptable_touches_nothing() {
    let work = Workplace::new();
    let before = work.entries();
    let long = "MARKER/0123456789".repeat(20);
    let mut huge = "MARKER".repeat(1_000_000 / 6).into_bytes();
    huge.push(b'\n');
    for (input, reason) in [
        (&b""[..], "characters"),
        (b"\n", "characters"),
        (b"MARKER", "8 to 256"),
        (long.as_bytes(), "8 to 256"),
        (&huge, "8 to 256"),
        (b"MARKER\xff\xfe12345", "printable"),
        ("MARKERé12345".as_bytes(), "printable"),
        (b"MARKER\x0012345", "printable"),
        (b"MARKER12345\nMARKER12345\n", "printable"),
        (b"MARKER12345\n\n", "printable"),
        (b" MARKER12345", "printable"),
        (b"xxxxxxxxxxxxx", "repeat a single character"),
        (b"mts_MARKER12345", "mts_"),
    ] {
        let ran = create(&work, &[], input).was_misused();
        assert!(ran.stderr.contains(reason) && !ran.stderr.contains("MARKER"), "{ran:?}");
    }
    for value in ["MARKER12345", "", "--"] {
        let ran = work.run(&["client", "create", "--name", "x", "--secret", value]).was_misused();
        assert!(!ran.stderr.contains("MARKER"), "{ran:?}");
        let ran = work.run(&["client", "secret", "add", "x", "--secret", value]).was_misused();
        assert!(!ran.stderr.contains("MARKER"), "{ran:?}");
    }
    assert_eq!(work.entries(), before);
}

/// A restarted node verifies the secret by its slow hash, and its log does not contain it.
#[test]
fn a_secret_of_ones_own_outlives_a_restart() {
    let work = Workplace::with_tables();
    let client = Client::of(&create(&work, &["-o", "json"], SECRET.as_bytes()).succeeded().json());
    for _ in 0..2 {
        let mut server = Server::start(&work);
        server.token(&client);
        server.token(&client);
        let wrong = Client { secret: "MARKER-12345".to_owned(), ..client.clone() };
        assert_eq!(server.ask_for_token(&wrong).status, 401);
        assert_eq!(server.stop(), Some(0));
        let log = server.process.stderr() + &server.process.stdout();
        for word in ["MARKER", "horse", "$argon2"] {
            assert!(!log.contains(word), "{log}");
        }
    }
}

/// At a terminal it is asked for twice, and hidden.
#[test]
fn a_prompt_shows_nothing() {
    let work = Workplace::with_tables();
    // `script` gives a program a terminal.
    let has_script = std::process::Command::new("script").arg("--version").output().is_ok();
    skip_unless!(has_script, "`script` is missing; get it with: apt-get install bsdutils");
    let prompted = |first: &str, second: &str| {
        let program = env!("CARGO_BIN_EXE_mintery");
        let line = format!("{program} client create --name x --id prompted --secret -");
        let mut command = work.program("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::piped());
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        for (prompt, line) in [("Secret: ", first), ("Repeat: ", second)] {
            // Input before the prompt is echoed by the terminal as usual.
            while !shown.ends_with(prompt.as_bytes()) {
                let mut byte = [0];
                stdout.read_exact(&mut byte).unwrap();
                shown.extend(byte);
            }
            writeln!(stdin, "{line}").unwrap();
        }
        stdout.read_to_end(&mut shown).unwrap();
        (child.wait().unwrap().code(), String::from_utf8_lossy(&shown).into_owned())
    };
    let (code, shown) = prompted(SECRET, "something else");
    assert!(
        code == Some(2) && shown.contains("the two entries differ") && !shown.contains("horse"),
        "{code:?} {shown}"
    );
    let (code, shown) = prompted(SECRET, SECRET);
    assert!(
        code == Some(0) && shown.contains("Secret: ") && !shown.contains("horse"),
        "{code:?} {shown}"
    );
    let server = Server::start(&work);
    server.token(&Client { id: "prompted".to_owned(), secret: SECRET.to_owned() });
}
