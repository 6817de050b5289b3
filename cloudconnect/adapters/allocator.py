"""What the C library keeps of the memory that the process is done with, where it is glibc."""

import contextlib
import ctypes

_PARAMETERS = {-3: 32 << 20, -1: 256 << 20, -8: 1}
"""M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_ARENA_MAX: one heap that all threads' buffers come from and go back to."""


def keep_large_memory() -> None:
    """Have the memory of large buffers kept for the next ones (mallopt(3)).

    By default each goes back to the kernel at once, and every fresh page costs a fault and is filled with zeros: with
    content in pieces of half a MiB that is up to half of the processor time of an upload.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter, value in _PARAMETERS.items():
            library.mallopt(parameter, value)


def give_back_unused() -> None:
    """Give whole pages that hold nothing back to the kernel (malloc_trim(3)): what was kept for large buffers too."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
