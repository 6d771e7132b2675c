//! Servers other than Mintery, or with forged responses: they are detected, bounded, and never get
//! a credential for another address.

use std::time::Duration;

use crate::support::Workplace;
use crate::support::caller::{Caller, Stranger};

/// All commands fail with code 1.
fn all_fail(stranger: &Stranger, words: &[&str]) {
    let work = Workplace::new();
    let by_key = Caller::beside(&work)
        .with("MINTERY_URL", &stranger.url)
        .with("MINTERY_TOKEN", "mtk_live_x");
    let client = Caller::beside(&work).with("MINTERY_URL", &stranger.url);
    let client = client.with("MINTERY_CLIENT_ID", "shop").with("MINTERY_CLIENT_SECRET", "hunter22");
    for (caller, arguments) in [
        (&by_key, &["whoami"][..]),
        (&by_key, &["whoami", "-o", "json"]),
        (&by_key, &["auth", "check"]),
        (&by_key, &["token", "get"]),
        (&client, &["whoami"]),
        (&client, &["auth", "check"]),
        (&client, &["token", "get", "-o", "json"]),
        (&client, &["token", "introspect", "e30.e30.AAAA"]),
    ] {
        let ran = caller.run(arguments).ended_with(1, words);
        assert!(ran.took < Duration::from_secs(20), "{ran:?}");
        assert!(ran.stderr.len() < 2000 && !ran.stderr.contains("hunter22"), "{ran:?}");
    }
    by_key.run(&["token", "verify", "e30.e30.AAAA"]).ended_with(1, &[]);
    by_key.login(&stranger.url, "mtk_live_x").ended_with(1, words);
    assert!(!by_key.file().exists());
}

#[test]
fn a_web_page_is_no_answer() {
    let html = "Content-Type: text/html\r\n";
    all_fail(
        &Stranger::answering("200 OK", html, b"<html>Welcome</html>"),
        &["not a Mintery server"],
    );
    all_fail(&Stranger::answering("404 Not Found", html, b"<html>Nothing</html>"), &["404"]);
    all_fail(&Stranger::answering("502 Bad Gateway", html, b"<html>Oops</html>"), &["502"]);
    all_fail(&Stranger::answering("200 OK", "", b""), &["not a Mintery server"]);
    all_fail(&Stranger::answering("200 OK", "", b"{}"), &["not a Mintery server"]);
    all_fail(&Stranger::answering("200 OK", "", b"null"), &["not a Mintery server"]);
    all_fail(&Stranger::answering("204 No Content", "", b""), &["204"]);
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let long = vec![b' '; 10_000_000];
    all_fail(&Stranger::answering("200 OK", "", &long), &[]);
    all_fail(&Stranger::answering("403 Forbidden", "", &long), &["longer than"]);
    let endless_header = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &long].concat();
    all_fail(&Stranger::sending(endless_header), &[]);
}

/// The credential is only for the named address.
#[test]
fn a_redirect_is_not_followed() {
    let thief = Stranger::answering("200 OK", "X-Auth-Subject: you\r\n", b"{}");
    for status in
        ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let location = format!("Location: {}/somewhere\r\n", thief.url);
        all_fail(&Stranger::answering(status, &location, b""), &["redirects to", &thief.url]);
    }
    all_fail(&Stranger::answering("302 Found", "", b""), &["redirects"]);
    assert_eq!(thief.requests(), Vec::<String>::new());
}

#[test]
fn a_server_that_hangs_up_is_told_of() {
    all_fail(&Stranger::sending(Vec::new()), &[]);
    all_fail(&Stranger::sending(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), &[]);
    all_fail(&Stranger::sending(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec()), &[]);
}

/// SEC-6
#[test]
fn responses_do_not_act_on_the_terminal() {
    let me = "{\"sub\":\"a\\u001b[31m\\u0007\",\"kind\":\"\\u009b31m\u{9b}\u{7f}\",\"name\":\"\\u202e\u{202e}\\n\",\
              \"scope\":\"\\u001b]0;x\",\"credential\":\"\\u0000\",\"expires_at\":null,\"more\":\"\u{9b}\"}";
    let stranger = Stranger::answering("200 OK", "X-Auth-Subject: a\u{9b}31m\r\n", me.as_bytes());
    let caller = Caller::beside(&Workplace::new())
        .with("MINTERY_URL", &stranger.url)
        .with("MINTERY_TOKEN", "mtk_live_x");
    for arguments in [&["whoami"][..], &["whoami", "-o", "json"]] {
        caller.run(arguments).succeeded().shows_no_control_characters();
    }
    let said = caller.run(&["whoami", "-o", "json"]).succeeded().json();
    assert_eq!((&said["sub"], &said["more"]), (&"a\u{1b}[31m\u{7}".into(), &"\u{9b}".into()));
    caller.run(&["auth", "check"]).shows_no_control_characters();
    caller.login(&stranger.url, "mtk_live_x").succeeded().shows_no_control_characters();

    let problem = "{\"detail\":\"\\u001b[2J\\u009b31m\u{202e}gone\",\"error\":\"\\u001b[31m\"}";
    for (status, code) in
        [("401 Unauthorized", 3), ("403 Forbidden", 4), ("500 Internal Server Error", 1)]
    {
        let headers = "Retry-After: \u{9b}31m\r\nX-Request-Id: \x1b[31m\r\n";
        for headers in ["", headers] {
            let stranger = Stranger::answering(status, headers, problem.as_bytes());
            let ran = Caller::beside(&Workplace::new()).login(&stranger.url, "mtk_live_x");
            let ran = ran.shows_no_control_characters();
            assert!(
                ran.code == Some(code) && ran.stderr.contains("gone") || !headers.is_empty(),
                "{ran:?}"
            );
        }
    }
    let stranger = Stranger::answering("302 Found", "Location: http://x/\x1b[31m\u{9b}\r\n", b"");
    Caller::beside(&Workplace::new()).login(&stranger.url, "mtk_live_x").ended_with(1, &[]);
    // A printed token has the form of one.
    let body = b"{\"access_token\":\"e30.e30.\\u001b[31m\",\"token_type\":\"Bearer\"}";
    let stranger = Stranger::answering("200 OK", "", body);
    Caller::beside(&Workplace::new())
        .with("MINTERY_URL", &stranger.url)
        .with("MINTERY_TOKEN", "mtk_live_x")
        .run(&["token", "get"])
        .ended_with(1, &["not a Mintery server"]);
}

/// A server cannot pass off a token as one for another issuer.
#[test]
fn the_keys_come_from_the_server_that_was_named() {
    let thief = Stranger::answering("200 OK", "", b"{\"keys\":[]}");
    let metadata =
        format!("{{\"issuer\":\"https://auth.example.com\",\"jwks_uri\":\"{}/jwks\"}}", thief.url);
    let stranger = Stranger::answering("200 OK", "", metadata.as_bytes());
    let caller = Caller::beside(&Workplace::new())
        .with("MINTERY_URL", &stranger.url)
        .with("MINTERY_TOKEN", "mtk_live_x");
    caller.run(&["token", "verify", "e30.e30.AAAA"]).ended_with(1, &[]);
    assert_eq!(thief.requests(), Vec::<String>::new());
}
