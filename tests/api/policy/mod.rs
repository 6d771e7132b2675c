//! The policy as a table: each route, with the callers that it answers, for each kind of target.
//! The test prints the table and compares it with `policy.txt`, which people review. A route
//! without a row fails, and so does a row or an exemption without a route. After a wanted change
//! run it with `UPDATE_POLICY=1` and review the difference.
//!
//! To add a route, add its row in [`rows`]; a page's in [`pages`]; a command's in [`commands`].

mod callers;
mod commands;
mod discover;
mod pages;
mod rows;
mod targets;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use callers::Callers;
use reqwest::Method;
use rows::{EXEMPT, ROWS, Row};
use targets::{Kind, Targets};

use crate::support::app::TestApp;

const FILE: &str = "tests/api/policy/policy.txt";

/// SEC-12, findings 1 and 15: own scopes × roles × every route × target principals.
#[actix_web::test]
async fn the_policy_is_a_table() {
    let app = TestApp::spawn().await;
    let mut table = String::new();
    let callers = Callers::create(&app).await;
    let mut targets = Targets::create(&app).await;
    for row in ROWS {
        writeln!(table, "{} {}", row.method, row.path).unwrap();
        for kind in row.target.kinds() {
            let allowed = allowed(&app, &callers, &mut targets, row, *kind).await;
            writeln!(table, "    {:<12} {allowed}", kind.label()).unwrap();
        }
    }
    Box::pin(pages::print(&app, &mut targets, &mut table)).await;
    commands::print(&mut table);
    println!("{table}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_POLICY").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    let differing = reviewed.lines().zip(table.lines()).find(|(one, other)| one != other);
    assert!(reviewed == table, "{FILE} differs: {differing:?}; review with UPDATE_POLICY=1");
}

/// The callers that the route answers: of those with a scope of Mintery's own, the ones that hold
/// the least.
async fn allowed(
    app: &TestApp,
    callers: &Callers<'_>,
    targets: &mut Targets<'_>,
    row: &Row,
    kind: Kind,
) -> String {
    let mut names = Vec::new();
    for group in &callers.groups {
        for caller in group {
            let path = targets.path(row.path, kind).await;
            let body = targets.body(row.body, kind);
            let answer = caller.send(app, &row.method(), &path, body).await;
            assert!(answer.status < 500, "{} {path}: {answer:?}", row.method);
            if answer.status < 300 && row.method() != Method::GET {
                targets.replace(kind).await;
            }
            if !matches!(answer.status, 401 | 403 | 404) {
                names.push(caller.label.clone());
                break;
            }
        }
    }
    // Where `apis:write` suffices, those that hold it besides say nothing.
    if names.iter().any(|name| name == "apis:write") {
        names.retain(|name| !name.ends_with("+apis:write"));
    }
    if names.is_empty() { "nobody".to_owned() } else { names.join("; ") }
}

/// Each route of the JSON API has a row or an exemption, and each of those a route.
#[test]
fn each_route_has_a_row() {
    let routes = discover::routes();
    let rows = ROWS.iter().map(|row| format!("{} {}", row.method, row.path));
    let exempt = EXEMPT.iter().map(|(route, _)| (*route).to_owned());
    let known: BTreeSet<String> = rows.chain(exempt).collect();
    assert_eq!(known.len(), ROWS.len() + EXEMPT.len(), "a row is there twice");
    assert_same(&routes, &known);
}

/// Each page has a row, and each row a page.
#[test]
fn each_page_has_a_row() {
    let known = pages::ROWS.iter().chain(pages::EXEMPT).map(|row| (*row).to_owned()).collect();
    assert_same(&discover::pages(), &known);
}

/// Each command has a row, and each row a command.
#[test]
fn each_command_has_a_row() {
    let known = commands::ROWS.iter().map(|(command, _)| (*command).to_owned()).collect();
    assert_same(&discover::commands(), &known);
}

#[track_caller]
fn assert_same(found: &BTreeSet<String>, known: &BTreeSet<String>) {
    let missing: Vec<_> = found.difference(known).collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    let stale: Vec<_> = known.difference(found).collect();
    assert!(stale.is_empty(), "a row or exemption that is no longer needed: {stale:#?}");
}
