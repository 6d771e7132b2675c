// Tries the pages, each beside servers of its own, and then what goes wrong (refusals.mjs). page.mjs tells what is on a
// page.

import { readdirSync } from "node:fs";
import path from "node:path";

import { launch, runInPage, withPagesAt } from "./browser.mjs";
import { blocksOf } from "./page.mjs";
import { refusals } from "./refusals.mjs";
import { difference } from "./shows.mjs";
import { Workplace } from "./workplace.mjs";

const docs = path.join(process.env.REPOSITORY, "docs", "guides");
const FIRST = path.join(docs, "api-keys.md");
const counts = { passed: 0, failed: 0 };

function report(name, failure) {
  counts[failure ? "failed" : "passed"] += 1;
  console.log(`${failure ? "FAILED" : "ok"}  ${name}`);
  if (failure) console.log(String(failure).replace(/^/gm, "        "));
}

/** What starts the servers, and the keys, for every page. */
const preparation = blocksOf(FIRST).filter(({ kind }) => kind === "setup" || kind === "server");

async function prepare(work) {
  for (const { kind, name, language, text } of preparation) {
    if (kind === "server") {
      await work.serve(text);
    } else {
      const { failure } = work.run({ language, text });
      if (failure) throw new Error(`${name}: ${failure}`);
    }
  }
}

async function tryPage(file, browser) {
  const blocks = blocksOf(file);
  console.log(`-- ${path.relative(process.env.REPOSITORY, file)}`);
  const work = await Workplace.create();
  try {
    for (const { name, text } of blocks.filter(({ kind }) => kind === "file")) work.write(name, text);
    await prepare(work);
    for (const block of blocks.filter(({ kind }) => kind.startsWith("test"))) {
      const where = `${block.name} (line ${block.line})`;
      if (!block.shows) {
        report(where, "the page does not show what it prints");
        continue;
      }
      const { printed, failure, missing } = await tryBlock(work, block, browser);
      if (missing) {
        console.log(`not run  ${where}: ${missing} is missing`);
        continue;
      }
      const wrong = failure ?? difference(block.shows, printed);
      report(where, wrong && `${wrong}\nprinted:\n${printed}`);
    }
  } finally {
    await work.close();
  }
}

async function tryBlock(work, block, browser) {
  if (block.kind === "test") return work.run(block);
  if (!browser) return { missing: "the browser" };
  const isEnough = (printed) => !difference(block.shows, printed);
  const ran = await withPagesAt(work.pages, () =>
    runInPage(browser, work.pages, work.environment.TOKEN, work.local(block.text), isEnough),
  );
  const failure = ran.failure ?? (ran.preflights > 0 ? null : "the browser did not ask whether it may");
  return { ...ran, failure };
}

const named = process.argv.slice(2).map((name) => path.resolve(name));
const pages = readdirSync(docs)
  .filter((name) => /^api-keys.*\.md$/.test(name))
  .map((name) => path.join(docs, name));
const browser = await launch();
try {
  for (const file of named.length > 0 ? named : pages) {
    try {
      await tryPage(file, browser);
    } catch (error) {
      report(path.basename(file), error.stack ?? error);
    }
  }
  if (named.length === 0) {
    console.log("-- refusals");
    const work = await Workplace.create();
    try {
      await prepare(work);
      await refusals(work, browser, report);
    } catch (error) {
      report("refusals", error.stack ?? error);
    } finally {
      await work.close();
    }
  }
} finally {
  await browser?.close();
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
