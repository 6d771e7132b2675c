"""Rows, tables and JSON."""

import json

import machine

_rows: list[tuple[str, str, str, str]] = []


def row(what: str, figure: str, must: str, ok: bool) -> None:
    """One line of the table that ends the run; shown at once as well."""
    _rows.append((what, figure, must, "ok" if ok else "MISSED"))
    print(f"   {what}: {figure} (must reach {must}): {_rows[-1][3]}", flush=True)


def skipped(what: str, why: str) -> None:
    _rows.append((what, "skipped", why, ""))
    print(f"   {what}: skipped: {why}", flush=True)


def save(name: str, content: dict) -> None:
    """Writes `target/bench/NAME.json`."""
    directory = machine.TARGET / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"name": name, "machine": machine.describe()} | content, indent=2)
    (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def print_rows() -> None:
    header = ("what", "figure", "must reach", "")
    widths = [max(len(line[column]) for line in [header, *_rows]) for column in range(4)]
    print()
    for line in [header, *_rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
