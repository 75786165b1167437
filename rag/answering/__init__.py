"""A question with its history → an answer with its citations: prompts and drafting with a language model, sentences
taken from the passages without one, or "not in your documents".
"""
