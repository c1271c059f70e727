"""Contracts in writing: their wording by law and language, the document that is signed, its seal, and its proof."""
