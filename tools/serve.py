"""Show the built book: ``python tools/serve.py PORT``."""

from __future__ import annotations

import argparse
import errno
import functools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"


POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'"
)
"""The strictest content security policy under which the pages work."""


class Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()


class QuietHandler(Handler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder during the block; yield the address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the built book.")
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    handler = functools.partial(Handler, directory=str(HTML))
    try:
        server = ThreadingHTTPServer(("localhost", port), handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(
            f"port {port} is in use; choose another: make serve PORT={port + 1}"
        )
    print(f"The book is at http://localhost:{port}; Ctrl-C ends it.")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
