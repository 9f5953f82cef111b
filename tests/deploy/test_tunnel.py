"""The tunnel of the documents: where it leads, and what ssh itself makes of it.

That one port carries everything is tested in tests/system, through a tunnel in user space.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.link.dialer import DialerConfig
from shared.link.listener import ListenerConfig

FORWARD = re.compile(r"(\d+):127\.0\.0\.1:(\d+)")


def recipes(repository: Path) -> list[list[str]]:
    found = [
        shlex.split(line)
        for document in sorted((repository / "docs").glob("*.md"))
        for line in document.read_text().splitlines()
        if line.startswith("ssh ")
    ]
    assert found
    return found


def test_a_tunnel_leads_from_where_actors_dial_to_where_learners_listen(repository: Path):
    for words in recipes(repository):
        (forward,) = [found for word in words if (found := FORWARD.fullmatch(word))]
        assert DialerConfig().connect == f"tcp://127.0.0.1:{forward[1]}"
        assert ListenerConfig().bind == f"tcp://127.0.0.1:{forward[2]}"


def test_ssh_understands_it(repository: Path, tmp_path: Path):
    if shutil.which("ssh") is None:
        pytest.skip("needs ssh (apt-get install openssh-client)")
    for words in recipes(repository):
        command = ["ssh", "-G", "-F", "/dev/null", *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        assert "localforward 5555 [127.0.0.1]:5555" in done.stdout
        if "ExitOnForwardFailure=yes" in words:
            assert "exitonforwardfailure yes" in done.stdout
            assert "serveralivecountmax 3" in done.stdout
