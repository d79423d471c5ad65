"""``understudy demo`` from end to end: it names the language that the student never learned, and ends cleanly."""

import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest


def heed_interrupts() -> None:
    """As in a terminal: what a shell starts in the background inherits that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(110)
def test_the_demonstration_rejects_the_student_names_the_language_stays_up_and_ends_when_told():
    command = [sys.executable, "-m", "proxy.cli", "demo", "--requests", "350"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, preexec_fn=heed_interrupts) as demo:  # noqa: PLW1509 - no threads yet
        too_long = threading.Timer(100, demo.terminate)
        too_long.start()
        said = ""
        for line in demo.stdout:
            said += line
            if line.strip().startswith("commands"):
                break
        urls = re.findall(r"http://127\.0\.0\.1:\d+/\S+", said)
        with urllib.request.urlopen(next(url for url in urls if url.endswith("/metrics"))) as metrics:
            assert b"understudy_pairs_total" in metrics.read()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, demo.stderr.read()
        too_long.cancel()
    assert "REJECT" in said, said
    assert "language=de" in said[said.index("REJECT") : said.index("Agreement")]
    for url in urls:
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(url, timeout=5)
