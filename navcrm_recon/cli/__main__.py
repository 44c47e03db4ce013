"""``python -m navcrm_recon.cli``."""

import sys

from navcrm_recon.cli import main

sys.exit(main())
