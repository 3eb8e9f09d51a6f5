"""What this checkout's own tests share. The farm's plugins register themselves as entry points."""

pytest_plugins = ["pytester"]
