# Like manifest.py, but without line numbers and assertions: for an image short of flash.
freeze("$(FROZEN_MODULES)", opt=3)
