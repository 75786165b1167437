"""Markers such as [2] in an answer, and the checks whether passage 2 bears out the claim before the marker.

`markers` has the grammar of markers, and `claims` finds the claim of each marker. `entailment` decides on one claim and
one passage: `words` finds the sentences that hold most of the claim, and then every check must have no objection. The
checks are in `stated_numbers`, `words`, `named_entities`, `place`, `bounds` and
`negation`; `check` has their types. `passage` analyses a
passage for them, `numbers` (with `number_patterns`) reads numbers, dates and times, and `opposites` knows opposite
words. Word lists are in data/. CONTRIBUTING.md says how to add a check.
"""
