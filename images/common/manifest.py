# What every image freezes: all modules of the folder the build has gathered them in, compiled to
# bytecode with line numbers and assertions kept (the portable tests are plain assertions).
freeze("$(FROZEN_MODULES)", opt=0)
