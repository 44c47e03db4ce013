"""A process that synchronises companies in others it starts, and kills them when told to.

It reads a line of JSON from standard input, a list of tasks, starts a process for each, waits for
all of them and answers with a line: of each its exit status (-9 = killed) and what it counted.
A task has ``workspace``, and may have ``mapping``; ``calls``, what to call instead of
``synchronize``; ``batch``, the records of a batch; ``kill_at``,
the number of the statement before which it kills itself; ``kill_before``, a text of that statement;
``kill_after``, seconds after which it is killed.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback

import sqlalchemy as sa

import navcrm_recon as nr
import navcrm_recon.workspace  # the slow part, done once
from navcrm_recon.documents import noted, order_states, statistics
from navcrm_recon.documents.orders import creating
from navcrm_recon.sync import steps, write


def synchronize(task):
    """Synchronise one workspace and return how many statements that took, and how long."""
    count = 0

    def counted(_connection, *sent):
        nonlocal count
        count += 1
        named = "kill_before" in task and sent and task["kill_before"] in sent[1]
        if named or count == task.get("kill_at"):
            os.kill(os.getpid(), signal.SIGKILL)

    # What is killed before a commit has sent its last statement and loses it all the same.
    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, name, counted)
    for module in (write, steps, creating, order_states, noted, statistics):
        module.BATCH = task.get("batch", module.BATCH)
    begun = time.monotonic()
    workspace = nr.open_workspace(task["workspace"])
    for name in task.get("calls", ()):
        getattr(workspace, name)()
    if "calls" not in task:
        workspace.synchronize(task.get("mapping"))
    return {"statements": count, "seconds": time.monotonic() - begun}


def start(task):
    """Start a process for a task; return its id and where its answer can be read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        if "kill_after" in task:
            threading.Timer(task["kill_after"], os.kill, (pid, signal.SIGKILL)).start()
        return pid, reading
    status = 1
    try:
        os.write(writing, json.dumps(synchronize(task)).encode())
        status = 0
    except Exception:  # noqa: BLE001 - whatever it is, the other process is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(pid, reading):
    """Wait for a process and return what it came to."""
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    return {"status": os.waitstatus_to_exitcode(status), **json.loads(answer or b"{}")}


if __name__ == "__main__":
    for line in sys.stdin:
        started = [start(task) for task in json.loads(line)]
        sys.stdout.write(json.dumps([wait(*each) for each in started]) + "\n")
        sys.stdout.flush()
