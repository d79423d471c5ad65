"""Applies each patch to a copy of the project and sees that the test it names fails.

A patch begins with the lines ``Breaks: what`` and ``Caught by: test id``.  The run fails when a patch no longer
applies, when its test does not pass without it, or when it still passes with it.  Run it with ``make mutations``.
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
MOST = 14
SECONDS = 120  # for a run of pytest; one that takes longer hangs
TESTS_FAILED = 1  # pytest's exit status; others mean that nothing was tested


@dataclass(frozen=True)
class Mutation:
    patch: Path
    breaks: str
    caught_by: str

    @classmethod
    def read(cls, patch: Path) -> Mutation:
        head = re.match(r"Breaks: (.+)\nCaught by: (\S+)\n", patch.read_text())
        if head is None:
            sys.exit(f"{patch.name}: must begin with the lines `Breaks: what` and `Caught by: test id`")
        return cls(patch, head[1], head[2])

    def apply(self, copy: Path, *options: str) -> str | None:
        """Why the patch does not apply; None when it does."""
        # From outside of any repository: within one, git passes over what lies elsewhere and says nothing.
        command = ["git", "apply", "--unsafe-paths", f"--directory={copy}", *options, str(self.patch)]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr.strip()


@dataclass(frozen=True)
class Tested:
    status: int | None  # pytest's exit status; None: it did not end in time
    output: str

    @property
    def told(self) -> str:
        ended = f"did not end within {SECONDS} s" if self.status is None else f"ended with status {self.status}"
        return f"pytest {ended}\n{self.output}"


def copy_project(to: Path) -> None:
    """The files that git knows of, as they are in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def run_tests(copy: Path, *tests: str) -> Tested:
    """Run them; the copy's packages come before the installed ones, in child processes too."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=short", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return Tested(None, "")
    return Tested(done.returncode, done.stdout + done.stderr)


def survives(mutation: Mutation, copy: Path) -> str | None:
    """Why the mutation is not caught; None when it is."""
    if (why := mutation.apply(copy)) is not None:
        return f"no longer applies: {why}"
    tested = run_tests(copy, mutation.caught_by)
    if (why := mutation.apply(copy, "--reverse")) is not None:
        sys.exit(f"{mutation.patch.name}: cannot be taken back: {why}")
    if tested.status == 0:
        return f"{mutation.caught_by} still passes"
    return None if tested.status == TESTS_FAILED else tested.told


def main() -> int:
    mutations = [Mutation.read(patch) for patch in sorted(Path(__file__).parent.glob("*.patch"))]
    if not 0 < len(mutations) <= MOST:
        sys.exit(f"{len(mutations)} mutations; 1 to {MOST} are wanted")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_project(copy)
        unchanged = run_tests(copy, *dict.fromkeys(mutation.caught_by for mutation in mutations))
        if unchanged.status != 0:
            sys.exit(f"without any mutation the tests do not pass: {unchanged.told}")
        failures = 0
        for mutation in mutations:
            why = survives(mutation, copy)
            failures += why is not None
            print(f"{'NOT CAUGHT' if why else 'caught    '} {mutation.patch.stem}: {mutation.breaks}", flush=True)
            if why:
                print(f"           {why}", flush=True)
    print(f"{len(mutations) - failures} caught, {failures} not")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
