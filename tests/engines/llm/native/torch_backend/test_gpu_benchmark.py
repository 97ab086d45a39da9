"""The GPU benchmark tries itself on a CPU, and says what it needs."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.gpu.__main__ import main

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="about machines without a GPU")


def test_tiny_run_measures_every_number_of_streams(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--device", "cpu", "--tiny"])

    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [decode["streams"] for decode in report["decode"]] == [1, 4, 16, 64, 256]
    assert all(decode["tokens_per_s"] > 0 for decode in report["decode"])


def test_one_sentence_says_that_a_gpu_is_needed() -> None:
    with pytest.raises(SystemExit, match="needs a CUDA GPU"):
        main([])
