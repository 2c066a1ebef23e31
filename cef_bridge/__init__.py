"""KubeArmor security events as CEF and LEEF: what comes in, goes out and how is in README.md."""

__version__ = "0.1.0"
