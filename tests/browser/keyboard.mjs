// The life of a key by keyboard alone: created, used, rotated and revoked.

import assert from "node:assert/strict";

import { open } from "./browser.mjs";
import { ADMIN } from "./server.mjs";

/** The maximum number of Tab presses to reach an element. */
const MOST = 40;

/** The focused element: its name, and true if the focus is visible. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const name = (element.labels?.[0]?.textContent ?? element.textContent).trim().replace(/\s+/g, " ");
    return { name, isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
  });

/** Presses Tab until the element `name` has the focus. */
async function tabTo(page, name) {
  const seen = [];
  for (let presses = 0; presses < MOST; presses += 1) {
    const { name: found, isSeen } = await focused(page);
    if (name.test(found)) {
      assert.ok(isSeen, `the focus of ${found} is invisible`);
      return;
    }
    seen.push(found);
    await page.keyboard.press("Tab");
  }
  assert.fail(`${name} is not reached: ${seen.join(" | ")}`);
}

/** Tabs to a link or a button and presses Enter; returns the heading of the next page. */
async function press(page, name) {
  await tabTo(page, name);
  await Promise.all([page.waitForEvent("framenavigated"), page.keyboard.press("Enter")]);
  await page.waitForLoadState();
  return page.locator("h1").textContent();
}

/** Skips the navigation. */
async function skip(page) {
  await tabTo(page, /^Skip to content$/);
  await page.keyboard.press("Enter");
}

async function walk({ browser, server }, program, options) {
  const owner = server.client(program).client_id;
  const page = await open(browser, server, options);
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto("/dashboard");
  await tabTo(page, /^Username/);
  await page.keyboard.type(ADMIN.username);
  await tabTo(page, /^Password/);
  await page.keyboard.type(ADMIN.password);
  await Promise.all([page.waitForURL(/dashboard/), page.keyboard.press("Enter")]);

  assert.equal(await press(page, /^Settings$/), "Settings");
  await skip(page);
  assert.equal(await press(page, /^API keys$/), "API keys");
  await skip(page);
  assert.equal(await press(page, /^Create API key$/), "Create API key");
  await skip(page);
  await tabTo(page, /^Name/);
  await page.keyboard.type("By keyboard");
  await tabTo(page, /^Owner/);
  await page.keyboard.type(program);
  assert.equal(await page.locator("#owner").inputValue(), owner);
  assert.equal(await press(page, /^Create API key$/), "Your new API key");
  const key = (await page.locator("#key").textContent()).trim();
  assert.equal(await server.statusWith(key), 200);
  await skip(page);
  assert.equal(await press(page, /^I have stored it$/), "By keyboard");
  await skip(page);
  assert.equal(await press(page, /^Rotate$/), "Rotate API key");
  await skip(page);
  assert.equal(await press(page, /^Create new key$/), "Step 1 done: your new key");
  const successor = (await page.locator("#key").textContent()).trim();
  await skip(page);
  await press(page, /^I have stored it: update applications$/);
  await skip(page);
  await press(page, /^Applications updated: verify$/);
  assert.equal(await server.statusWith(successor), 200);
  await skip(page);
  await press(page, /^Revoke the old key…$/);
  await skip(page);
  await press(page, /^Revoke the old key$/);
  await page.getByText("API key revoked.").waitFor();
  assert.deepEqual([await server.statusWith(key), await server.statusWith(successor)], [401, 200]);
}

export const tests = {
  "a key from its creation to its rotation, without a pointer": (world) => walk(world, "Billing", {}),
  "nor a script": (world) => walk(world, "Orders", { javaScriptEnabled: false }),
};
