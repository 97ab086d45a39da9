"""Measure the GPU engine: `python -m benchmarks.gpu`, or `make bench-gpu`.

A model of Llama 3 8B's dimensions with random weights decodes for 1 to 256 streams. Each step is
set beside the least time in which the GPU's memory can be read (`roofline`), and beside the
continuous batching of transformers. What is measured is the backend: no scheduler, no sampling.
It has not been run on a GPU yet; `--device cpu --tiny` tries the benchmark itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; print a table, and the same as JSON on the last line."""
    options = _parser().parse_args(arguments)
    if options.device == "cpu" and not options.tiny:
        sys.exit("On a CPU this benchmark only tries itself: add --tiny.")
    import torch

    if (options.device == "cuda") != torch.cuda.is_available():
        sys.exit(
            "This benchmark needs a CUDA GPU, and torch finds none on this machine."
            if options.device == "cuda"
            else "This machine has a GPU: hide it with CUDA_VISIBLE_DEVICES= to try the CPU."
        )
    from benchmarks.gpu import measuring
    from benchmarks.gpu.report import table

    scale = measuring.tiny() if options.tiny else measuring.full(has_rival=options.rival)
    device = torch.device(options.device)
    report = measuring.Run(scale=scale, device=device, precision=options.precision).measure()
    print(table(report))
    print(json.dumps(asdict(report)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--precision", choices=["bf16", "fp8"], default="bf16")
    parser.add_argument("--tiny", action="store_true", help="a model of no size")
    parser.add_argument("--no-rival", dest="rival", action="store_false", help="only our own")
    return parser


if __name__ == "__main__":
    main()
