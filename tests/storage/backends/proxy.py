"""A proxy that breaks connections on purpose: refusals, silence, and ends in the middle of a body."""

import contextlib
import random
import socket
import struct
import threading

_IDLE_SECONDS = 0.03
REFUSALS = [b"500 Internal Server Error", b"503 Slow Down", b"429 Too Many Requests"]


class FaultyProxy:
    """Passes TCP connections on to *target* and breaks most of them, as *seed* says."""

    def __init__(self, target, seed, clean_share=0.35):
        self._target = target
        self._chance = random.Random(seed)
        self._clean_share = clean_share
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.broken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # Closing alone would leave the thread waiting for the next connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            fate = "clean" if self._chance.random() < self._clean_share else self._chance.choice(FATES)
            self.broken += fate != "clean"
            budget = int(2 ** self._chance.uniform(5, 21))
            threading.Thread(target=self._serve, args=(client, fate, budget), daemon=True).start()

    def _serve(self, client, fate, budget):
        with client, contextlib.suppress(OSError):
            if fate == "refuse":
                client.recv(1 << 16)
                client.sendall(
                    b"HTTP/1.1 " + REFUSALS[budget % 3] + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            if fate == "silence":
                while client.recv(1 << 16):
                    pass
                return
            with socket.create_connection(self._target) as server:
                upward, downward = (budget if fate == name else None for name in ("cut request", "cut answer"))
                back = threading.Thread(
                    target=_pump, args=(server, client, downward), kwargs={"is_answer": True}, daemon=True
                )
                back.start()
                _pump(client, server, upward)
                back.join()


def _pump(source, sink, budget, *, is_answer=False):
    """Pass on what comes, and reset both sides once *budget* bytes have passed."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if is_answer:
                # A connection that is kept for the next request would always have the same fate.
                source.settimeout(_IDLE_SECONDS)
            if budget is not None:
                data = data[:budget]
                budget -= len(data)
            sink.sendall(data)
            if budget == 0:
                for side in (source, sink):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    side.shutdown(socket.SHUT_RDWR)
                return
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


FATES = ["refuse", "refuse", "silence", "cut request", "cut answer", "cut answer"]
