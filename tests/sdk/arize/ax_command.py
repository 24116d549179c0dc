"""Runs commands of `ax`: the real executable, or its entry point in a forked child of this process.

`ax` takes five seconds of processor time to load; this process loads it once.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# The name of `ax.py` would hide the package of the same name: what is installed comes first.
sys.path.append(sys.path.pop(0))

from ax.cli import app as entry_point

EXECUTABLE = Path(sys.executable).parent / "ax"
SCRATCH = Path(os.environ["HOME"])
# What commands find in their environment.
TYPED = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500"}


class Executed:
    """A command of the real executable that runs."""

    def __init__(self, *line):
        self.process = subprocess.Popen(
            [EXECUTABLE, *line], env=TYPED, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def runs(self):
        return self.process.poll() is None

    def ended(self):
        """Waits for its end: exit code, stdout, stderr."""
        out, err = self.process.communicate(timeout=100)
        return self.process.returncode, out, err


class Forked:
    """The same in a child of this process, which may have no threads that the command needs."""

    def __init__(self, *line):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.status = None
        self.child = os.fork()
        if self.child == 0:
            code = 70
            try:
                os.environ.update(TYPED)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(self.out.fileno(), 1)
                os.dup2(self.err.fileno(), 2)
                sys.argv = ["ax", *line]
                entry_point()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)

    def _wait(self, how):
        if self.status is None:
            child, status = os.waitpid(self.child, how)
            self.status = status if child else None

    def runs(self):
        self._wait(os.WNOHANG)
        return self.status is None

    def ended(self):
        self._wait(0)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        return os.waitstatus_to_exitcode(self.status), *texts


def typed(*line):
    """Runs the real executable: exit code, stdout, stderr."""
    return Executed(*line).ended()


def ax(*line):
    """Runs the entry point in a child: exit code, stdout, stderr."""
    return Forked(*line).ended()
