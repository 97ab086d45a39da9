"""The xllamacpp library's own server with its default settings: `… FILE SOCKET`."""

from __future__ import annotations

import signal
import sys

import xllamacpp


def main(model: str, socket_path: str) -> None:
    """Serve until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = [socket_path]  # ends in .sock, so a Unix socket
    params.verbosity = -1
    server = xllamacpp.Server(params)
    signal.sigwait([signal.SIGTERM])
    del server


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
