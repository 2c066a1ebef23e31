"""The tools that the benchmark runs beside `cef-bridge convert`: JSON file in, CEF file out.

Each has the twenty keys of `peer-20-keys.yaml` in its own words, in the file beside its module,
written to be as fast and as right as the tool can be; `judge.py` says how right that is.
"""
