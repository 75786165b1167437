"""How good the answers are, scored on questions whose answers are known.

`question_sets` reads the questions and `evaluate` asks them; `metrics` has the measures of a ranking, and `outcomes`
sums up, keeps and compares. `labelled_claims` measures the check of citations on claims that `changed_claims` makes.
"""
