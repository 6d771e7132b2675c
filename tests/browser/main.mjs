// The dashboard in a real browser, against a real server. `main.mjs walk` runs the tests of that file alone.

import { launch } from "./browser.mjs";
import { Server } from "./server.mjs";

const FILES = ["walk", "secrets", "forgery", "forms", "people", "keyboard", "every-page"];

const wanted = process.argv.slice(2);
const counts = { passed: 0, failed: 0 };
const browser = await launch();
for (const file of FILES.filter((file) => wanted.length === 0 || wanted.includes(file))) {
  const { tests } = await import(`./${file}.mjs`);
  const server = await Server.start();
  try {
    for (const [name, test] of Object.entries(tests)) {
      try {
        await test({ browser, server });
        counts.passed += 1;
        console.log(`ok  ${file}: ${name}`);
      } catch (error) {
        counts.failed += 1;
        console.log(`FAILED  ${file}: ${name}\n${String(error.stack ?? error).replace(/^/gm, "        ")}`);
      }
      for (const context of browser.contexts()) await context.close();
    }
  } finally {
    await server.stop();
  }
}
await browser.close();
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
