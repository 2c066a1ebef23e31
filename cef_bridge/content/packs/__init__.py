"""Packs: the files that a SIEM needs for KubeArmor's events, ready to install.

In comes a `PackContent`, out come files by their paths; `registry` has a row a SIEM, `writing` puts
them into a folder. A pack is a module or folder here with `build`. The same input makes the same
bytes: no times, no random ids. Must not know the command line.
"""
