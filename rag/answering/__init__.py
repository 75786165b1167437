"""A question with its history → an answer with its citations. `questions` takes questions in, checked by `inputs`.
`drafting` has the two ways to an answer. A language model writes it, told by `prompts` with their `fencing`. Without
one, `answerability` refuses if the candidates score under LEAST_ANSWERABILITY; otherwise `extractive` takes sentences
from the passages, and refuses if none of them scores above 0. `answer` is the answer as callers hold it, `turns` writes
the answers of conversations, and `suggestions` makes first questions.
"""
