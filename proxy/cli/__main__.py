"""``python -m proxy.cli``: the same as ``understudy``."""

from proxy.cli.app import main

main()
