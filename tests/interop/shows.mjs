// Whether what was printed is what a page shows. `…` stands for anything.

/** What is wrong with `printed`; nothing when it is as shown. */
export function difference(shows, printed) {
  return shows.language === "json"
    ? differenceOfJson(shows.text, printed)
    : differenceOfLines(shows.text, printed);
}

/** Each line that is shown was printed, in this order. */
function differenceOfLines(shown, printed) {
  const lines = printed.split("\n").map((line) => line.trim());
  for (const wanted of shown.trim().split("\n")) {
    const found = lines.findIndex((line) => matches(wanted.trim(), line));
    if (found < 0) return `not printed: ${wanted}`;
    lines.splice(0, found + 1);
  }
  return null;
}

/** Each member that is shown was printed, in JSON: all of it, or the last line. */
function differenceOfJson(shown, printed) {
  for (const text of [
    printed,
    printed.trimEnd().split("\n").at(-1),
    printed.slice(printed.lastIndexOf("\n{\n") + 1),
  ]) {
    try {
      return differenceOfValues("", JSON.parse(shown), JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return "not JSON";
}

function differenceOfValues(path, shown, printed) {
  const differs = `${path || "it"} is ${JSON.stringify(printed)}, not ${JSON.stringify(shown)}`;
  if (typeof shown !== typeof printed || (shown === null) !== (printed === null)) return differs;
  if (typeof shown === "string") return matches(shown, printed) ? null : differs;
  if (typeof shown === "number") {
    // A date in an example is not today's.
    return shown === printed || shown > 1e9 ? null : differs;
  }
  if (typeof shown !== "object" || shown === null) return shown === printed ? null : differs;
  for (const name of Object.keys(shown)) {
    if (!(name in printed)) return `${path}.${name} is missing`;
    const wrong = differenceOfValues(`${path}.${name}`, shown[name], printed[name]);
    if (wrong) return wrong;
  }
  return null;
}

function matches(pattern, text) {
  const parts = pattern.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
