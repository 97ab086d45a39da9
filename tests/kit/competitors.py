"""Processes that compete to lead, for the tests of leadership."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from queue import SimpleQueue
from threading import Thread

LIMIT_S = 20

LEAD = """
import asyncio, os, sys
from pathlib import Path
from sqlalchemy import text
from hearth.errors import LostLeadership, Unavailable
from hearth.kit.db import Database
from hearth.kit.leadership import Leadership

async def write_terms(db, leadership, epoch):
    while True:
        try:
            async with db.write() as conn:
                await leadership.check(conn)
                await conn.execute(text("INSERT INTO terms (epoch) VALUES (:e)"), {"e": epoch})
        except Unavailable:
            pass
        await asyncio.sleep(0.01)

async def main():
    db = Database(sys.argv[1])
    leadership = Leadership(db, Path.cwd())
    while True:
        epoch = await leadership.acquire()
        print("leads", epoch, flush=True)
        try:
            await write_terms(db, leadership, epoch)
        except LostLeadership:
            print("lost", epoch, flush=True)
        await leadership.release()

asyncio.run(main())
"""


class Competitors:
    """Processes that each write their epoch as fast as they can while they lead."""

    def __init__(self, url: str, *, num: int) -> None:
        self._lines: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._processes = [
            subprocess.Popen([sys.executable, "-c", LEAD, url], stdout=subprocess.PIPE, text=True)
            for _ in range(num)
        ]
        self._readers = [Thread(target=self._read, args=[each]) for each in range(num)]
        for reader in self._readers:
            reader.start()

    def _read(self, number: int) -> None:
        output = self._processes[number].stdout
        assert output is not None
        with output:
            for line in output:
                self._lines.put((number, line.strip()))

    async def next_leader(self) -> tuple[int, int]:
        """Who says next that it leads, and its epoch."""
        number, line = await asyncio.to_thread(self._lines.get, timeout=LIMIT_S)
        word, epoch = line.split()
        assert word == "leads"
        return number, int(epoch)

    def kill(self, number: int) -> None:
        self._processes[number].kill()

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(LIMIT_S)
        for reader in self._readers:
            reader.join(LIMIT_S)
