"""What `python3 /usr/lib/cef-bridge` runs."""

import sys

from cef_bridge.cli import main

sys.argv[0] = "cef-bridge"
main()
