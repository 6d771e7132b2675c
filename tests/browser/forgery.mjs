// Forms from another site, or of another session, change nothing (SEC-7).

import assert from "node:assert/strict";

import { logIn, open } from "./browser.mjs";
import { ADMIN, VIEWER } from "./server.mjs";

const token = (page) => page.locator("input[name=csrf_token]").first().getAttribute("value");

async function isEnabled(server, id) {
  return JSON.parse(server.cli(["client", "show", id, "-o", "json"])).enabled;
}

export const tests = {
  "a form needs the token of the session, and must come from this server": async ({ browser, server }) => {
    const id = server.client("Forged").client_id;
    const path = `/dashboard/clients/${id}/disable`;
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    const own = await token(page);
    const other = await open(browser, server);
    await logIn(other, ADMIN);
    const others = await token(other);
    const send = (form, headers = {}) => page.request.post(path, { form, headers, maxRedirects: 0 });
    assert.equal((await send({})).status(), 403);
    assert.equal((await send({ csrf_token: others })).status(), 403);
    assert.equal((await send({ csrf_token: `${own}x` })).status(), 403);
    assert.equal((await send({ csrf_token: own }, { origin: "https://evil.example" })).status(), 403);
    assert.equal((await send({ csrf_token: own }, { "sec-fetch-site": "same-site" })).status(), 403);
    const json = await page.request.post(path, { data: { csrf_token: own }, maxRedirects: 0 });
    assert.equal(json.status(), 400);
    assert.equal((await page.request.get(path)).status(), 200);
    assert.ok(await isEnabled(server, id), "a forged form counted");
    assert.equal((await send({ csrf_token: own }, { origin: server.url })).status(), 303);
    assert.ok(!(await isEnabled(server, id)));
  },

  "a page of another site cannot send one": async ({ browser, server }) => {
    const id = server.client("Lured").client_id;
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    // Another site for browsers: the same machine by another name.
    const elsewhere = server.url.replace("127.0.0.1", "localhost");
    await page.route(`${elsewhere}/lure`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${server.url}/dashboard/clients/${id}/disable"><input name="csrf_token" value="x"></form>
               <script>document.forms[0].submit()</script>`,
      }));
    await page.goto(`${elsewhere}/lure`);
    await page.waitForURL(`${server.url}/**`);
    assert.ok(await isEnabled(server, id));
    // Nor log in as another user.
    await page.route(`${elsewhere}/lure-in`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${server.url}/login"><input name="username" value="${VIEWER.username}">
               <input name="password" value="${VIEWER.password}"></form><script>document.forms[0].submit()</script>`,
      }));
    await page.goto(`${elsewhere}/lure-in`);
    await page.getByText("Form rejected").waitFor();
    await page.goto("/dashboard");
    assert.match(await page.locator(".who-name").textContent(), new RegExp(ADMIN.username));
    // Nor log out: the browser omits the cookie, and would accept an empty one.
    await page.route(`${elsewhere}/lure-out`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${server.url}/logout"></form><script>document.forms[0].submit()</script>`,
      }));
    await page.goto(`${elsewhere}/lure-out`);
    await page.getByText("Form rejected").waitFor();
    await page.goto("/dashboard");
    assert.match(await page.locator(".who-name").textContent(), new RegExp(ADMIN.username));
  },

  "a log-in begins a new session, and does not redirect to another site": async ({ browser, server }) => {
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    const cookie = async () => (await page.context().cookies()).find(({ name }) => name === "session");
    const first = await cookie();
    assert.ok(first.httpOnly && first.sameSite === "Lax");
    const again = await page.request.post("/login", {
      form: { ...ADMIN, next: "//evil.example/dashboard" },
      maxRedirects: 0,
    });
    assert.equal(again.headers().location, "/dashboard");
    assert.notEqual((await cookie()).value, first.value);
    const old = await fetch(`${server.url}/dashboard`, { headers: { cookie: `session=${first.value}` }, redirect: "manual" });
    assert.equal(old.status, 303);
  },
};
