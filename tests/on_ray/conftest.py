"""Without the extra test-ray there is nothing to collect here: not even the imports of these tests work."""

import os
from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("ray") and find_spec("moto") else ["*"]

if not collect_ignore_glob:
    # A thread that Serve leaves behind would else connect this process anew while its cluster is taken down. Ray reads
    # this when it is imported; the programs that tests start are to be as users start them.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    import ray  # noqa: F401

    del os.environ["RAY_ENABLE_AUTO_CONNECT"]
