// Secrets are shown once: not after going back, not after a reload, not from a cache.

import assert from "node:assert/strict";

import { createKey, logIn, open } from "./browser.mjs";
import { ADMIN } from "./server.mjs";

async function prepared({ browser, server }, options) {
  const owner = server.client("Once").client_id;
  const page = await open(browser, server, options);
  await logIn(page, ADMIN);
  return { owner, page };
}

function keysOf(server, owner) {
  return JSON.parse(server.cli(["key", "list", "--owner", owner, "-o", "json"]));
}

async function back(world, options) {
  const { owner, page } = await prepared(world, options);
  page.on("dialog", (dialog) => dialog.accept());
  const key = await createKey(page, owner, "Back");
  await page.goto("/dashboard/keys");
  await page.goBack({ waitUntil: "commit" }).catch(() => {});
  await page.waitForTimeout(500);
  assert.ok(!(await page.content()).includes(key), "the key is shown again");
  assert.equal(keysOf(world.server, owner).length, 1);
}

export const tests = {
  "going back does not show the key": (world) => back(world, {}),
  "nor without a script": (world) => back(world, { javaScriptEnabled: false }),

  "reloading the page creates no second key": async (world) => {
    const { owner, page } = await prepared(world, {});
    page.on("dialog", (dialog) => dialog.accept());
    const key = await createKey(page, owner, "Again");
    await page.reload();
    await page.getByRole("heading", { name: "Already created" }).waitFor();
    assert.ok(!(await page.content()).includes(key));
    assert.equal(keysOf(world.server, owner).length, 1);
    await page.getByRole("link", { name: "Go to the key" }).click();
    await page.getByRole("heading", { name: "Again" }).waitFor();
  },

  "the same with a client and with a secret": async (world) => {
    const { page } = await prepared(world, {});
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto("/dashboard/clients/new");
    await page.getByLabel("Name", { exact: true }).fill("Reloaded");
    await page.getByRole("button", { name: "Create client" }).click();
    await page.locator("#secret").waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Already created" }).waitFor();
    await page.getByRole("link", { name: "Go to the client" }).click();
    await page.getByRole("link", { name: "Create secret" }).click();
    await page.getByRole("button", { name: "Create secret" }).click();
    await page.locator("#secret").waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Already created" }).waitFor();
    await page.getByRole("link", { name: "Go to the client" }).click();
    assert.equal(await page.getByRole("link", { name: "Revoke…" }).count(), 2);
    const clients = JSON.parse(world.server.cli(["client", "list", "-o", "json"]));
    assert.equal(clients.filter((client) => client.client_name === "Reloaded").length, 1);
  },

  "leaving without copying asks for confirmation": async (world) => {
    const { owner, page } = await prepared(world, {});
    const asked = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      dialog.accept();
    });
    await createKey(page, owner, "Left");
    await page.locator("#key").click();
    await page.getByRole("link", { name: "Overview" }).click();
    await page.waitForURL(/\/dashboard$/);
    assert.deepEqual(asked, ["beforeunload"]);
    await createKey(page, owner, "Kept");
    await page.locator("#key").click();
    await page.getByRole("link", { name: "I have stored it" }).click();
    await page.getByRole("heading", { name: "Kept" }).waitFor();
    assert.deepEqual(asked, ["beforeunload"]);
  },

  "leaving after copying only the id asks too": async (world) => {
    const { page } = await prepared(world, {});
    const asked = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      dialog.accept();
    });
    for (const [button, expected] of [["Copy id", ["beforeunload"]], ["Copy secret", ["beforeunload"]]]) {
      await page.goto("/dashboard/clients/new");
      await page.getByLabel("Name", { exact: true }).fill(button);
      await page.getByRole("button", { name: "Create client" }).click();
      await page.getByRole("button", { name: button }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      await page.getByRole("link", { name: "Overview" }).click();
      await page.waitForURL(/\/dashboard$/);
      assert.deepEqual(asked, expected);
    }
  },

  "pages are never cached, and files for ever": async (world) => {
    const { page } = await prepared(world, {});
    const answer = await page.goto("/dashboard/keys");
    const headers = answer.headers();
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'.*base-uri 'none'/);
    const style = await page.locator("link[rel=stylesheet]").getAttribute("href");
    const file = await page.request.get(style);
    assert.match(file.headers()["cache-control"], /max-age=31536000, immutable/);
    assert.equal((await page.request.get("/dashboard/assets/0000000000000000.css")).status(), 404);
  },
};
