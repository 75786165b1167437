"""A question with its history → an answer with its citations. `questions` takes questions in, checked by `inputs`.
`drafting` has the two ways to an answer. A language model writes it, told by `prompts` with their `fencing`. Without
one, `extractive` says the best parts of the passages, or refuses: `asking` takes the question apart, `answer_units` and
`table_rows` the passages, `scoring` puts the parts in order, `comparisons` has two rows side by side, and
`answerability` measures the candidates as a whole. `answer` is the answer as callers hold it, `turns` writes the
answers of conversations, and `suggestions` makes first questions. `requests` tells requests from questions, and
`library_replies` answers them from the library, with what `guides` find of a document.
"""
