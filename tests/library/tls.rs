//! An issuer behind TLS. `SSL_CERT_FILE` selects the trusted roots, so each test runs in a process of
//! its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use mintery_verifier::{BuildError, Verifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::issuer::{JWKS, block_on, verify};
use crate::key::{API, Key, claims, jwks};

/// Self-signed, for 127.0.0.1, until 2126.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUcaYcF4Qkp5zerhjGyKLwW0UxDO0wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMbWludGVyeSB0ZXN0MCAXDTI2MTEyMjA0NTIwMFoYDzIxMjYx
MDI5MDQ1MjAwWjAXMRUwEwYDVQQDDAxtaW50ZXJ5IHRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQQ9oU0ySDrqPVwQOF2xghYX/4FLsCS+Ou7dmdmg+vjj3Zd
K9GOeatuRSl2lyXrTQEAXOe60GdKtAD2XXif5G53o2EwXzAdBgNVHQ4EFgQURrjO
Zt038ZIAI2cXk9uYpf5aX3swHwYDVR0jBBgwFoAURrjOZt038ZIAI2cXk9uYpf5a
X3swDwYDVR0RBAgwBocEfwAAATAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0gA
MEUCIQC6b2cMVvmOOosuWMkVQUNKcb4aiicvvVYFo4SCkXQF8wIgJo0mPVYxXgZ8
SG7j0pU+FN8e16FbBCnXith91+A7/oc=
-----END CERTIFICATE-----
";

/// Its key, which is used for nothing else.
const CERTIFICATE_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIEWoacixlfNaNCLQ
39amauNYdlGuJ7PixjNyep+BgsyhRANCAAQQ9oU0ySDrqPVwQOF2xghYX/4FLsCS
+Ou7dmdmg+vjj3ZdK9GOeatuRSl2lyXrTQEAXOe60GdKtAD2XXif5G53
-----END PRIVATE KEY-----
";

/// Serves a valid issuer by TLS; returns its URL.
fn issuer(key: &Key) -> String {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let private_key = PrivateKeyDer::from_pem_slice(CERTIFICATE_KEY.as_bytes()).unwrap();
    let config =
        builder.with_no_client_auth().with_single_cert(vec![certificate], private_key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}{JWKS}") }).to_string();
    let keys = jwks(&[key.jwk()]);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut request = [0; 4096];
            // A client that does not trust the certificate disconnects.
            let Ok(read) = stream.read(&mut request) else { continue };
            let is_jwks = request[..read].starts_with(format!("GET {JWKS} ").as_bytes());
            let body = if is_jwks { &keys } else { &metadata };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
        }
    });
    url
}

/// Runs the test `name` again in a process that trusts `roots`, and `test` in that process.
fn trusting(name: &str, roots: &str, test: impl FnOnce()) {
    if std::env::var_os("SSL_CERT_FILE")
        .is_some_and(|file| file.to_string_lossy().ends_with("mintery-roots.pem"))
    {
        return test();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mintery-roots.pem");
    fs::write(&file, roots).unwrap();
    let own = std::env::current_exe().unwrap();
    let mut child = Command::new(own);
    child
        .args(["--exact", name, "--nocapture"])
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR");
    // No proxy is used, whatever the environment sets.
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"] {
        child.env(variable, "http://127.0.0.1:1");
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// SEC-2
#[test]
fn an_issuer_whose_certificate_is_trusted() {
    trusting("tls::an_issuer_whose_certificate_is_trusted", CERTIFICATE, || {
        let key = Key::new("a", "ES256");
        let url = issuer(&key);
        let verifier = block_on(Verifier::builder(&url).audience(API).build()).unwrap();
        let now = verifier.jwks().unwrap().status().fetched_at.unwrap().as_secs();
        assert!(verify(&verifier, &key.token(&claims(&url, now, "read"))).is_ok());
        assert!(
            CryptoProvider::get_default().is_none(),
            "the process-wide provider is the program's own affair"
        );

        // The certificate is for the address, not for the name.
        let named = url.replace("127.0.0.1", "localhost");
        let BuildError::Keys(error) =
            block_on(Verifier::builder(named).audience(API).build()).unwrap_err()
        else {
            panic!("another error")
        };
        assert!(error.to_string().contains("certificate"), "{error}");
    });
}

/// SEC-2
#[test]
fn an_untrusted_certificate_is_rejected() {
    trusting("tls::an_untrusted_certificate_is_rejected", "", || {
        let url = issuer(&Key::new("a", "ES256"));
        let BuildError::Keys(error) =
            block_on(Verifier::builder(url).audience(API).build()).unwrap_err()
        else {
            panic!("another error")
        };
        assert!(error.to_string().contains("certificate"), "{error}");
    });
}
