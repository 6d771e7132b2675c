// The blocks of a page, and what becomes of each. A comment above a block says so:
//
//   <!-- test: NAME -->              it is run, in the language of its fence
//   <!-- test in a browser: NAME --> it is run by a web page of another origin
//   <!-- setup: NAME -->             the same as a test; of the first page, it is run before those of every other page
//   <!-- server: NAME -->            it goes on running beside what follows; of the first page, for every other page
//   <!-- file: NAME -->              it is written to a file before anything is started
//   <!-- shows -->                   what the block above prints
//
// Nothing on a page that a reader can paste is without one.

import { readFileSync } from "node:fs";

const RUN = ["sh", "js", "python", "ruby"];
const SHOWN = ["json", "text"];

/** The blocks of the page at `path`: `{ kind, name, language, text, shows, line }`. */
export function blocksOf(path) {
  const blocks = [];
  let marker = null;
  let fence = null;
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((text, index) => {
      const line = index + 1;
      const wrong = (what) => new Error(`${path}:${line}: ${what}`);
      if (fence) {
        if (text === "```") {
          add(blocks, fence, wrong);
          fence = null;
        } else {
          fence.text += `${text}\n`;
        }
      } else if (text.startsWith("```")) {
        fence = { marker, language: text.slice(3), text: "", line };
        marker = null;
      } else if (text.startsWith("<!-- ")) {
        const found = /^<!-- (?:(test|test in a browser|setup|server|file): (.+)|(shows)) -->$/.exec(text);
        if (!found || marker) throw wrong("a comment that says nothing about a block");
        marker = { kind: found[1] ?? found[3], name: found[2] };
      } else if (text !== "" && marker) {
        throw wrong("no block follows the comment");
      }
    });
  if (fence || marker) throw new Error(`${path}: it ends within a block`);
  return blocks;
}

function add(blocks, { marker, language, text, line }, wrong) {
  if (!marker) throw wrong("no comment says what becomes of this block");
  const { kind, name } = marker;
  const fits = {
    test: RUN.includes(language),
    "test in a browser": language === "js",
    setup: language === "sh",
    server: language === "sh",
    file: language === "toml",
    shows: SHOWN.includes(language),
  }[kind];
  if (!fits) throw wrong(`a block of ${language} is no ${kind}`);
  if (kind !== "shows") {
    blocks.push({ kind, name, language, text, line, shows: null });
    return;
  }
  const above = blocks.at(-1);
  if (!above?.kind.startsWith("test") || above.shows) throw wrong("nothing above prints this");
  above.shows = { language, text };
}
