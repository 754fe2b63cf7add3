"""What the tests of folders share stands in modules beside them."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
