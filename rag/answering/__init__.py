"""A question with its history → an answer with its citations. `questions` takes questions in, checked by `inputs`.
`drafting` has the two ways to an answer. A language model writes it, told by `prompts` with their `fencing`; or
`extractive` takes sentences from the passages, if `answerability` says that they can hold the answer. `answer` is the
answer as callers hold it, `turns` writes the answers of conversations, and `suggestions` makes first questions.
"""
