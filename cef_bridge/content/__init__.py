"""Detection content: Sigma rules on KubeArmor's events, and the proof that they fire in a SIEM.

A rule has fields of Sigma (`Image`) or of KubeArmor (`event.class_id`); a SIEM has names of its
own. Nothing here says which is which: `acts` makes an event of each kind, the mapping converts it,
the SIEM's simulator reads it, and `fieldmap` looks where each value arrived. `pipeline` writes that
down for pySigma, `trial` runs rules over what the simulators read. pySigma comes with the extra
`content`, and only `sigma` imports it. Must not know the command line.
"""
