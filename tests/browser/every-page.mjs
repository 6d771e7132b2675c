// Every page: accessible, on every screen size, and small.

import assert from "node:assert/strict";

import { createKey, logIn, open, overflow, violations } from "./browser.mjs";
import { ADMIN, VIEWER } from "./server.mjs";

/** The maximum size of a page with its files, in bytes. */
const MOST = 100_000;

/** Every page with an address. */
async function paths({ browser, server }) {
  const client = server.client("Wherever");
  const id = client.client_id;
  server.cli(["api", "create", "--resource", "https://orders.example.com", "--name", "Orders", "--scope", "orders:read"]);
  const page = await open(browser, server);
  await logIn(page, ADMIN);
  const key = await createKey(page, id, "Wherever");
  await server.statusWith(key);
  const { id: rotated } = JSON.parse(server.cli(["key", "create", "--name", "Rotated", "--owner", id, "-o", "json"]));
  const { id: plain } = JSON.parse(server.cli(["key", "create", "--name", "Plain", "--owner", id, "--expires", "86400", "-o", "json"]));
  server.cli(["key", "rotate", rotated, "-o", "json"]);
  const [secret] = JSON.parse(server.cli(["client", "secret", "list", id, "-o", "json"]));
  const viewer = JSON.parse(server.cli(["user", "list", "-o", "json"])).find((user) => user.username === VIEWER.username);
  const [signing] = JSON.parse(server.cli(["signing-key", "list", "-o", "json"]));
  const api = `resource=${encodeURIComponent("https://orders.example.com")}`;
  return [
    "", "?range=7d", "?range=30d",
    "/keys", "/keys?name=nothing", "/keys?state=unused", "/keys/new", `/keys/new?owner=${id}`,
    `/keys/${plain}`, `/keys/${plain}/edit`, `/keys/${plain}/revoke`, `/keys/${plain}/rotate`,
    `/keys/${rotated}`, `/keys/${rotated}/rotate?step=2`, `/keys/${rotated}/rotate?step=3`, `/keys/${rotated}/rotate?step=4`,
    "/clients", "/clients?name=nothing", "/clients/new", `/clients/${id}`, `/clients/${id}/edit`, `/clients/${id}/disable`,
    `/clients/${id}/delete`, `/clients/${id}/revoke-tokens`, `/clients/${id}/secrets/new`, `/clients/${id}/secrets/${secret.id}/revoke`,
    "/apis", "/apis/new", `/apis/show?${api}`, `/apis/edit?${api}`, `/apis/delete?${api}`, `/apis/revoke-tokens?${api}`,
    "/signing-keys", `/signing-keys/${signing.kid}`, "/signing-keys/rotate", `/signing-keys/${signing.kid}/retire`,
    "/activity", "/activity?kind=client", "/sessions", "/settings", "/settings/second-factor", "/settings/api", "/nothing-here",
    "/users", "/users?username=nobody", "/users/new",
    ...["", "/edit", "/password", "/disable", "/delete", "/reset-second-factor"].map((act) => `/users/${viewer.id}${act}`),
  ].map((path) => `/dashboard${path}`);
}

let known;
const allPaths = async (world) => (known ??= await paths(world));

async function checkAll(world, colorScheme) {
  const wrong = [];
  const at = async (page, path) => {
    for (const violation of await violations(page)) wrong.push(`${path}: ${violation}`);
  };
  for (const width of [1280, 360]) {
    const page = await open(world.browser, world.server, { colorScheme, viewport: { width, height: 800 }, bypassCSP: true });
    await page.goto("/login");
    await at(page, "/login");
    await logIn(page, ADMIN);
    for (const path of await allPaths(world)) {
      await page.goto(path);
      await at(page, path);
      const over = await overflow(page);
      if (over > 0) wrong.push(`${path}: ${over} px wider than ${width}`);
    }
    // The responses to forms.
    const owner = world.server.client("Shown").client_id;
    await createKey(page, owner, "Shown");
    await at(page, "a new key");
    if ((await overflow(page)) > 0) wrong.push(`a new key: wider than ${width}`);
    await page.goto(`/dashboard/keys/new?owner=${owner}`);
    await page.getByLabel("Name", { exact: true }).fill("\u0001");
    await page.getByRole("button", { name: "Create API key" }).click();
    await at(page, "a form with a problem");
    await page.goto("/dashboard/settings/second-factor");
    await page.getByRole("button", { name: "Set up" }).click();
    await at(page, "a second factor begun");
    if ((await overflow(page)) > 0) wrong.push(`a second factor: wider than ${width}`);
    await page.context().close();
  }
  assert.deepEqual(wrong, []);
}

export const tests = {
  "violations are found": async ({ browser, server }) => {
    const page = await open(browser, server, { viewport: { width: 360, height: 800 }, bypassCSP: true });
    await page.goto("/login");
    await page.locator("main").evaluate((main) => {
      main.innerHTML += '<input><p style="color: #999; background: #aaa">Hard to read</p><p style="width: 500px">Wide</p>';
    });
    const found = (await violations(page)).join(" ");
    assert.ok(found.includes("label:") && found.includes("color-contrast:"), found);
    assert.ok((await overflow(page)) > 0);
  },

  "every page is accessible in the light scheme": (world) => checkAll(world, "light"),
  "and in the dark scheme": (world) => checkAll(world, "dark"),

  "no page is wider than the window, at every width": async ({ browser, server }) => {
    // Long names, and one that cannot be broken.
    const owner = server.client(`Fraud scoring of the second generation ${"x".repeat(60)}`).client_id;
    server.cli(["key", "create", "--name", `Production${"y".repeat(80)}`, "--owner", owner, "--expires", "864000"]);
    server.cli(["user", "create", "--username", `${"z".repeat(60)}`, "--role", "viewer", "--password", "-"], "gravel lemon orbit 7\n");
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    const wrong = [];
    for (const width of [320, 680, 740, 960, 1040, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of ["", "/keys", "/clients", `/clients/${owner}`, "/apis", "/signing-keys", "/activity", "/users", "/sessions"]) {
        await page.goto(`/dashboard${path}`);
        const over = await overflow(page);
        if (over > 0) wrong.push(`${path}: ${over} px wider than ${width}`);
      }
    }
    assert.deepEqual(wrong, []);
  },

  "every page is small and free of errors": async (world) => {
    const page = await open(world.browser, world.server);
    await logIn(page, ADMIN);
    for (const path of await allPaths(world)) {
      const sizes = [];
      const measure = async (response) => sizes.push((await response.body()).length);
      page.on("response", measure);
      await page.goto(path);
      page.off("response", measure);
      const html = (await page.content()).length;
      const files = await Promise.all(
        (await page.locator("link[rel=stylesheet], script[src]").evaluateAll((all) => all.map((one) => one.href ?? one.src)))
          .map(async (file) => (await (await page.request.get(file)).body()).length));
      const weight = html + files.reduce((sum, size) => sum + size, 0);
      assert.ok(weight < MOST, `${path}: ${weight} bytes`);
    }
    assert.deepEqual(page.complaints, []);
  },

  "the keyboard focus is visible": async ({ browser, server }) => {
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    await page.goto("/dashboard/keys");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => {
      const focused = document.activeElement;
      return { isInMain: document.querySelector("main").contains(focused), width: getComputedStyle(focused).outlineWidth };
    });
    assert.ok(outline.isInMain && parseFloat(outline.width) >= 2, JSON.stringify(outline));
  },
};
