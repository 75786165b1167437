"""Markers such as [2] in an answer, and whether the passage of that number bears the claim before the marker out.

`markers` has the grammar of markers, and `claims` finds the claim of each. `entailment` decides on one claim and one
passage: `words` finds the sentences that hold most of the claim, and every check of a list must have no objection. The
checks are in `stated_numbers`, `words`, `named_entities` and `negation`. They compare what `passage`, `numbers` (with
`number_patterns`) and `opposites` read; `check` has their types. Word lists are in data/.

To add a check:

1. Write a function from `Comparison` to `Verdict` in a module of its own: NO_OBJECTION, or a verdict with a reason.
2. Add it to CHECKS in `entailment`; cheap checks come first.
3. Give it examples in tests/citations/test_checks.py: claims that it alone refuses. The test asks for them.
4. Make false claims of its kind in `rag.evaluation.changed_claims`, and name the kind in `labelled_claims`.
5. Run `pytest tests/citations tests/evaluation`, and `python -m rag eval` before and after. The share of true claims
   that are refused must not rise; docs/retrieval.md has both shares.
"""
