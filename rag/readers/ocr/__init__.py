"""Text recognition: the picture of a page → words with their places, by RapidOCR or Tesseract; words → blocks."""
