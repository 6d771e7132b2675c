// The main path: log in, create a key, use it, rotate it, revoke it. With a script and without.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { logIn, open, overflow } from "./browser.mjs";
import { ADMIN } from "./server.mjs";

/** Waits until usage is flushed and shown, a few seconds. */
async function untilShown(page, path, text) {
  const until = Date.now() + 20_000;
  for (;;) {
    await page.goto(path);
    if (await page.getByText(text).first().isVisible()) return;
    assert.ok(Date.now() < until, `${path} never shows ${text}`);
    await page.waitForTimeout(500);
  }
}

async function walk({ browser, server }, options) {
  const hasScript = options.javaScriptEnabled !== false;
  const owner = server.client(`Walk ${hasScript}`).client_id;
  const page = await open(browser, server, options);

  // The dashboard requires a log-in, which leads to the requested page.
  await page.goto("/dashboard/settings/api");
  assert.match(page.url(), /\/login\?next=%2Fdashboard%2Fsettings%2Fapi$/);
  await page.getByLabel("Username").fill(ADMIN.username);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Log in" }).click();
  assert.match(await page.getByRole("alert").textContent(), /Wrong username or password/);
  assert.equal(await page.getByLabel("Username").inputValue(), ADMIN.username);
  await page.getByLabel("Password").fill(ADMIN.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "API keys", level: 1 }).waitFor();

  // A key is created, shown once, and copied.
  await page.getByRole("link", { name: "Create API key" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Production Server");
  await page.getByLabel("Owner").selectOption(owner);
  await page.getByLabel("Expires after").selectOption("30");
  await page.getByRole("button", { name: "Create API key" }).click();
  const key = (await page.locator("#key").textContent()).trim();
  assert.match(key, /^mtk_live_[0-9A-Za-z]{49}$/);
  if (hasScript) {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy" }).first().click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  } else {
    assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0);
  }

  // The example command works as pasted, and its use is shown.
  const command = (await page.locator("#curl").textContent()).trim();
  const answer = execFileSync("sh", ["-c", `${command.replace("curl ", "curl -s ")}`], { encoding: "utf8" });
  assert.equal(JSON.parse(answer).sub, owner);
  await page.getByRole("link", { name: "I have stored it" }).click();
  const keyPath = new URL(page.url()).pathname;
  assert.ok(!(await page.content()).includes(key));
  await untilShown(page, keyPath, "from 127.0.0.1");
  await page.getByRole("link", { name: "API keys", exact: true }).first().click();
  const row = page.getByRole("row", { name: "Production Server" }).first();
  assert.match(await row.textContent(), /Active/);
  assert.match(await row.textContent(), /mtk_live_…/);

  // Rotated in four steps: both keys work in between.
  await page.goto(keyPath);
  await page.getByRole("link", { name: "Rotate" }).click();
  await page.getByRole("button", { name: "Create new key" }).click();
  const newKey = (await page.locator("#key").textContent()).trim();
  assert.notEqual(newKey, key);
  await page.getByRole("link", { name: "update applications" }).click();
  assert.match(await page.locator("[aria-current=step]").textContent(), /Update applications/);
  await page.getByRole("link", { name: "verify" }).click();
  await page.getByText("Waiting for the first request").waitFor();
  assert.deepEqual([await server.statusWith(key), await server.statusWith(newKey)], [200, 200]);
  if (hasScript) {
    // The page refreshes itself.
    await page.getByText("the old key was last used before it").waitFor({ timeout: 30_000 });
  } else {
    await untilShown(page, `${keyPath}/rotate?step=3`, "the old key was last used before it");
  }
  await page.getByRole("link", { name: "Revoke the old key…" }).click();
  await page.getByRole("button", { name: "Revoke the old key" }).click();
  await page.getByText("API key revoked.").waitFor();
  assert.deepEqual([await server.statusWith(key), await server.statusWith(newKey)], [401, 200]);

  // Disabled, enabled, and finally revoked.
  await page.getByRole("button", { name: "Disable" }).click();
  assert.equal(await server.statusWith(newKey), 401);
  await page.getByRole("button", { name: "Enable" }).click();
  assert.equal(await server.statusWith(newKey), 200);
  await page.getByRole("link", { name: "Revoke…" }).click();
  await page.getByRole("button", { name: "Revoke key" }).click();
  assert.equal(await server.statusWith(newKey), 401);

  // All events are in the log.
  await page.goto("/dashboard/activity?kind=api_key");
  const log = await page.locator("main").textContent();
  for (const event of ["API key created", "API key rotated", "API key disabled", "API key enabled", "API key revoked"]) {
    assert.ok(log.includes(event), event);
  }
  assert.equal(await overflow(page), 0);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You are logged out").waitFor();
  await page.goto("/dashboard");
  assert.match(page.url(), /\/login$/);
  assert.deepEqual(page.complaints, []);
}

export const tests = {
  "a key from its creation to its revocation": (world) => walk(world, {}),
  "the same without a script": (world) => walk(world, { javaScriptEnabled: false }),
  "the same on a small screen in the dark": (world) =>
    walk(world, { viewport: { width: 360, height: 740 }, colorScheme: "dark" }),

  "a client and its secret": async ({ browser, server }) => {
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    await page.goto("/dashboard/clients/new");
    await page.getByLabel("Name", { exact: true }).fill("Billing");
    await page.getByLabel("Scopes (optional)", { exact: true }).fill("read  write");
    await page.getByRole("button", { name: "Create client" }).click();
    const command = (await page.locator("#curl").textContent()).trim();
    const token = () => JSON.parse(execFileSync("sh", ["-c", command.replace("curl ", "curl -s ")], { encoding: "utf8" }));
    assert.equal(token().scope, "read write");
    await page.getByRole("link", { name: "I have stored it" }).click();
    await page.getByRole("link", { name: "Create secret" }).click();
    await page.getByLabel("Label (optional)").fill("spring 2027");
    await page.getByRole("button", { name: "Create secret" }).click();
    assert.match((await page.locator("#secret").textContent()).trim(), /^mts_/);
    await page.getByRole("link", { name: "I have stored it" }).click();
    await page.getByRole("row", { name: "Secret" }).getByRole("link", { name: "Revoke…" }).last().click();
    await page.getByText("Not safe to revoke yet").waitFor();
    await page.getByRole("button", { name: "Revoke secret" }).click();
    await page.getByText("Secret revoked, with").waitFor();
    assert.deepEqual(page.complaints, []);
  },
};
