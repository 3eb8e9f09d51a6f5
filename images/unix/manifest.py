# What every image freezes, and upstream's asyncio for tlscore.aio.
include("../common/manifest.py")  # noqa: F821 -- executed by upstream's makemanifest.py
include("$(MPY_DIR)/extmod/asyncio")  # noqa: F821
