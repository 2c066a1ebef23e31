"""Bytes become events: the only room that knows KubeArmor.

`decode` reads a line or document in any dialect and wrapper and gives plain events with KubeArmor's
own field names; `derive` adds what can be concluded from them. Knows no mapping and no format.
"""
