// Users: sessions and second factors.

import assert from "node:assert/strict";

import { createHmac } from "node:crypto";

import { logIn, open } from "./browser.mjs";
import { ADMIN } from "./server.mjs";

/** The code of an authenticator app with this secret (RFC 6238). */
function codeOf(secret, steps = 0) {
  const digits = [...secret.toLowerCase()].map((digit) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(digit));
  const bits = digits.map((digit) => digit.toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(step).digest();
  return String((tag.readUInt32BE(tag.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function secondFactor({ browser, server }, options) {
  const username = `sam${options.javaScriptEnabled === false ? "2" : "1"}`;
  const password = "a quiet lorry in June";
  const page = await open(browser, server, options);
  page.on("dialog", (dialog) => dialog.accept());
  await logIn(page, ADMIN);
  await page.goto("/dashboard/users");
  await page.getByRole("link", { name: "Create user" }).click();
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("First password").fill(password);
  await page.getByRole("button", { name: "Create user" }).click();
  await page.getByRole("heading", { name: username }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();

  await logIn(page, { username, password });
  await page.goto("/dashboard/settings");
  await page.getByRole("link", { name: "Set up" }).click();
  await page.getByRole("button", { name: "Set up" }).click();
  assert.ok(await page.getByRole("img", { name: /QR/ }).evaluate((image) => image.src.startsWith("data:image/svg+xml")));
  const secret = (await page.locator("#totp").textContent()).trim();
  await page.getByLabel("6-digit code from your app").fill(codeOf(secret));
  await page.getByRole("button", { name: "Turn on" }).click();
  const codes = (await page.locator("#codes").textContent()).trim().split(/\s+/);
  assert.equal(codes.length, 10);
  await page.getByRole("link", { name: "I have stored them" }).click();
  await page.getByText("10 left").waitFor();
  await page.getByRole("button", { name: "Log out" }).click();

  const password_step = async () => {
    await page.goto("/login");
    await page.getByLabel("Username").fill(username);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByLabel("Code").waitFor();
    assert.ok(!(await page.content()).includes(password), "the page contains the password");
  };
  await password_step();
  await page.getByLabel("Code").fill("not a code");
  await page.getByRole("button", { name: "Log in" }).click();
  assert.match(await page.getByRole("alert").textContent(), /code is wrong/);
  // One step later: the current code was used for the setup.
  await page.getByLabel("Code").fill(codeOf(secret, 1));
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await password_step();
  await page.getByLabel("Code").fill(codes[0]);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.goto("/dashboard/settings/second-factor");
  await page.getByText("9 left").waitFor();
  assert.deepEqual(page.complaints, []);
}

export const tests = {
  "a second factor is set up, and required": (world) => secondFactor(world, {}),
  "the same without a script": (world) => secondFactor(world, { javaScriptEnabled: false }),

  "a session is listed and ended from another one": async ({ browser, server }) => {
    const [one, other] = [await open(browser, server), await open(browser, server)];
    await logIn(one, ADMIN);
    await logIn(other, ADMIN);
    await one.goto("/dashboard/sessions");
    assert.match(await one.locator("main").textContent(), /Chrome on Linux/);
    await one.getByRole("button", { name: "End all others" }).click();
    await one.getByText("All your other sessions have ended").waitFor();
    await other.goto("/dashboard");
    assert.match(other.url(), /\/login$/);
    await one.goto("/dashboard/sessions");
    await one.getByText("This session").waitFor();
  },
};
