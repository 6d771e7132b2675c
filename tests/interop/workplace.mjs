// Where one page is tried: a fresh directory, ports of its own, and the environment of a reader who types one block after
// the other into the same terminal.

import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const { TEST_BINARY, TEST_DEMO_API, INTEROP_CLIENTS } = process.env;
const PATIENCE_MS = 30_000;

const FILE_OF = { sh: "block.sh", js: "block.mjs", python: "block.py", ruby: "block.rb" };
const PYTHON = path.join(INTEROP_CLIENTS, "venv/bin/python");

/** The program that runs a language, unless it is missing. */
function programOf(language) {
  const program = { sh: "bash", js: process.execPath, python: PYTHON, ruby: "ruby" }[language];
  return spawnSync(program, ["--version"]).status === 0 ? program : null;
}

const started = [];

const isRunning = (server) => server.exitCode === null && server.signalCode === null;

/** Stops the shell and what it started. */
const stop = (server) => process.kill(-server.pid, "SIGTERM");

// Nothing goes on running when the tests are interrupted.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    started.filter(isRunning).forEach(stop);
    process.exit(code);
  });
}

export class Workplace {
  static async create() {
    const work = new Workplace();
    // Within the directory of the npm packages, so that modules are found.
    mkdirSync(INTEROP_CLIENTS, { recursive: true });
    work.directory = mkdtempSync(path.join(INTEROP_CLIENTS, "work-"));
    // The path of a program is short, whatever that of the repository is.
    work.bin = mkdtempSync(path.join(tmpdir(), "mintery-interop-"));
    symlinkSync(TEST_BINARY, path.join(work.bin, "mintery"));
    // It is built already.
    const cargo = [
      "#!/bin/sh",
      `[ "$*" = 'run --example demo_api' ] && exec '${TEST_DEMO_API}'`,
      "exit 1",
      "",
    ];
    writeFileSync(path.join(work.bin, "cargo"), cargo.join("\n"));
    chmodSync(path.join(work.bin, "cargo"), 0o755);

    const [mintery, api, pages] = await freePorts(3);
    work.mintery = `http://127.0.0.1:${mintery}`;
    work.api = `http://127.0.0.1:${api}`;
    work.pages = `http://localhost:${pages}`;
    // As they stand on the pages.
    work.addresses = [
      ["127.0.0.1:8080", `127.0.0.1:${mintery}`],
      ["127.0.0.1:9000", `127.0.0.1:${api}`],
      ["localhost:3000", `localhost:${pages}`],
    ];

    // Settings of whoever runs the tests are not those of the servers that are tested; and no proxy knows the loopback
    // address.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(MINTERY_.*|RUST_LOG|.*_proxy)$/i.test(name),
    );
    work.environment = {
      ...Object.fromEntries(inherited),
      PATH: `${work.bin}:${process.env.PATH}`,
      XDG_CONFIG_HOME: path.join(work.directory, "config"),
      MINTERY_LISTEN: `127.0.0.1:${mintery}`,
      ISSUER: work.mintery,
      LISTEN: `127.0.0.1:${api}`,
    };
    work.servers = [];
    return work;
  }

  /** A text of a page with the addresses of this place. */
  local(text) {
    return this.addresses.reduce((text, [shown, own]) => text.replaceAll(shown, own), text);
  }

  write(name, text) {
    const file = path.join(this.directory, name);
    writeFileSync(file, this.local(text));
    return file;
  }

  /** Runs a block to its end: `{ printed, failure }`, or `{ missing }` when there is nothing here to run it with. */
  run({ language, text }) {
    const program = programOf(language);
    if (!program) return { missing: language };
    const imported = /^import .* from "(?!node:)([^"]+)"/m.exec(language === "js" ? text : "")?.[1];
    if (imported && !existsSync(path.join(INTEROP_CLIENTS, "node_modules", imported)))
      return { missing: imported };
    const file = this.write(FILE_OF[language], text);
    const kept = path.join(this.directory, "environment");
    // What a block exports, the next ones have.
    const shell = ["-euo", "pipefail", "-c", 'source "$1"; env -0 >"$2"', "bash", file, kept];
    const ended = spawnSync(program, language === "sh" ? shell : [file], {
      cwd: this.directory,
      env: this.environment,
      encoding: "utf8",
      timeout: PATIENCE_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const failed =
      ended.error ?? (ended.status === 0 ? null : `it ended with ${ended.status ?? ended.signal}`);
    if (!failed && language === "sh") {
      const pairs = readFileSync(kept, "utf8").split("\0").filter(Boolean);
      this.environment = Object.fromEntries(
        pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
      );
    }
    return { printed: ended.stdout, failure: failed && `${failed}\n${ended.stdout}${ended.stderr}` };
  }

  /** What a command of `mintery` prints, in JSON. */
  mint(command, flags = {}) {
    const given = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const ended = spawnSync("mintery", [...command.split(" "), ...given, "-o", "json"], {
      cwd: this.directory,
      env: this.environment,
      encoding: "utf8",
    });
    if (ended.status !== 0) throw new Error(`mintery ${command}: ${ended.stderr}`);
    return JSON.parse(ended.stdout);
  }

  /** Starts a block that does not end, and waits until it listens: the first one is Mintery, the second the API. */
  async serve(text) {
    const script = this.write(`server-${this.servers.length}.sh`, text);
    const options = {
      cwd: this.directory,
      env: this.environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    };
    const server = spawn("bash", ["-euo", "pipefail", script], options);
    let log = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => (log += text));
    const url = this.servers.length === 0 ? `${this.mintery}/readyz` : this.api;
    this.servers.push(server);
    started.push(server);
    const until = Date.now() + PATIENCE_MS;
    while (
      !(await fetch(url).then(
        () => true,
        () => false,
      ))
    ) {
      if (!isRunning(server) || Date.now() > until) throw new Error(`it did not start:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close() {
    for (const server of this.servers.reverse()) {
      if (!isRunning(server)) continue;
      const ended = new Promise((resolve) => server.once("exit", resolve));
      stop(server);
      await ended;
    }
    for (const directory of [this.directory, this.bin]) rmSync(directory, { recursive: true, force: true });
  }
}

/** Free ports, below the range from which the kernel takes those of outgoing connections. */
async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const listener = net.createServer();
    const isFree = await new Promise((resolve) =>
      listener.once("error", () => resolve(false)).listen(port, () => resolve(true)),
    );
    if (isFree) {
      await new Promise((resolve) => listener.close(resolve));
      ports.add(port);
    }
  }
  return ports;
}
