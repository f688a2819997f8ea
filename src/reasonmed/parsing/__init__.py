"""From reply text to values. Nothing here guesses: what is not said is not found.

- ``thinking``: takes the thinking apart from the text, cleans a chain of thought.
- ``answer``: the option that a text concludes; ``answer_statements`` finds the phrases that announce it,
  ``answer_choice`` reads what they announce, ``answer_phrases`` holds their patterns, ``option_texts`` the options;
  ``answer_words`` reads a sentence that has the words of an answer only; ``second_answer`` finds a second option that
  is called right too, ``spellings`` folds the signs that tell options apart, ``ending``
  finds an answer at the end of a text that cannot be read.
- ``contradiction``: texts that name other options only, or the key alone.
- ``json_object``: the JSON object in a reply.
- ``judgment``: verdicts and scores out of such an object; ``judges_reason``: reasons that give the other verdict.
- ``conclusion``: a chain of thought without its conclusion.
- ``sifted``: patterns that run only on texts that hold their words; screening has them too.
"""

VERSION = 8
"""Raised when a change here can change a record; part of a run's identity."""
