"""What `native` says against transformers in float32, and whether company changes it.

    python -m benchmarks.native.quality [--only truth|company] [--prompts 50] [--tokens 48]

`truth`: the settings of `native`, and llama.cpp, on the same weights. Greedy answers of the exact
setting should be those of transformers; log-probabilities are compared token by token on answers
of transformers, perplexity on this project's guides. `company`: sixteen requests, greedy and drawn,
alone and together, from the cache of prompts, in a cache too small for all, and among adapters.

Needs the packages torch, transformers, xllamacpp and gguf. Nothing is timed, so other load does no
harm; it takes minutes.
"""

from __future__ import annotations

import argparse
import asyncio


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=["truth", "company"])
    parser.add_argument("--prompts", type=int, default=50, help="at most 50")
    parser.add_argument("--tokens", type=int, default=48, help="of each greedy answer")
    parser.add_argument("--windows", type=int, default=4, help="of 512 tokens of the guides")
    options = parser.parse_args()
    asyncio.run(_print(options))


async def _print(options: argparse.Namespace) -> None:
    if options.only != "company":
        from benchmarks.native import truth

        lines = await truth.table(options.prompts, options.tokens, options.windows)
        print("\n".join(lines) + "\n", flush=True)
    if options.only != "truth":
        from benchmarks.native import company

        print("\n".join(await company.table()))


if __name__ == "__main__":
    main()
