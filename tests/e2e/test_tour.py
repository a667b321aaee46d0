"""The tour in docs/tour.md, run as it stands there: a reader pastes exactly this."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SECONDS = 300
"""It takes half a minute; this ends a wait that never would."""


def free_ports(count: int) -> list[str]:
    """Ports nobody listens on, all different."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in listeners]
    for each in listeners:
        each.close()
    return ports


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour speaks to the bank with curl")
def test_the_tour_ends_with_a_traced_payout(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tour.md").read_text()
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    programs = Path(sys.executable).parent
    own = {name: value for name, value in os.environ.items() if not name.startswith("DYETRACE_")}
    ports = dict(zip(("NODE_PORT", "BANK_PORT", "PORT"), free_ports(3), strict=True))
    environment = own | ports | {"ROOT": str(ROOT), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    with (tmp_path / "script.log").open("w+") as log:
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=SECONDS)
        finally:
            # Its own session, so that what a failed script left running ends with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.seek(0)
        said = log.read()
    assert code == 0, said[-4000:]
    trace = said[said.index("\nsegments") :]
    assert "MB-RCV-1" in trace
    assert "华北生鲜有限公司" in trace
