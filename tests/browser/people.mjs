// Sessions: seen, and ended.

import assert from "node:assert/strict";

import { logIn, open } from "./browser.mjs";
import { ADMIN } from "./server.mjs";

export const tests = {
  "a session is seen and ended from another one": async ({ browser, server }) => {
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
    await one.getByText("This one").waitFor();
  },
};
