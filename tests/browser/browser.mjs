// A real browser, and the common acts in it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { launchChromium } from "../setup/chromium.mjs";

const modules = createRequire(path.join(process.env.BROWSER_MODULES, "package.json"));
const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

/** The browser. */
export async function launch() {
  const browser = await launchChromium(process.env.BROWSER_MODULES);
  if (!browser) throw new Error("there is no Chromium, or nothing to drive it with");
  return browser;
}

/** A separate browser context. Its errors are in `page.complaints`. */
export async function open(browser, server, options = {}) {
  const context = await browser.newContext({ baseURL: server.url, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // Some tests expect refusals.
    if (message.type() === "error" && !/status of [45]\d\d/.test(message.text())) page.complaints.push(message.text());
  });
  return page;
}

export async function logIn(page, { username, password }) {
  await page.goto("/login");
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(/\/dashboard/);
}

/** The accessibility violations of the page. */
export async function violations(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} (${failureSummary})`).join("; ")}`);
}

/** The width of the page beyond the window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Creates an API key in the browser; returns its text. */
export async function createKey(page, owner, name) {
  await page.goto(`/dashboard/keys/new?owner=${owner}`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create API key" }).click();
  return (await page.locator("#key").textContent()).trim();
}
