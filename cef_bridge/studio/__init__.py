"""`cef-bridge studio`: a local page that shows what a SIEM will read while its mapping is edited.

In come a mapping file and a sample of events, out go pages and JSON over HTTP on loopback. Thin:
all that is answered comes from `workbench`, `siems`, `mapping` and `lines`; no rule is here.
`studio/src/api.ts` in the repository describes the answers.
"""
