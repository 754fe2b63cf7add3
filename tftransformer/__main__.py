"""`python -m tftransformer`."""

import sys

from tftransformer.cli import main

sys.exit(main())
