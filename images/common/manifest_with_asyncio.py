# What every image freezes, and upstream's asyncio for tlscore.aio.
include("manifest.py")
include("$(MPY_DIR)/extmod/asyncio")
