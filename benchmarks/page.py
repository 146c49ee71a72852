"""Pages of the documentation whose tables benchmarks write, between two marks."""

from __future__ import annotations

from pathlib import Path

from herobm.io import written_aside


def between(path: Path, begin: str, end: str) -> str:
    """Return what stands between two marks of a file."""
    return _parts(path, begin, end)[1]


def put_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a text between two marks of a file; what stands around them stays."""
    head, _, tail = _parts(path, begin, end)
    with written_aside(path, overwrite=True) as aside:
        aside.write_text(f"{head}{begin}\n\n{text}\n{end}{tail}", encoding="utf-8")


def _parts(path: Path, begin: str, end: str) -> tuple[str, str, str]:
    page = path.read_text(encoding="utf-8")
    head, first, rest = page.partition(begin)
    inner, last, tail = rest.partition(end)
    if not (first and last):
        raise SystemExit(f"error: {path} lacks the marks {begin} and {end}")
    return head, inner, tail
