"""What a process knows of itself."""

import subprocess
import sys
import time


def test_age_counts_from_the_start_of_the_process():
    code = "import time; from xstilts.process import age; time.sleep(0.3); print(age())"
    started = time.monotonic()
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert 0.29 <= float(output) <= time.monotonic() - started + 0.02


def test_leaving_writes_the_output_and_tears_nothing_down():
    code = (
        "import atexit, os, sys; from xstilts.process import leave; atexit.register(os.abort);"
        "print('done'); print('problem', file=sys.stderr); leave(3)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "done\n", "problem\n")
