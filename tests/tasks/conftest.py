"""Lets the tests of tasks import what they share: contracts and the harness of golden trees."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
