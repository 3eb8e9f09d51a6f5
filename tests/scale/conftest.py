"""Makes the modules beside these tests importable, as `python tests/scale` does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
collect_ignore = ["project"]
