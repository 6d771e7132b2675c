// The Chromium of this machine, driven by the playwright-core that is installed in a directory.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The browser; nothing where there is none, or nothing to drive it with. */
export async function launchChromium(directory) {
  const which = (name) => spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
  const executablePath = NAMES.map(which).find(Boolean);
  let playwright;
  try {
    playwright = createRequire(path.join(directory, "package.json"))("playwright-core");
  } catch {
    return null;
  }
  // A container has no user namespaces for the browser's own sandbox, and only pages of this repository are opened.
  return executablePath ? playwright.chromium.launch({ executablePath, args: ["--no-sandbox"] }) : null;
}
