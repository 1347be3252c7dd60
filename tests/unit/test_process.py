"""What a process knows of itself."""

import subprocess
import sys
import time


def test_age_counts_from_the_start_of_the_process():
    code = "import time; from xstilts.process import age; time.sleep(0.3); print(age())"
    started = time.monotonic()
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert 0.29 <= float(output) <= time.monotonic() - started + 0.02
