// Forms keep the typed values, and show each problem at its field.

import assert from "node:assert/strict";

import { createKey, logIn, open } from "./browser.mjs";
import { ADMIN, VIEWER } from "./server.mjs";

export const tests = {
  "names with markup, with direction marks, and very long ones": async ({ browser, server }) => {
    const owner = server.client("Names").client_id;
    const page = await open(browser, server);
    page.on("dialog", (dialog) => dialog.accept());
    await logIn(page, ADMIN);
    for (const name of ['<img src=x onerror="document.title=1">', "\u202eedocne & <b>x</b>", "'\"><script>alert(1)</script>"]) {
      await createKey(page, owner, name);
      await page.goto("/dashboard/keys");
      const cell = page.getByRole("rowheader").first().locator("bdi");
      assert.equal(await cell.textContent(), name);
      assert.equal(await page.locator("main img, main script, main b").count(), 0);
    }
    await page.goto(`/dashboard/keys/new?owner=${owner}`);
    await page.getByLabel("Name", { exact: true }).fill("n".repeat(10_000));
    await page.getByText("Restrictions (IP ranges, rate limit)").click();
    await page.getByLabel("IP ranges").fill("10.0.0.1/8\n2001:db8::/32");
    await page.getByRole("button", { name: "Create API key" }).click();
    const field = page.getByLabel("Name", { exact: true });
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(await page.evaluate(() => document.activeElement.id), "name");
    assert.match(await page.locator("#name-problem").textContent(), /1 to 200 characters/);
    assert.match(await page.locator("#allowed-problem").textContent(), /the range is 10\.0\.0\.0\/8/);
    assert.match(await page.getByLabel("IP ranges").inputValue(), /2001:db8::\/32/);
    assert.deepEqual(page.complaints, []);
  },

  "of two users who edit the same client the second is warned": async ({ browser, server }) => {
    const id = server.client("Shared").client_id;
    const [one, other] = [await open(browser, server), await open(browser, server)];
    for (const page of [one, other]) {
      await logIn(page, ADMIN);
      await page.goto(`/dashboard/clients/${id}/edit`);
    }
    await one.getByLabel("Name", { exact: true }).fill("One");
    await one.getByRole("button", { name: "Save changes" }).click();
    await one.getByText("Changes saved").waitFor();
    await other.getByLabel("Name", { exact: true }).fill("Other");
    await other.getByRole("button", { name: "Save changes" }).click();
    assert.match(await other.getByRole("alert").textContent(), /The client has changed in the meantime/);
    assert.equal(await other.getByLabel("Name", { exact: true }).inputValue(), "Other");
    assert.equal(JSON.parse(server.cli(["client", "show", id, "-o", "json"])).client_name, "One");
    // The second user may save after the warning.
    await other.getByRole("button", { name: "Save changes" }).click();
    await other.getByText("Changes saved").waitFor();
  },

  "a viewer sees no actions, and cannot perform any": async ({ browser, server }) => {
    const id = server.client("Looked at").client_id;
    const page = await open(browser, server);
    await logIn(page, VIEWER);
    for (const path of ["/dashboard", "/dashboard/keys", "/dashboard/clients", `/dashboard/clients/${id}`, "/dashboard/signing-keys"]) {
      await page.goto(path);
      assert.equal(await page.locator("main form[method=post], main a[href$='/new']:not([href*='/keys/']), main a[href$='/edit']").count(), 0, path);
    }
    assert.equal((await page.goto("/dashboard/clients/new")).status(), 403);
    const token = await page.request.get("/dashboard").then(async (answer) => /name="csrf_token" value="([^"]+)"/.exec(await answer.text())[1]);
    const refused = await page.request.post(`/dashboard/clients/${id}/disable`, { form: { csrf_token: token }, maxRedirects: 0 });
    assert.equal(refused.status(), 403);
    assert.match(await refused.text(), /mintery:clients:write/);
    assert.ok(JSON.parse(server.cli(["client", "show", id, "-o", "json"])).enabled);
  },

  "a refusal is a page with the id of the request": async ({ browser, server }) => {
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    const answer = await page.goto("/dashboard/keys/ak_0000000000000000000000");
    assert.equal(answer.status(), 404);
    const id = answer.headers()["x-request-id"];
    assert.ok((await page.locator("main").textContent()).includes(id));
    // Within the dashboard, with the navigation and the current section.
    assert.equal(await page.locator(".nav [aria-current=page]").textContent(), "API keys");
    await page.goto("/dashboard/nothing-here");
    assert.equal(await page.locator(".nav a").count() > 5 && (await page.locator(".nav [aria-current]").count()), 0);
    await page.getByRole("link", { name: "Go to the overview" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
  },

  "many keys are paginated, and found by name": async ({ browser, server }) => {
    const owner = server.client("Many").client_id;
    const token = JSON.parse(server.cli(["client", "create", "--name", "robot", "--scope", "mintery:keys:write read write", "-o", "json"]));
    const { access_token } = await fetch(`${server.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", client_id: token.client_id, client_secret: token.client_secret, scope: "mintery:keys:write read write" }),
    }).then((answer) => answer.json());
    for (let number = 0; number < 60; number += 1) {
      const made = await fetch(`${server.url}/api/v1/keys`, {
        method: "POST",
        headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
        body: JSON.stringify({ name: `Key ${number}.`, owner, scope: "read" }),
      });
      assert.equal(made.status, 201);
    }
    const page = await open(browser, server);
    await logIn(page, ADMIN);
    await page.goto(`/dashboard/keys?owner=${owner}`);
    const seen = new Set();
    for (;;) {
      for (const name of await page.getByRole("rowheader").locator("bdi").allTextContents()) seen.add(name);
      const next = page.getByRole("link", { name: "Older keys" });
      if ((await next.count()) === 0) break;
      await next.click();
    }
    assert.equal(seen.size, 60);
    await page.goto("/dashboard/keys");
    await page.getByLabel("Name", { exact: true }).fill("key 42.");
    await page.getByRole("button", { name: "Filter" }).click();
    assert.deepEqual(await page.getByRole("rowheader").locator("bdi").allTextContents(), ["Key 42."]);
  },
};
