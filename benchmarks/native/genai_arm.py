"""OpenVINO GenAI on the same weights, in an environment of its own.

Run there as `… FILE THREADS STREAMS`: takes the `Load` of `loads` and answers its `Told`. Nothing
of this project is imported by that side. How it is driven is what measured best: its own step loop,
plain int8 as its GGUF reader makes it of a Q8_0 file, its own thread pinning.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

VERSION = "2026.4.1.0"
INSTALL_LIMIT_S = 900.0
CACHE_GB = 1  # 32 streams of 512 tokens need a third of it


def install(cache: Path) -> Path | None:
    """Return the environment's Python; None, with a line saying why, when it cannot be made."""
    home = cache / f"openvino-genai-{VERSION}"
    python, done = home / "bin" / "python", home / "installed"
    if done.exists():
        return python
    print(f"Installing OpenVINO GenAI {VERSION} into {home} (about a minute)", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / "openvino-genai-install.log"
    steps = (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "-q", f"openvino-genai=={VERSION}"],
    )
    try:
        with log.open("wb") as output:
            for step in steps:
                subprocess.run(
                    step, check=True, timeout=INSTALL_LIMIT_S, stdout=output, stderr=output
                )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"OpenVINO GenAI is left out ({error}); see {log}", flush=True)
        return None
    done.touch()
    return python


class Pipeline:
    """A loaded model; runs in the other environment."""

    def __init__(self, file: str, threads: int, streams: int) -> None:
        openvino_genai = importlib.import_module("openvino_genai")  # only there
        scheduling = openvino_genai.SchedulerConfig()
        scheduling.cache_size = CACHE_GB
        scheduling.max_num_seqs = streams
        options = {"INFERENCE_NUM_THREADS": threads}
        self._genai = openvino_genai
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(file, scheduling, "CPU", options)
        self._num_requests = 0

    def run(self, asks: list[dict[str, Any]]) -> dict[str, Any]:  # Any: as JSON has it
        """Run requests together, and tell of it."""
        started_s = time.perf_counter()
        handles = [self._begin(ask) for ask in asks]
        tokens, first_s = [0] * len(asks), [0.0] * len(asks)
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            now_s = time.perf_counter() - started_s
            for place, handle in enumerate(handles):
                while handle.can_read():  # `read` would wait for ever
                    first_s[place] = first_s[place] or now_s
                    tokens[place] += sum(len(out.generated_ids) for out in handle.read().values())
        wall_s = time.perf_counter() - started_s
        return {"wall_s": wall_s, "tokens": sum(tokens), "first_s": first_s}

    def _begin(self, ask: dict[str, Any]) -> Any:  # Any: the library has no types of its own
        import numpy as np
        import openvino

        if ask["adapter"]:
            raise ValueError("GenAI has no adapters of requests.")
        config = self._genai.GenerationConfig()
        config.apply_chat_template = False
        config.do_sample = False
        config.ignore_eos = True
        config.max_new_tokens = ask["max_tokens"]
        self._num_requests += 1
        ids = openvino.Tensor(np.array([ask["prompt"]], np.int64))
        return self._pipeline.add_request(self._num_requests, ids, config)


def serve(file: str, threads: int, streams: int) -> None:
    """Answer what comes."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # the library prints to standard output
        started_s = time.perf_counter()
        pipeline = Pipeline(file, threads, streams)
        told: dict[str, Any] = {"wall_s": time.perf_counter() - started_s}
        print(json.dumps(told), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(pipeline.run(json.loads(line)["asks"])), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
