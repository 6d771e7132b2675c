// A real `mintery serve` in its own directory, and commands beside it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const BINARY = process.env.TEST_BINARY;
const PATIENCE_MS = 20_000;

export const ADMIN = { username: "ann", password: "correct horse battery" };
export const VIEWER = { username: "vic", password: "staple of another kind" };

export class Server {
  static async start() {
    const server = new Server();
    server.directory = mkdtempSync(path.join(tmpdir(), "mintery-browser-"));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    const inherited = Object.entries(process.env).filter(([name]) => !/^(MINTERY_.*|RUST_LOG|.*_proxy)$/i.test(name));
    server.environment = {
      ...Object.fromEntries(inherited),
      MINTERY_LISTEN: `127.0.0.1:${server.port}`,
      MINTERY_ISSUER: server.url,
    };
    server.cli(["db", "migrate"]);
    for (const [{ username, password }, role] of [[ADMIN, "admin"], [VIEWER, "viewer"]]) {
      server.cli(["user", "create", "--username", username, "--role", role, "--password", "-"], `${password}\n`);
    }
    server.process = spawn(BINARY, ["serve"], { cwd: server.directory, env: server.environment, stdio: ["ignore", "pipe", "pipe"] });
    server.log = "";
    for (const stream of [server.process.stdout, server.process.stderr]) stream.on("data", (text) => (server.log += text));
    const until = Date.now() + PATIENCE_MS;
    while (!(await fetch(`${server.url}/healthz`).then((answer) => answer.ok, () => false))) {
      if (Date.now() > until) throw new Error(`the server does not start:\n${server.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server;
  }

  /** Runs a command beside the server; returns its output. */
  cli(args, input = "") {
    return execFileSync(BINARY, args, { cwd: this.directory, env: this.environment, input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
  }

  /** A new client: `{ client_id, client_secret, … }`. */
  client(name, ...args) {
    return JSON.parse(this.cli(["client", "create", "--name", name, "--scope", "read write", "-o", "json", ...args]));
  }

  /** The status of a request with the key. */
  async statusWith(key) {
    const answer = await fetch(`${this.url}/api/v1/users/me`, { headers: { authorization: `Bearer ${key}` } });
    return answer.status;
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const listener = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
