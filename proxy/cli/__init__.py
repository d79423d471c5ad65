"""The command line: ``understudy``."""
