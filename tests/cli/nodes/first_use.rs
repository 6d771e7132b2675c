//! The first use of what was made a moment ago, on every node.

use serde_json::json;

use super::{cluster, start_three};
use crate::support::engine::{Engine, only_on};
use crate::support::{Client, Server, http, send};

/// The scopes of the client that rotates the keys and introspects.
const SCOPES: &str = "mintery:introspect mintery:signing-keys:read mintery:signing-keys:write";

/// R6, SEC-14: a secret is good from the moment in which `client secret add` returns.
#[test]
fn a_new_secret_is_never_refused() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let clients: Vec<_> = (0..4).map(|_| work.create_client(&[])).collect();
    let mut refused = Vec::new();
    for client in &clients {
        for round in 0..8 {
            for node in &nodes {
                // Every node remembers the client, and has just looked for an unknown secret.
                assert_eq!(node.ask_for_token(client).status, 200);
            }
            let added = work.run(&["client", "secret", "add", &client.id]).succeeded();
            let new = Client { id: client.id.clone(), secret: added.stdout.trim().to_owned() };
            for (number, node) in nodes.iter().enumerate() {
                let answer = node.ask_for_token(&new);
                if answer.status != 200 {
                    refused.push((round, number, answer.status));
                }
            }
        }
    }
    assert!(refused.is_empty(), "{} of 96: {refused:?}", refused.len());
}

/// R6: the same of a client that is enabled again, and of an API key.
#[test]
fn what_is_enabled_again_is_good_at_once() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let client = work.create_client(&[]);
    let key = ["key", "create", "--name", "k", "--owner", &client.id, "-o", "json"];
    let key = work.run(&key).succeeded().json();
    let (id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let mut refused = Vec::new();
    for round in 0..6 {
        for node in &nodes {
            assert_eq!((node.ask_for_token(&client).status, node.me(key).status), (200, 200));
        }
        work.run(&["key", "disable", id]).succeeded();
        work.run(&["client", "disable", &client.id]).succeeded();
        for node in &nodes {
            crate::support::eventually("it is disabled", crate::support::PATIENCE, || {
                let statuses = (node.ask_for_token(&client).status, node.me(key).status);
                (statuses == (401, 401)).then_some(())
            });
        }
        work.run(&["client", "enable", &client.id]).succeeded();
        for node in &nodes {
            refused.push((round, node.ask_for_token(&client).status));
        }
        work.run(&["key", "enable", id]).succeeded();
        for node in &nodes {
            refused.push((round, node.me(key).status));
        }
    }
    refused.retain(|(_, status)| *status != 200);
    assert!(refused.is_empty(), "{refused:?}");
}

/// R24, SEC-14: a token is good on all nodes from the moment in which one of them issues it, also if its key
/// has only just begun to sign.
#[test]
fn a_token_of_a_new_key_is_never_refused() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let client = work.create_client_for(SCOPES, &[]);
    let admin = |node: &Server| {
        let request = http().post(node.url("/oauth/token"));
        let request = request.basic_auth(&client.id, Some(&client.secret));
        let form = [("grant_type", "client_credentials"), ("scope", SCOPES)];
        send(request.form(&form)).unwrap().json()["access_token"].as_str().unwrap().to_owned()
    };
    let mut refused = Vec::new();
    for round in 0..24 {
        let signer = &nodes[round % 3];
        let rotate = http().post(signer.url("/api/v1/signing-keys/rotate"));
        let rotate =
            rotate.bearer_auth(admin(signer)).json(&json!({ "alg": "ES256", "now": true }));
        let rotated = send(rotate).unwrap();
        assert!(rotated.status < 300, "{rotated:?}");
        let token = admin(signer);
        for (number, node) in nodes.iter().enumerate() {
            let introspect = http().post(node.url("/oauth/introspect"));
            let introspect = introspect.basic_auth(&client.id, Some(&client.secret));
            let is_active = || {
                let answer = send(introspect.form(&[("token", &token)])).unwrap();
                answer.json()["active"] == true
            };
            // Each is first in turn.
            let is_good = if round % 2 == 0 { node.me(&token).status == 200 } else { is_active() };
            if !is_good {
                refused.push((round, number));
            }
        }
        // The number of published keys is limited.
        let listed = work.run(&["signing-key", "list", "-o", "json"]).succeeded().json();
        for key in listed.as_array().unwrap() {
            if key["alg"] == "ES256" && key["state"] == "retiring" {
                work.run(&["signing-key", "retire", key["kid"].as_str().unwrap()]).succeeded();
            }
        }
    }
    assert!(refused.is_empty(), "{} of 72: {refused:?}", refused.len());
}
