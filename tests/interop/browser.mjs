// A real browser that runs what a page does, at an origin of its own.

import http from "node:http";

import { launchChromium } from "../setup/chromium.mjs";

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>A page</title><label>Key <input id="token"></label>';
const PATIENCE_MS = 10_000;

/** The browser; nothing where there is none. */
export const launch = () => launchChromium(process.env.INTEROP_CLIENTS);

/** Serves an empty page at `origin` while `use` is at work. */
export async function withPagesAt(origin, use) {
  const server = http.createServer((_, response) =>
    response.setHeader("Content-Type", "text/html").end(PAGE),
  );
  const { hostname, port } = new URL(origin);
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, hostname, resolve));
  try {
    return await use();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/**
 * Runs `script` in a page at `origin` with `token` in its field until `isEnough` of what it logs:
 * `{ printed, failure, preflights }`.
 */
export async function runInPage(browser, origin, token, script, isEnough) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const lines = [];
    let failure = null;
    let preflights = 0;
    page.on("console", (message) => message.type() === "log" && lines.push(message.text()));
    page.on("pageerror", (error) => (failure = String(error)));
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    session.on(
      "Network.requestWillBeSent",
      ({ initiator }) => (preflights += initiator.type === "preflight" ? 1 : 0),
    );
    await page.goto(origin);
    await page.fill("#token", token);
    await page.addScriptTag({ type: "module", content: script });
    const until = Date.now() + PATIENCE_MS;
    while (!failure && !isEnough(lines.join("\n")) && Date.now() < until) await page.waitForTimeout(20);
    return { printed: lines.join("\n"), failure, preflights };
  } finally {
    await context.close();
  }
}
