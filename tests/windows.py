"""Runs the command as far as possible as on Windows: `python -m tests.windows ARGUMENTS`.

What Python lacks there is taken away before anything is imported: modules, and parts of others.
"""

from __future__ import annotations

import os
import signal
import sys

MODULES = {"fcntl", "grp", "pwd", "resource", "syslog"}
"""But for termios, which click asks for by the name of the platform."""
FUNCTIONS = {"fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "initgroups", "mkfifo"}
FUNCTIONS |= {"register_at_fork", "sched_getaffinity", "setgid", "setuid", "setsid", "killpg", "chown"}
SIGNALS = {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGTTIN", "SIGTTOU"}
SIGNALS |= {"SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "setitimer", "pthread_sigmask"}


def become_windows() -> None:
    """Take away what isn't there."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # an import fails then
    for module, names in ((os, FUNCTIONS), (signal, SIGNALS)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


if __name__ == "__main__":
    become_windows()
    from finetune_advisor.cli import main

    main(prog_name="finetune-advisor")
