//! `mintery user …`, beside a running server.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Ran, Server, Workplace, eventually, http, send};

const PASSWORD: &str = "lorry-Umbrella-7-quince";
const OTHER_PASSWORD: &str = "seven-Pelicans-under-9-oaks";

fn log_in(server: &Server, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password }).to_string();
    let request =
        http().post(server.url("/api/v1/session")).header("content-type", "application/json");
    send(request.body(body)).unwrap()
}

fn create(work: &Workplace, username: &str, role: &str, password: &str) -> Ran {
    let arguments =
        ["user", "create", "--username", username, "--role", role, "--password", "-", "-o", "json"];
    work.run_with_input(&arguments, password.as_bytes())
}

fn within_a_second(what: &str, status: u16, ask: impl Fn() -> Answer) {
    eventually(what, Duration::from_secs(1), || (ask().status == status).then_some(()));
}

#[test]
fn people_are_managed_at_the_command_line() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let made = create(&work, "Ann", "admin", &format!("{PASSWORD}\n")).succeeded().json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["username"], &made["role"], &made["enabled"]),
        (&json!("Ann"), &json!("admin"), &json!(true))
    );
    create(&work, "bob", "member", PASSWORD).succeeded();
    let answer = log_in(&server, "ann", PASSWORD);
    assert_eq!(answer.status, 200);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let me = || {
        send(http().get(server.url("/api/v1/users/me")).header("cookie", cookie.clone())).unwrap()
    };
    assert_eq!(me().json()["sub"], id);

    let listed = work.run(&["user", "list", "-o", "json"]).succeeded().json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let listed = work
        .run(&["user", "list", "--role", "member", "--enabled", "true", "-o", "json"])
        .succeeded()
        .json();
    assert_eq!(listed[0]["username"], "bob");
    assert!(work.run(&["user", "list"]).succeeded().stdout.contains("Ann"));
    for name in ["ann", "ANN", id] {
        assert_eq!(work.run(&["user", "show", name, "-o", "json"]).succeeded().json(), made);
    }
    let updated =
        work.run(&["user", "update", "bob", "--username", "rob", "--role", "viewer", "-o", "json"]);
    let updated = updated.succeeded().json();
    assert_eq!((&updated["username"], &updated["role"]), (&json!("rob"), &json!("viewer")));

    let orders = "https://orders.example.com";
    work.run(&["api", "create", "--resource", orders, "--name", "Orders", "--scope", "read"])
        .succeeded();
    let given = ["user", "update", "rob", "--scope", "read", "--resource", orders, "-o", "json"];
    let given = work.run(&given).succeeded().json();
    assert_eq!((&given["scope"], &given["resources"]), (&json!("read"), &json!([orders])));
    let key =
        work.run(&["key", "create", "--owner", updated["id"].as_str().unwrap(), "--name", "x"]);
    let key = key.succeeded().stdout.trim().to_owned();
    let check = || {
        let url = server.url(&format!("/auth/check?scope=read&resource={orders}"));
        send(http().get(url).header("x-api-key", key.clone())).unwrap()
    };
    within_a_second("what was given", 200, check);
    assert!(work.run(&["user", "show", "rob"]).succeeded().stdout.contains(orders));
    let less = work.run(&["user", "update", "rob", "--scope", "", "--resource", "", "-o", "json"]);
    let less = less.succeeded().json();
    assert_eq!((&less["scope"], &less["resources"]), (&json!(""), &json!([])));
    within_a_second("what was taken back", 401, check);
    work.run(&["user", "update", "rob", "--scope", "mintery:keys:read"]).was_misused();
    work.run(&["user", "update", "rob", "--resource", "https://x.example"])
        .failed(&["there is no API"]);

    work.run_with_input(
        &["user", "set-password", "ann", "--password", "-"],
        OTHER_PASSWORD.as_bytes(),
    )
    .succeeded();
    within_a_second("logged out everywhere", 401, me);
    assert_eq!(log_in(&server, "ann", PASSWORD).status, 401);
    assert_eq!(log_in(&server, "ann", OTHER_PASSWORD).status, 200);

    work.run(&["user", "disable", "rob"]).succeeded();
    assert_eq!(log_in(&server, "rob", PASSWORD).status, 401);
    work.run(&["user", "enable", "rob"]).succeeded();
    assert_eq!(log_in(&server, "rob", PASSWORD).status, 200);
    work.run(&["user", "disable", "ann"]).failed(&["last administrator"]);
    work.run(&["user", "delete", "ann"]).failed(&["last administrator"]);
    work.run(&["user", "update", "ann", "--role", "member"]).failed(&["last administrator"]);
    work.run(&["user", "reset-second-factor", "rob"]).failed(&["no second factor"]);
    work.run(&["user", "delete", "rob"]).succeeded();
    assert_eq!(log_in(&server, "rob", PASSWORD).status, 401);
    work.run(&["user", "show", "rob"]).failed(&["there is no user rob"]);
    let events = work.run(&["event", "list"]).succeeded().stdout;
    assert!(events.contains("user.deleted") && events.contains("cli:"), "{events}");
    assert!(!events.contains(PASSWORD) && !events.contains(OTHER_PASSWORD), "{events}");
    work.assert_no_gap_in_events();
}

/// The command line can do everything that the dashboard can.
#[test]
fn sessions_are_ended_at_the_command_line() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    create(&work, "ann", "member", PASSWORD).succeeded();
    create(&work, "bob", "member", PASSWORD).succeeded();
    let cookie = |username| {
        let answer = log_in(&server, username, PASSWORD);
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    };
    let me = |cookie: &str| {
        send(http().get(server.url("/api/v1/users/me")).header("cookie", cookie.to_owned()))
            .unwrap()
    };
    let list = || work.run(&["user", "sessions", "ann", "-o", "json"]).succeeded().json();
    assert_eq!(list(), json!([]));
    let cookies = [cookie("ann"), cookie("ann"), cookie("ann")];
    let of_bob = cookie("bob");
    let listed = list();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(
        (&listed[0]["address"], &listed[0]["current"]),
        (&json!("127.0.0.1"), &json!(false)),
        "{listed}"
    );
    let id = listed[0]["id"].as_str().unwrap();
    let table = work.run(&["user", "sessions", "ANN"]).succeeded().stdout;
    assert!(table.contains(id), "{table}");
    for cookie in &cookies {
        let value = cookie.split_once('=').unwrap().1;
        assert!(
            !table.contains(value) && !listed.to_string().contains(value),
            "the cookie is nowhere"
        );
    }

    // One session, by its id.
    work.run(&["user", "revoke-session", "bob", id]).failed(&["there is no session"]);
    let ran = work.run(&["user", "revoke-session", "ann", "MARKER-no-id"]).was_misused();
    assert!(!ran.stderr.contains("MARKER"), "{}", ran.stderr);
    let revoked = work.run(&["user", "revoke-session", "ann", id, "-o", "json"]).succeeded().json();
    assert_eq!(revoked, json!({ "revoked": [id] }));
    eventually("one is over", Duration::from_secs(1), || {
        (cookies.iter().filter(|cookie| me(cookie).status == 401).count() == 1).then_some(())
    });
    work.run(&["user", "revoke-session", "ann", id]).failed(&["there is no session"]);
    // All other sessions.
    let revoked = work.run(&["user", "revoke-sessions", "ann", "-o", "json"]).succeeded().json();
    assert_eq!(revoked, json!({ "revoked": 2 }));
    for cookie in &cookies {
        within_a_second("logged out everywhere", 401, || me(cookie));
    }
    assert_eq!(me(&of_bob).status, 200, "somebody else");
    assert!(work.run(&["user", "sessions", "ann"]).succeeded().stderr.contains("no session"));
    work.run(&["user", "sessions", "nobody"]).failed(&["there is no user nobody"]);
    work.run(&["user", "revoke-sessions", "nobody"]).failed(&["there is no user nobody"]);
    let events = work.run(&["event", "list"]).succeeded().stdout;
    assert!(
        events.contains("user.session_revoked") && events.contains("user.sessions_revoked"),
        "{events}"
    );
    work.assert_no_gap_in_events();
}

/// SEC-5: passwords come from standard input, and are not repeated.
#[test]
fn an_invalid_user_is_rejected_with_a_reason() {
    let work = Workplace::with_tables();
    let in_argv =
        ["user", "create", "--username", "ann", "--role", "admin", "--password", "MARKER-lorry-7"];
    let ran = work.run(&in_argv).was_misused();
    assert!(!ran.stderr.contains("MARKER") && !ran.stdout.contains("MARKER"), "{}", ran.stderr);
    for (username, role, password) in [
        ("ann", "root", PASSWORD),
        ("<b>ann</b>", "member", PASSWORD),
        ("\u{202e}nna", "member", PASSWORD),
        ("", "member", PASSWORD),
        ("ann", "member", "short-7"),
        ("ann", "member", ""),
        ("ann", "member", "Password123!"),
        ("ann", "member", "two\nlines-of-it"),
        ("ann", "member", &"x".repeat(10_000)),
        (&"x".repeat(10_000), "member", PASSWORD),
    ] {
        let ran = create(&work, username, role, password).was_misused();
        assert!(ran.stdout.is_empty(), "{username:.20} {role}");
        assert!(
            !ran.stderr.contains("Password123!") && !ran.stderr.contains('\u{202e}'),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(work.numbers("SELECT COUNT(*) FROM users"), [0]);
    create(&work, "ann", "member", PASSWORD).succeeded();
    create(&work, "ANN", "member", PASSWORD).failed(&["user ANN already exists"]);
}
