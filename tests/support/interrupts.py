"""Ctrl-C for the processes that tests start."""

import signal


def heed_interrupts() -> None:
    """Let this process heed Ctrl-C, and so all that it starts.

    A script's shell starts what it puts in the background, `make test &`, with Ctrl-C ignored, and children
    inherit that. Not by `preexec_fn`: the child then runs gRPC's handlers of forks, which can abort it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
