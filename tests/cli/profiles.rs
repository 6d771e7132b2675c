//! Profiles: the file that keeps credentials for servers.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use crate::support::caller::{Caller, Stranger};
use crate::support::{PATIENCE, Process, Workplace};

/// A server at which everybody is who they say.
fn server() -> Stranger {
    let me =
        br#"{"sub":"mc_x","kind":"api_key","name":"x","scope":"","credential":"api_key","expires_at":null}"#;
    Stranger::answering("200 OK", "", me)
}

fn caller() -> Caller {
    Caller::beside(&Workplace::new())
}

fn set_mode(path: impl AsRef<std::path::Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn last_token(server: &Stranger) -> String {
    let requests = server.requests();
    let line = requests
        .last()
        .unwrap()
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
    line.unwrap().rsplit_once(' ').unwrap().1.to_owned()
}

#[test]
fn each_profile_has_its_server_and_its_credential() {
    let (one, other, caller) = (server(), server(), caller());
    caller.login(&one.url, "mtk_live_one").succeeded();
    let arguments = ["login", "--url", &other.url, "--token", "-", "--profile", "staging"];
    caller.work.run_with_input(&arguments, b"mtk_live_other\r\n").succeeded();
    caller.run(&["whoami"]).succeeded();
    assert_eq!(last_token(&one), "mtk_live_one");
    caller.run(&["whoami", "--profile", "staging"]).succeeded();
    assert_eq!(last_token(&other), "mtk_live_other");
    let said = caller
        .run(&["whoami", "--profile", "stagin"])
        .ended_with(3, &["stagin", "default", "staging"]);
    assert!(!said.stderr.contains("mtk_live"), "{said:?}");

    // A credential is replaced without naming the server again.
    let ran = caller
        .work
        .run_with_input(&["login", "--token", "-", "--profile", "staging"], b"mtk_live_new");
    assert!(ran.succeeded().stderr.contains("replacing the old one"));
    assert_eq!(last_token(&other), "mtk_live_new");

    let caller = caller.with("MINTERY_CLI_PROFILE", "staging");
    caller.run(&["whoami"]).succeeded();
    assert_eq!(last_token(&other), "mtk_live_new");
    caller.run(&["whoami", "--profile", "default"]).succeeded();
    caller.run(&["logout"]).succeeded();
    caller.run(&["whoami"]).ended_with(3, &["staging", "default"]);
    caller.run(&["whoami", "--profile", "default"]).succeeded();
    caller.run(&["logout", "--profile", "default"]).succeeded();
    assert!(!caller.file().exists());
    let caller = caller.with("MINTERY_CLI_PROFILE", "no such/name");
    caller.run(&["whoami"]).was_misused();
}

#[test]
fn two_who_log_in_at_once_lose_nothing() {
    let (server, caller) = (server(), caller());
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let mut processes: Vec<Process> = names
        .iter()
        .map(|name| {
            let token = format!("mtk_live_{name}");
            Process::start(caller.work.mintery(&[
                "login",
                "--url",
                &server.url,
                "--token",
                &token,
                "--profile",
                name,
            ]))
        })
        .collect();
    for process in &mut processes {
        assert_eq!(process.ended(PATIENCE), Some(0), "{}", process.stderr());
    }
    for name in &names {
        caller.run(&["whoami", "--profile", name]).succeeded();
        assert_eq!(last_token(&server), format!("mtk_live_{name}"));
    }
    // No draft is left behind.
    let mut left = caller.work.entries();
    left.retain(|path| path.starts_with("config/mintery/"));
    assert_eq!(left, ["config/mintery/profiles.lock", "config/mintery/profiles.toml"]);
}

#[test]
fn a_file_that_others_may_read_is_not_used() {
    let (server, caller) = (server(), caller());
    caller.login(&server.url, "mtk_live_x").succeeded();
    let refused = |words: &[&str]| {
        let before = fs::read(caller.file()).ok();
        caller.run(&["whoami"]).ended_with(1, words);
        caller.run(&["logout"]).ended_with(1, words);
        let asked = server.requests().len();
        caller.login(&server.url, "mtk_live_y").ended_with(1, words);
        assert!(server.requests().len() <= asked + 1);
        assert_eq!(fs::read(caller.file()).ok(), before);
    };
    for mode in [0o644, 0o640, 0o604, 0o660, 0o666] {
        set_mode(caller.file(), mode);
        refused(&["profiles.toml", "chmod 600"]);
    }
    set_mode(caller.file(), 0o600);
    let folder = caller.work.path("config/mintery");
    for mode in [0o777, 0o770, 0o702] {
        set_mode(&folder, mode);
        refused(&["config/mintery", "chmod 700"]);
    }
    set_mode(&folder, 0o755);
    caller.run(&["whoami"]).succeeded();
    // Only root can give a file away.
    if chown(caller.file(), Some(12_345), None).is_ok() {
        refused(&["profiles.toml", "another user", "12345"]);
    }
}

#[test]
fn a_file_that_is_none_of_profiles_is_told_of() {
    let (server, caller) = (server(), caller());
    let url = &server.url;
    caller.login(url, "mtk_live_x").succeeded();
    for (content, words) in [
        ("[default", &["line 1"][..]),
        ("[default]\nurl = \"https://x\"\ntoken = hunter2\n", &["line 3"]),
        ("default = \"hunter2\"", &["\"default\""]),
        ("[default]\nurl = \"https://x\"\n", &["token"]),
        ("[default]\ntoken = \"hunter2\"\n", &["url"]),
        ("[default]\nurl = 5\ntoken = \"hunter2\"\n", &["url"]),
        ("[default]\nurl = \"https://x\"\ntoken = 5\n", &["token"]),
        ("[default]\nurl = \"http://x\"\ntoken = \"hunter2\"\n", &["https"]),
        ("[default]\nurl = \"https://x\"\ntoken = \"hunter2 \\u001b[31m\"\n", &["default"]),
        (
            "[default]\nurl = \"https://x\"\ntoken = \"hunter2\"\nclient_id = \"x\"\n",
            &["client_id"],
        ),
        ("[default]\nurl = \"https://x\"\nclient_id = \"hunter2\"\n", &["client_id"]),
        ("[default]\nurl = \"https://x\"\ntokn = \"hunter2\"\n", &["tokn"]),
    ] {
        fs::write(caller.file(), content).unwrap();
        let mut words = words.to_vec();
        words.extend(["profiles.toml", "damaged"]);
        let said = caller.run(&["whoami"]).ended_with(1, &words);
        assert!(!said.stderr.contains("hunter2"), "{said:?}");
    }
    // One of them is damaged, and the others are as they were.
    fs::write(
        caller.file(),
        format!("[broken]\ntoken = 5\n[default]\nurl = \"{url}\"\ntoken = \"mtk_live_x\"\n"),
    )
    .unwrap();
    caller.run(&["whoami"]).succeeded();
    caller.run(&["logout", "--profile", "broken"]).succeeded();
    caller.run(&["whoami"]).succeeded();
    caller.run(&["whoami", "--profile", "broken"]).ended_with(3, &["default"]);

    fs::write(caller.file(), [0xff, 0xfe]).unwrap();
    caller.run(&["whoami"]).ended_with(1, &["profiles.toml"]);
    fs::write(caller.file(), vec![b'#'; 2_000_000]).unwrap();
    caller.run(&["whoami"]).ended_with(1, &["too long"]);
    fs::write(caller.file(), "").unwrap();
    caller.run(&["whoami"]).ended_with(3, &["mintery login"]);
    fs::remove_file(caller.file()).unwrap();
    fs::create_dir(caller.file()).unwrap();
    caller.run(&["whoami"]).ended_with(1, &["not a regular file"]);
    fs::remove_dir(caller.file()).unwrap();
    let pipe = caller.file().display().to_string();
    assert!(caller.work.program("mkfifo").args(["-m", "600", &pipe]).status().unwrap().success());
    caller.run(&["whoami"]).ended_with(1, &["not a regular file"]);
    fs::remove_file(caller.file()).unwrap();
    symlink("/nowhere/profiles.toml", caller.file()).unwrap();
    caller.run(&["whoami"]).ended_with(3, &["mintery login"]);
}

#[test]
fn without_a_home_nothing_is_kept() {
    let server = server();
    for (config, home) in [("", ""), ("relative", ""), ("", "relative")] {
        let caller = caller().with("XDG_CONFIG_HOME", config).with("HOME", home);
        caller.login(&server.url, "mtk_live_x").ended_with(1, &["XDG_CONFIG_HOME", "HOME"]);
        caller.run(&["whoami"]).ended_with(1, &["XDG_CONFIG_HOME", "HOME"]);
        assert_eq!(caller.work.entries(), ["mintery.toml"]);
    }
    assert_eq!(server.requests(), Vec::<String>::new());
    let caller = caller();
    let home = caller.work.path("home").display().to_string();
    let caller = caller.with("XDG_CONFIG_HOME", "").with("HOME", &home);
    caller.login(&server.url, "mtk_live_x").succeeded();
    assert!(caller.work.path("home/.config/mintery/profiles.toml").exists());
    // A file stands where the folder should be.
    let caller = Caller::beside(&caller.work);
    caller.work.write("config", "");
    caller.login(&server.url, "mtk_live_x").ended_with(1, &["config/mintery"]);
}

#[test]
fn no_terminal_and_no_input() {
    let (server, caller) = (server(), caller());
    let closed = |arguments: &str| {
        let line = format!("exec \"$0\" {arguments} <&-");
        let mut command = caller.work.program("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_mintery")]);
        Process::start(command)
    };
    for arguments in [
        "login --url URL",
        "login --url URL --token -",
        "login --url URL --client-id x --secret -",
        "token decode -",
    ] {
        let mut process = closed(&arguments.replace("URL", &server.url));
        assert_eq!(process.ended(PATIENCE), Some(2), "{arguments}: {}", process.stderr());
        assert!(process.stdout().is_empty());
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}
