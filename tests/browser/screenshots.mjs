// Takes the pictures of README.md: the overview of the dashboard with demo data, light and dark.

import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import path from "node:path";

import { launch, logIn, open } from "./browser.mjs";
import { ADMIN, Server } from "./server.mjs";

const FOLDER = path.resolve(import.meta.dirname, "../../docs/images");
const MAX_BYTES = 150_000;
const API = "https://orders.example.com";
// Copies the counts of this hour to the hours before it, with other numbers.
const HISTORY = `
import math, sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10)
for table, id in [("client_usage", "client_id"), ("api_key_usage", "key_id")]:
    for row in database.execute(f"SELECT {id}, hour, outcome, times FROM {table}").fetchall():
        for ago in range(1, 24):
            times = max(1, round(row[3] * (0.65 + 0.35 * math.sin(ago / 3.5 + len(row[2])))))
            database.execute(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?)", (row[0], row[1] - ago, row[2], times))
database.commit()
`;
// Token requests of each client, and how many of them have a wrong secret.
const CLIENTS = { billing: [60, 0], "nightly-report": [25, 4], warehouse: [110, 0] };

/** Sends a request on a connection of its own, because the command line runs for seconds in between. */
async function send(url, options) {
  const answer = await fetch(url, { ...options, headers: { ...options.headers, connection: "close" } });
  await answer.text();
}

function requestToken(server, id, secret) {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret });
  return send(`${server.url}/oauth/token`, { method: "POST", body });
}

function useKey(server, key) {
  return send(`${server.url}/api/v1/users/me`, { headers: { authorization: `Bearer ${key}` } });
}

/** Clients, API keys and requests, as on a server that is in use. */
async function fill(server) {
  server.cli(["api", "create", "--resource", API, "--name", "Orders", "--scope", "orders:read orders:write"]);
  for (const [name, [requests, wrong]] of Object.entries(CLIENTS)) {
    const client = server.client(name);
    for (let count = 0; count < requests; count += 1) await requestToken(server, client.client_id, client.client_secret);
    for (let count = 0; count < wrong; count += 1) await requestToken(server, client.client_id, "wrong");
    const flags = ["--owner", client.client_id, "--scope", "read", "--expires", "864000"];
    const key = server.cli(["key", "create", "--name", `${name} key`, ...flags]).trim();
    for (let count = 0; count < requests / 2; count += 1) await useKey(server, key);
  }
  server.cli(["client", "secret", "add", server.client("legacy-import").client_id, "--label", "new"]);
  // Servers write usage counts every five seconds.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  execFileSync("python3", ["-c", HISTORY, path.join(server.directory, "data/mintery.db")]);
}

const server = await Server.start();
const browser = await launch();
try {
  await fill(server);
  mkdirSync(FOLDER, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(browser, server, { colorScheme, viewport: { width: 1200, height: 800 } });
    await logIn(page, ADMIN);
    await page.goto("/dashboard");
    const file = path.join(FOLDER, `dashboard-${colorScheme}.png`);
    await page.screenshot({ path: file, animations: "disabled" });
    const { size } = statSync(file);
    if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MAX_BYTES}`);
    console.log(`${path.relative(process.cwd(), file)}: ${size} bytes`);
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.stop();
}
