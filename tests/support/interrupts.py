"""Ctrl-C for processes that tests start."""

import signal


def heed_interrupts() -> None:
    """Let a child process heed Ctrl-C, to be called in it before it begins.

    A script's shell starts what it puts in the background, `make test &`, with Ctrl-C ignored, and children
    inherit that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
