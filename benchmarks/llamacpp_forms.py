"""File forms of a GGUF model, and the speed of llama.cpp's server with them.

Needs Linux and the packages xllamacpp and gguf.

    python benchmarks/llamacpp_forms.py make MODEL.gguf FOLDER
    python benchmarks/llamacpp_forms.py speed MODEL.gguf FOLDER --forms q8_0 ffn-q8_0 --busy 1

`make` writes every form of the model into the folder; `llamacpp_quality.py` judges them. `speed`
starts one server per arm and sends all of them the same bursts in turn, every other round
backwards; the first arm, `default`, is the library's server as it comes, on the file as shipped,
and the other arms are measured in units of it, in the median over rounds. `--busy N` runs N busy
loops beside them. A burst during which other processes took more than a tenth of a core is left
out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import gguf

Setting = str | int | bool

SLOTS, SLOT_TOKENS = 16, 1024
NUM_TOKENS = 48
BURST_LIMIT_S = 120.0
STOP_LIMIT_S = 10.0
FOREIGN_CORES = 0.1
SPIN_COUNT = "200"

# Form -> (part of a tensor's name, type); the first that fits decides, "" leaves it as shipped.
FORMS: dict[str, list[tuple[str, str]]] = {
    "shipped": [("", "")],
    "f32": [("", "F32")],
    "f16": [("", "F16")],
    "bf16": [("", "BF16")],
    "q8_0": [("", "Q8_0")],
    "ffn-q8_0": [("ffn", "Q8_0"), ("", "")],
    "attn-q8_0": [("attn", "Q8_0"), ("", "")],
    "q5_1": [("token_embd", ""), ("", "Q5_1")],
    "q5_0": [("token_embd", ""), ("", "Q5_0")],
    "q4_0": [("token_embd", ""), ("", "Q4_0")],
    "q4_0-all": [("", "Q4_0")],
}
SUBJECTS = [
    *("rivers", "clocks", "gardens", "ships", "letters", "winters", "markets", "engines"),
    *("libraries", "islands", "violins", "bakeries", "maps", "lanterns", "bridges", "mountains"),
]


def write_form(source: Path, target: Path, form: str) -> None:
    """Write the source's weights in another form; norms and all metadata stay as they are."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, entry in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            element = entry.types[-1] if len(entry.types) > 1 else None
            writer.add_key_value(name, entry.contents(), entry.types[0], sub_type=element)
    for tensor in reader.tensors:
        wanted = next(kind for part, kind in FORMS[form] if part in tensor.name)
        kind, data = tensor.tensor_type, tensor.data
        if wanted and not tensor.name.endswith("norm.weight"):
            kind = gguf.GGMLQuantizationType[wanted]
            data = gguf.quants.quantize(gguf.dequantize(tensor.data, tensor.tensor_type), kind)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A file and how to serve it; without settings, the library's defaults."""

    name: str
    path: Path
    settings: dict[str, Setting] = field(default_factory=dict)
    spin_count: str = ""
    request: dict[str, object] = field(default_factory=dict)


def arms(model: Path, folder: Path, forms: list[str], *, undo: bool) -> list[Arm]:
    """Return the default, each form with our settings, and the first with each of them undone."""
    ours: dict[str, Setting] = {
        "n_parallel": SLOTS,
        "n_ctx": SLOTS * SLOT_TOKENS,
        "kv_unified": False,
        "cpuparams.n_threads": 2,
        "cpuparams_batch.n_threads": 2,
    }
    greedy: dict[str, object] = {"samplers": ["temperature"]}

    def arm(name: str, form: str, *, spin_count: str = SPIN_COUNT, **changed: Setting) -> Arm:
        dotted = {key.replace("__", "."): value for key, value in changed.items()}
        path = folder / f"{form}.gguf"
        settings = ours | dotted
        return Arm(name=name, path=path, settings=settings, spin_count=spin_count, request=greedy)

    first = forms[0]
    chosen = [Arm(name="default", path=model), *(arm(form, form) for form in forms)]
    undone = [
        arm(f"{first}, spinning as the library does", first, spin_count=""),
        arm(f"{first}, a stream alone on 1 thread", first, cpuparams__n_threads=1),
        arm(f"{first}, 1 thread", first, cpuparams__n_threads=1, cpuparams_batch__n_threads=1),
        arm(f"{first}, one KV cache for all slots", first, kv_unified=True),
    ]
    return chosen + (undone if undo else [])


def serve(path: str, socket_path: str, settings: str) -> None:
    """Run a server until SIGTERM."""
    import xllamacpp

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames, params.verbosity = path, [socket_path], -1
    for name, value in json.loads(settings).items():
        *parents, last = name.split(".")
        owner = params
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, last, value)
    server = xllamacpp.Server(params)
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])
    del server


@contextmanager
def process(*arguments: str, spin_count: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of this script beside us."""
    spin = {"GOMP_SPINCOUNT": spin_count} if spin_count else {}
    command = [sys.executable, __file__, *arguments]
    with subprocess.Popen(
        command, env=os.environ | spin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            assert child.stdout is not None
            if not child.stdout.readline():
                raise SystemExit(f"{' '.join(command)} did not start.")
            yield child
        finally:
            child.terminate()
            child.wait(STOP_LIMIT_S)


async def request(socket_path: str, body: dict[str, object]) -> tuple[int, float]:
    """Return the number of tokens streamed back and the seconds to the first."""
    reader, writer = await asyncio.open_unix_connection(socket_path)
    data = json.dumps(body).encode()
    head = f"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n".encode())
    writer.write(data)
    start = time.perf_counter()
    first, last = 0.0, b""
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            first = first or time.perf_counter() - start
            last = line
    writer.close()
    return int(json.loads(last.removeprefix(b"data: "))["tokens_predicted"]), first


async def burst(socket_path: str, arm: Arm, streams: int, salt: int) -> tuple[float, float]:
    """Return tokens/s of so many streams at once, and the median seconds to a first token."""
    bodies = [
        {"prompt": f"{salt}: Why have people cared about {subject} for so long? Once, {subject}"}
        | {"n_predict": NUM_TOKENS, "temperature": 0, "stream": True, "ignore_eos": True}
        | arm.request
        for subject in SUBJECTS[:streams]
    ]
    start = time.perf_counter()
    async with asyncio.timeout(BURST_LIMIT_S):
        answers = await asyncio.gather(*(request(socket_path, body) for body in bodies))
    elapsed = time.perf_counter() - start
    return sum(n for n, _ in answers) / elapsed, median(first for _, first in answers)


def foreign_cpu_s(ours: list[int]) -> float:
    """CPU seconds that others than these processes and this one have used since the start."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    used = sum(ticks) - ticks[3] - ticks[4]  # idle, and waiting for a disk
    for pid in (*ours, os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used -= int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


Speeds = dict[tuple[str, int], list[float | None]]


def measure(chosen: list[Arm], streams: list[int], *, rounds: int, busy: int) -> Speeds:
    """Return tokens/s by arm and streams; None stands for a disturbed burst."""
    speeds: Speeds = {(arm.name, count): [] for arm in chosen for count in streams}
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="forms-"))
        sockets = {arm.name: f"{folder}/{i}.sock" for i, arm in enumerate(chosen)}
        pids = []
        for arm in chosen:
            command = ("serve", str(arm.path), sockets[arm.name], json.dumps(arm.settings))
            child = stack.enter_context(process(*command, spin_count=arm.spin_count))
            pids.append(child.pid)
            asyncio.run(burst(sockets[arm.name], arm, 2, salt=-1))
        pids += [stack.enter_context(process("spin")).pid for _ in range(busy)]
        for salt in range(rounds):
            for count in streams:
                for arm in chosen[:: -1 if salt % 2 else 1]:
                    start, foreign = time.perf_counter(), foreign_cpu_s(pids)
                    speed, _ = asyncio.run(burst(sockets[arm.name], arm, count, salt))
                    taken = (foreign_cpu_s(pids) - foreign) / (time.perf_counter() - start)
                    quiet = taken < FOREIGN_CORES
                    speeds[arm.name, count].append(speed if quiet else None)
    return speeds


def table(speeds: Speeds, names: list[str], streams: list[int]) -> Iterator[str]:
    """Yield medians and the median ratio to the first arm, row by row."""
    yield "| arm | " + " | ".join(f"{n} streams, tok/s (x {names[0]})" for n in streams) + " |"
    yield "|---" * (len(streams) + 1) + "|"
    for name in names:
        cells = [_cell(speeds[name, n], speeds[names[0], n]) for n in streams]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _cell(ours: list[float | None], theirs: list[float | None]) -> str:
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a and b]
    if not pairs:
        return "every round disturbed"
    ratio = median(a / b for a, b in pairs)
    return f"{median(a for a, _ in pairs):.1f} (x{ratio:.2f}, n={len(pairs)})"


def main() -> None:
    """Make forms, or measure them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["make", "speed"])
    parser.add_argument("model", type=Path, help="the file as shipped")
    parser.add_argument("folder", type=Path, help="where the forms are, FORM.gguf each")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--streams", nargs="+", type=int, default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="busy loops beside the servers")
    parser.add_argument("--undo", action="store_true", help="add arms with one setting undone")
    options = parser.parse_args()
    if options.command == "make":
        options.folder.mkdir(parents=True, exist_ok=True)
        for form in options.forms:
            write_form(options.model, options.folder / f"{form}.gguf", form)
        return
    chosen = arms(options.model, options.folder, options.forms, undo=options.undo)
    speeds = measure(chosen, options.streams, rounds=options.rounds, busy=options.busy)
    for line in table(speeds, [arm.name for arm in chosen], options.streams):
        print(line)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", path, socket_path, settings]:
            serve(path, socket_path, settings)
        case ["spin"]:
            print("ready", flush=True)
            while True:
                pass
        case _:
            main()
