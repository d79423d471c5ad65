"""Applies each patch to a copy of the project and sees that the test it names fails.

A patch begins with lines ``Breaks: what`` and ``Caught by: test id`` (one or more).  The run fails when a patch no
longer applies, when its tests do not pass without it, or when they still pass with it.  Run it with ``make mutations``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 12
TESTS_FAILED = 1  # pytest's exit status; others mean that nothing was tested


@dataclass(frozen=True)
class Mutation:
    patch: Path
    breaks: str
    caught_by: tuple[str, ...]

    @classmethod
    def read(cls, patch: Path) -> Mutation:
        text = patch.read_text()
        breaks = re.search(r"^Breaks: (.+)$", text, re.MULTILINE)
        caught_by = tuple(re.findall(r"^Caught by: (.+)$", text, re.MULTILINE))
        if breaks is None or not caught_by:
            sys.exit(f"{patch.name}: begins with `Breaks: …` and `Caught by: …`")
        return cls(patch, breaks[1], caught_by)


def copy_project(to: Path) -> None:
    """The files that git knows of, as they are in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def run_tests(copy: Path, tests: tuple[str, ...]) -> int:
    """pytest's exit status; the copy's packages come before the installed ones, in child processes too."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode


def survives(mutation: Mutation, copy: Path) -> str | None:
    """Why the mutation is not caught; None when it is."""
    apply = ["git", "apply", "--unsafe-paths", f"--directory={copy}", str(mutation.patch)]
    if (done := subprocess.run(apply, cwd="/", capture_output=True, text=True, check=False)).returncode != 0:
        return f"no longer applies: {done.stderr.strip()}"
    try:
        status = run_tests(copy, mutation.caught_by)
    finally:
        subprocess.run([*apply[:2], "--reverse", *apply[2:]], cwd="/", capture_output=True, check=True)
    return None if status == TESTS_FAILED else f"its tests end with status {status}"


def main() -> int:
    mutations = [Mutation.read(patch) for patch in sorted(Path(__file__).parent.glob("*.patch"))]
    if not 0 < len(mutations) <= MOST:
        sys.exit(f"{len(mutations)} mutations; 1 to {MOST} are wanted")
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_project(copy)
        everything = tuple(dict.fromkeys(test for mutation in mutations for test in mutation.caught_by))
        if (status := run_tests(copy, everything)) != 0:
            sys.exit(f"without any mutation the tests end with status {status}")
        for mutation in mutations:
            why = survives(mutation, copy)
            failures += why is not None
            print(f"{'survives' if why else 'caught  '} {mutation.patch.stem}: {mutation.breaks}", end="")
            print(f" ({why})" if why else "", flush=True)
    print(f"{len(mutations) - failures} caught, {failures} not")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
