"""The examples of the guide run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.e2e.clients.driven import clean_environment
from tests.house.source import ROOT
from tests.running import RunningHearth

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_guide_run(hearth: RunningHearth) -> None:
    program = "\n".join(EXAMPLE.findall((ROOT / "docs" / "guides" / "client.md").read_text()))
    variables = clean_environment(
        OPENAI_API_KEY=hearth.credentials["api_key"],
        OPENAI_BASE_URL=f"{hearth.url}/inference/v1",
        PYTHONPATH=str(ROOT / "src"),
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "llama-v3p1-8b-instruct         1" in done.stdout
    assert "of the budget of $0.000001000 is spent." in done.stdout
    assert "404 NOT_FOUND" in done.stdout
