//! `mintery signing-key …`, with keys that openssl makes and reads.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Server, Workplace, eventually};

/// A workplace whose database has its first keys.
fn with_keys() -> Workplace {
    let workplace = Workplace::with_tables();
    workplace.create_client(&["--id", "x"]);
    workplace
}

fn list(work: &Workplace) -> Vec<Value> {
    let ran = work.run(&["signing-key", "list", "-o", "json"]).succeeded();
    ran.json().as_array().unwrap().clone()
}

/// The ids of the keys of an algorithm that are in this state.
fn in_state(work: &Workplace, algorithm: &str, state: &str) -> Vec<String> {
    let keys = list(work);
    let found = keys.iter().filter(|key| key["alg"] == algorithm && key["state"] == state);
    found.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn list_says_what_each_key_is_doing_and_until_when() {
    let work = with_keys();
    let keys = list(&work);
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        assert_eq!(key["state"], "active");
        assert!(
            key["signs_from"].is_i64()
                && key["signs_until"].is_null()
                && key["published_until"].is_null()
        );
    }
    let next = work.run(&["signing-key", "rotate", "-o", "json"]).succeeded().json();
    assert_eq!((&next["alg"], &next["state"]), (&Value::from("ES256"), &Value::from("next")));
    let keys = list(&work);
    let active = keys.iter().find(|key| key["alg"] == "ES256" && key["state"] == "active").unwrap();
    assert_eq!(active["signs_until"], next["signs_from"]);
    assert!(active["published_until"].as_i64() > active["signs_until"].as_i64());

    let table = work.run(&["signing-key", "list"]).succeeded().stdout;
    for expected in
        ["ES256", "RS256", "active", "next", "signs until", "signs from", "UTC", "rotation"]
    {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    assert!(!table.contains("BEGIN") && !table.contains("v1."), "{table}");
}

#[test]
fn a_key_that_waits_is_not_made_twice_and_can_be_hurried() {
    let work = with_keys();
    let first = in_state(&work, "ES256", "active");
    work.run(&["signing-key", "rotate"]).succeeded();
    let next = in_state(&work, "ES256", "next");
    work.run(&["signing-key", "rotate"]).failed(&[&next[0], "--now"]);
    work.run(&["signing-key", "rotate", "--now"]).succeeded();
    assert_eq!(in_state(&work, "ES256", "active"), next);
    assert_eq!(in_state(&work, "ES256", "retiring"), first);
    // The other algorithm is unaffected.
    assert_eq!(in_state(&work, "RS256", "active").len(), 1);
    work.run(&["signing-key", "rotate", "--alg", "EdDSA"]).succeeded();
    assert_eq!(
        in_state(&work, "EdDSA", "active").len(),
        1,
        "the first of its algorithm signs at once"
    );
    work.run(&["signing-key", "rotate", "--alg", "none"]).was_misused();
    work.run(&["db", "check"]).succeeded();
}

/// JOSE-6: openssl reads exported keys, and keys by openssl are imported, in every form.
#[test]
fn keys_come_from_openssl_and_go_there() {
    let work = with_keys();
    for (algorithm, make) in [
        ("ES256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"),
        ("ES384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem"),
        ("EdDSA", "genpkey -algorithm ED25519 -out key.pem"),
        ("RS256", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"),
        ("PS256", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem"),
        // The older forms: RFC 5915 with the name of the curve before it, and RFC 8017.
        ("ES256", "ecparam -name prime256v1 -genkey -out key.pem"),
        ("RS256", "genrsa -traditional -out key.pem 2048"),
    ] {
        work.openssl(make);
        let arguments =
            ["signing-key", "import", "key.pem", "--alg", algorithm, "--now", "-o", "json"];
        let imported = work.run(&arguments).succeeded().json();
        assert_eq!(
            (&imported["alg"], &imported["state"]),
            (&Value::from(algorithm), &Value::from("active")),
            "{make}"
        );
        let exported = work.run(&["signing-key", "export", "--alg", algorithm]).succeeded().stdout;
        let expected = work.openssl("pkey -in key.pem -pubout");
        assert_eq!(exported, String::from_utf8(expected).unwrap(), "{make}");
        let kid = imported["kid"].as_str().unwrap();
        assert_eq!(work.run(&["signing-key", "export", "--kid", kid]).succeeded().stdout, exported);
        work.run(&arguments).failed(&["already", kid]);
    }
    // Without `--alg` an RSA key is for RS256; `-` is standard input.
    work.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem");
    let text = std::fs::read(work.path("key.pem")).unwrap();
    let ran = work.run_with_input(&["signing-key", "import", "-", "-o", "json"], &text).succeeded();
    assert_eq!(
        (&ran.json()["alg"], &ran.json()["state"]),
        (&Value::from("RS256"), &Value::from("next"))
    );
}

/// JOSE-6: an unsupported key is rejected with a reason and advice, and nothing changes.
#[test]
fn an_unsupported_key_is_not_imported() {
    let work = with_keys();
    let before = list(&work);
    work.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out good.pem");
    work.openssl("pkcs8 -topk8 -in good.pem -passout pass:secret -out encrypted.pem");
    work.openssl("genrsa -traditional -aes128 -passout pass:secret -out old-encrypted.pem 2048");
    work.openssl("pkey -in good.pem -pubout -out public.pem");
    work.openssl("req -x509 -key good.pem -subj /CN=x -days 1 -out certificate.pem");
    work.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem");
    work.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out curve.pem");
    work.openssl("genpkey -algorithm X25519 -out exchange.pem");
    work.openssl("pkey -in good.pem -outform DER -out good.der");
    let good = std::fs::read_to_string(work.path("good.pem")).unwrap();
    work.write("two.pem", format!("{good}{good}"));
    work.write("cut.pem", &good[..good.len() - 40]);
    // In the middle of the private key, which then no longer fits the public one.
    let at = good.find('\n').unwrap() + 61;
    let other = if &good[at..=at] == "A" { "B" } else { "A" };
    work.write("changed.pem", format!("{}{other}{}", &good[..at], &good[at + 1..]));
    work.write("empty.pem", "");
    for (file, words) in [
        ("encrypted.pem", &["it is encrypted", "openssl pkey"][..]),
        ("old-encrypted.pem", &["it is encrypted"]),
        ("public.pem", &["public key", "not a private key"]),
        ("certificate.pem", &["certificate"]),
        ("short.pem", &["2048"]),
        ("curve.pem", &["P-256", "P-384"]),
        ("exchange.pem", &["Ed25519"]),
        ("good.der", &["good.der"]),
        ("two.pem", &["2 PEM blocks"]),
        ("cut.pem", &["PEM"]),
        ("changed.pem", &["unsupported key"]),
        ("empty.pem", &["PEM"]),
        ("absent.pem", &["absent.pem", "No such file"]),
    ] {
        let ran = work.run(&["signing-key", "import", file]).failed(words);
        assert!(!ran.stderr.contains("MIG"), "the key is not repeated: {ran:?}");
    }
    work.run(&["signing-key", "import", "good.pem", "--alg", "RS256"])
        .failed(&["not a key for RS256"]);
    work.run(&["signing-key", "import", "good.pem", "--alg", "HS256"])
        .failed(&["not a key for HS256"]);
    work.run(&["signing-key", "import", "good.pem", "--alg", "es256"]).was_misused();
    work.run(&["signing-key", "import"]).was_misused();
    work.run_with_input(&["signing-key", "import", "-"], b"").failed(&["PEM"]);
    work.run_with_input(&["signing-key", "import", "-"], &vec![b'x'; 200_000]).failed(&["PEM"]);
    assert_eq!(list(&work), before);
}

#[test]
fn a_secret_is_only_exported_to_who_says_so() {
    let work = with_keys().with("MINTERY_TOKEN__ALG", "HS256");
    work.run(&["signing-key", "export"]).failed(&["unknown signing key"]);
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    let token = server.token(&client);
    assert_eq!(server.me(&token).status, 200);
    work.run(&["signing-key", "export"]).was_misused();
    let secret = work.run(&["signing-key", "export", "--secret"]).succeeded().stdout;
    assert_eq!(secret.trim_end().len(), 43, "{secret}");
    work.run(&["signing-key", "export", "--alg", "ES256", "--secret"]).was_misused();
    assert!(!server.get("/.well-known/jwks.json").body.contains("HS256"));
    // It cannot be set for single clients.
    work.run(&["client", "create", "--name", "x", "--alg", "HS256"]).was_misused();
    work.run(&["client", "create", "--name", "x", "--alg", "nothing"]).was_misused();
}

/// A key revoked at the command line is rejected by a running server within a second.
#[test]
fn retire_reaches_a_running_server() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    let token = server.token(&client);
    assert_eq!(server.me(&token).status, 200);
    let leaked = in_state(&work, "ES256", "active").remove(0);
    let ran = work.run(&["signing-key", "retire", &leaked]).succeeded();
    assert!(ran.stderr.contains(&leaked) && ran.stdout.is_empty(), "{ran:?}");
    eventually("the token is refused", Duration::from_secs(1), || {
        (server.me(&token).status == 401).then_some(())
    });
    // The revocation takes effect a moment before the key stops signing.
    eventually("another key signs", Duration::from_secs(1), || {
        (server.me(&server.token(&client)).status == 200).then_some(())
    });
    assert_eq!(in_state(&work, "ES256", "gone"), [leaked.as_str()]);
    work.run(&["signing-key", "retire", &leaked]).failed(&["already been removed"]);
    work.run(&["signing-key", "retire", "nothing"]).failed(&["nothing"]);
    work.run(&["signing-key", "export", "--kid", &leaked]).failed(&["revoked"]);
    // One in sixty-four ids begins like a flag.
    work.run(&["signing-key", "retire", "-nothing"]).failed(&["-nothing"]);
    work.run(&["signing-key", "retire", "-o", "json", "-nothing"]).failed(&["-nothing"]);
    work.run(&["signing-key", "retire", "-nothing", "-o", "json"]).failed(&["-nothing"]);
    work.run(&["signing-key", "export", "--kid", "-nothing"]).failed(&["unknown signing key"]);
    work.run(&["db", "check"]).succeeded();
}

/// A client's algorithm is shown, and its key is created with it.
#[test]
fn a_client_has_an_algorithm_of_its_own() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&["--alg", "EdDSA"]);
    let shown = work.run(&["client", "show", &client.id, "-o", "json"]).json();
    assert_eq!(shown["access_token_signed_response_alg"], "EdDSA");
    assert!(work.run(&["client", "show", &client.id]).stdout.contains("EdDSA"));
    let token = server.token(&client);
    assert_eq!(server.me(&token).status, 200);
    assert_eq!(in_state(&work, "EdDSA", "active").len(), 1);
}

#[test]
fn settings_that_would_let_a_key_sign_before_it_is_published_are_refused() {
    let work = with_keys()
        .with("MINTERY_KEYS__ROTATE_EVERY", "60")
        .with("MINTERY_ISSUER", "http://127.0.0.1");
    work.run(&["serve"]).failed(&["keys.publish_ahead", "keys.rotate_every"]);
}

#[test]
fn nothing_is_made_in_an_empty_database() {
    let work = Workplace::with_tables();
    work.run(&["signing-key", "list"]).failed(&[]);
    work.run(&["signing-key", "rotate"]).failed(&[]);
    work.run(&["signing-key", "import", "-"]).failed(&[]);
}
