#!/usr/bin/env python3
"""Checks the relative links of the Markdown files: each target exists, and each anchor is a heading of its target.

A page of the book (docs/) links only to pages of the book, because the built book has nothing else. Web addresses are
not fetched. Prints each broken link and exits with 1 if there is one.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOOK = ROOT / "docs"
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def tracked():
    """The Markdown files of the repository."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()
    return [ROOT / name for name in names if (ROOT / name).exists()]


def prose(text):
    """The text without fenced code, code spans and comments."""
    text = re.sub(r"(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$", "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    return text


def anchors(path):
    """The anchors of the headings, as mdBook and code hosts make them."""
    found = set()
    for heading in re.findall(r"(?m)^#{1,6} +(.+?) *$", prose(path.read_text())):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(slug)
    return found


def main():
    broken = []
    pages = tracked()
    for page in pages:
        for target in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page.read_text()))):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            where = f"{page.relative_to(ROOT)}: {target}"
            if not path.exists():
                broken.append(f"{where}: no such file")
            elif BOOK in page.parents and BOOK not in path.parents:
                broken.append(f"{where}: outside the book")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path):
                broken.append(f"{where}: no such heading")
    summary = (BOOK / "SUMMARY.md").read_text()
    for page in sorted(BOOK.rglob("*.md")):
        name = str(page.relative_to(BOOK))
        if name != "SUMMARY.md" and f"({name})" not in summary:
            broken.append(f"docs/{name}: not in SUMMARY.md")
    print("\n".join(broken) or f"{len(pages)} Markdown files, no broken link")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
