#!/usr/bin/env python3
"""Checks the English of what people read (docs/inside/style.md): doc comments, help, pages and Markdown.

Reports phrases that the style replaces (outside code), and doc comments that open with a question word. With --count it
prints totals instead. Exits with 1 if there is a finding.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A phrase, and what the style asks for instead.
REPLACED = [
    (r"\b(some|no|any)body\b|\bwhoever\b|\bwhomever\b|\bof whom\b", "client, user or caller"),
    (r"\b(take|takes|took|taken|taking) (it |them |one |this |that )?back\b", "revoke"),
    (r"\b(make|makes|made|making) (it |them |something )?known\b", "create"),
    (r"\b(is|are) void\b|\bvoid(s|ed)? (from|once|where|with)\b|\bvoids (the|its|all|tokens)\b", "invalid"),
    (r"(?<!there )\b(is|are) none\b(?! of)", "invalid, missing"),
    (r"\b(is|are|was|were) told\b|\btells (who|what|whether|how|why|which|when|of)\b", "return, show, say"),
    (r"\bgood for nothing\b", "rejected"),
    (r"\bfrom now on\b", "now"),
    (r"\bwhat (is|was) (taken|counted|kept|asked|wrong|known)\b", "name the thing"),
]
QUESTION = re.compile(r"(what|whether|who|whose|whom|how|when|where|why|whatever|whichever)\b", re.I)
# The page that lists the phrases, and the log of what was.
EXEMPT = {"docs/inside/style.md"}
PATTERNS = ["*.rs", "*.md", "*.html"]


def files():
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PATTERNS],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()
    return [name for name in names if name not in EXEMPT and (ROOT / name).exists()]


def blanked(match):
    """The same number of lines, without the text."""
    return "\n" * match[0].count("\n")


def prose(name, text):
    """Lines of prose with their numbers, code left out."""
    if name.endswith(".rs"):
        for number, line in enumerate(text.split("\n"), 1):
            comment = re.match(r"\s*//[/!]? ?(.*)", line)
            if comment:
                yield number, re.sub(r"`[^`]*`?", "", comment[1])
        return
    if name.endswith(".md"):
        text = re.sub(r"(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$", blanked, text)
    else:
        text = re.sub(r"(?s)\{[%#].*?[%#]\}|\{\{.*?\}\}", blanked, text)
    text = re.sub(r"(?s)<(code|pre|script|style)\b.*?</\1>|<[^>]*>", blanked, text)
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r"`[^`]*`", "", line)


def doc_comments(text):
    """The first line of each doc comment, with its number."""
    before = ""
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.match(r"\s*//([/!]) ?(.*)", line)
        if comment and not re.match(r"\s*//" + comment[1], before):
            yield number, comment[2]
        before = line


def main():
    found, comments, questions = [], 0, 0
    for name in files():
        text = (ROOT / name).read_text()
        for number, line in prose(name, text):
            for phrase, instead in REPLACED:
                for match in re.finditer(phrase, line, re.I):
                    found.append(f"{name}:{number}: \"{match[0]}\": {instead}")
        if name.endswith(".rs"):
            for number, line in doc_comments(text):
                comments += 1
                if QUESTION.match(line):
                    questions += 1
                    found.append(f"{name}:{number}: doc comment opens with a question word: {line[:60]}")
    if "--count" in sys.argv[1:]:
        phrases = len(found) - questions
        share = 100 * questions / max(comments, 1)
        print(f"{phrases} phrases; {questions} of {comments} doc comments ({share:.1f} %) open with a question word")
    else:
        print("\n".join(found) or f"{comments} doc comments and all pages read well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
