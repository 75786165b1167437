"""Scores search and answers on questions with known answers.

`question_sets` reads the questions, and `evaluate` asks them. `metrics` has the measures of a ranking; `outcomes` sums
up, saves and compares the scores. `labelled_claims` measures the checks of citations, on claims that `changed_claims`
makes.
"""
