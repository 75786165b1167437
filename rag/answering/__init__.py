"""A question with its history → an answer with its citations. `service` takes questions in (`inputs`). `drafting` has
the two ways to an answer: a language model, told by `prompts` with their `fencing`, or `extractive` sentences where
`answerability` is high enough. `answer` is the answer as callers hold it, `turns` are the answers of conversations that
are still being written, and `suggestions` makes questions to begin with.
"""
