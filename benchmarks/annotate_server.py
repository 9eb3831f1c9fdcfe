"""`densepose annotate` in a process of its own, for the benchmark and the tests."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

_RUN = "from opendensepose.cli import main; main()"


class Server:
    """Started when made; `url`, `port` and the owner's `token` are what it printed."""

    def __init__(self, project: Path, *options: str, port: int = 0) -> None:
        command = [sys.executable, "-c", _RUN, "annotate", "--project", str(project), *options]
        self.log = project.parent / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, "--port", str(port)], stderr=log, stdout=log)
        for _ in range(3000):
            found = re.search(r"open (http://127\.0\.0\.1:(\d+))/#(\S+)", self.log.read_text())
            if found:
                self.url, self.port, self.token = found[1], int(found[2]), found[3]
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self, how: int = signal.SIGINT) -> int:
        """End the process; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()  # none is left behind; nothing happens to one that has ended
