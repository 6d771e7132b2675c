//! The nginx recipes of the documentation, in a real nginx, with callers who lie.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::skip::skip_unless;
use crate::support::{
    Answer, PATIENCE, Process, Server, Workplace, eventually, free_port, http, send,
};

const API: &str = "https://api.example.com";

/// Finds nginx, which is outside the `PATH` of most users.
fn nginx() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx"].into_iter().find(|program| {
        Command::new(program).arg("-v").output().is_ok_and(|output| output.status.success())
    })
}

/// The recipes of a page: its blocks for nginx that protect an API.
fn recipes(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```nginx\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let recipes: Vec<_> =
        blocks.filter(|block| block.contains("auth_request ")).map(str::to_owned).collect();
    assert!(!recipes.is_empty(), "{page}");
    recipes
}

/// A running nginx with a recipe, in front of an API that answers with the headers that it gets.
fn start(work: &Workplace, program: &str, recipe: &str, server: &Server) -> (Process, u16) {
    let (port, api) = (free_port(), free_port());
    let recipe = recipe
        .replace("http://127.0.0.1:8080/auth/check", &server.url("/auth/check"))
        .replace("http://servers", &format!("http://127.0.0.1:{api}"))
        .replace("http://127.0.0.1:9000", &format!("http://127.0.0.1:{api}"));
    let folder = work.path("nginx");
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}\
         server {{ listen 127.0.0.1:{port};\n{recipe}}}\n\
         server {{ listen 127.0.0.1:{api};\n\
         location / {{ return 200 \"$http_x_auth_subject $http_x_auth_kind $http_x_auth_address\"; }} }}\n}}\n"
    );
    let file = work.write("nginx/nginx.conf", configuration);
    let mut command = work.program(program);
    command.arg("-c").arg(file).arg("-p").arg(folder.to_string()).args(["-e", "stderr"]);
    let mut process = Process::start(command);
    eventually("nginx listens", PATIENCE, || {
        assert!(!process.has_ended(), "{}", process.stderr());
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (process, port)
}

fn ask(port: u16, key: &str, headers: &[(&str, &str)]) -> Answer {
    let request = http().get(format!("http://127.0.0.1:{port}/servers")).bearer_auth(key);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request).unwrap()
}

/// Finding 2, SEC-1: a stolen key that is bound to addresses is no good elsewhere, whatever the thief
/// says about where they are.
#[test]
fn a_bound_key_is_bound_behind_nginx() {
    let program = nginx();
    skip_unless!(program.is_some(), "nginx is missing: apt-get install nginx");
    let work = Workplace::with_tables().with("MINTERY_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::start(&work);
    let create = ["api", "create", "--resource", API, "--name", "API", "--scope", "servers:read"];
    work.run(&create).succeeded();
    let owner = work.create_client_for("servers:read", &["--resource", API]);
    let key = |allowed: &str| {
        let create = ["key", "create", "--name", "k", "--owner", &owner.id, "--allow", allowed];
        work.run(&create).succeeded().stdout.trim().to_owned()
    };
    let (elsewhere, here) = (key("10.1.2.0/24"), key("127.0.0.0/8"));
    for page in ["guides/proxies.md", "guides/protecting-an-api.md", "recipes/nginx.md"] {
        for recipe in recipes(page) {
            let (_nginx, port) = start(&work, program.unwrap(), &recipe, &server);
            let lies = [
                &[][..],
                &[("X-Forwarded-For", "10.1.2.3")],
                &[("X-Forwarded-For", "10.1.2.3, 10.1.2.3")],
                &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "10.1.2.3")],
                &[("Forwarded", "for=10.1.2.3")],
                &[("X-Forwarded-For", "10.1.2.3"), ("Forwarded", "for=10.1.2.3")],
                &[("X-Real-IP", "10.1.2.3")],
            ];
            for headers in lies {
                let answer = ask(port, &elsewhere, headers);
                assert_eq!(answer.status, 401, "{page} {headers:?}: {answer:?}");
                let answer = ask(port, &here, headers);
                assert_eq!(answer.status, 200, "{page} {headers:?}: {answer:?}");
            }
            // The headers at the API come from Mintery, never from the caller.
            let names = ["X-Auth-Subject", "X-Auth-Kind", "X-Auth-Address", "X-Auth-Scope"];
            let answer = ask(port, &here, &names.map(|name| (name, "liar")));
            assert_eq!(answer.body, format!("{} api_key 127.0.0.1", owner.id), "{page}");
        }
    }
}
