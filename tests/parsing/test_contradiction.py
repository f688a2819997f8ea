from __future__ import annotations

import pytest

from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.contradiction import names_only_others

OPTIONS = ("Anti-thyroid peroxidase antibody", "TSH-receptor antibody", "Anti-thyroglobulin antibody", "Other")


@pytest.mark.parametrize(
    ("text", "key", "others"),
    [
        ("The answer to the question is: D. Anti-thyroglobulin antibody", 1, True),
        ("C. Anti-thyroid peroxidase antibody", 1, True),
        ("It is so.\n\nAnswer: A or C", 1, True),
        ("It is so.\n\nAnswer: A or B", 1, False),
        ("The answer is D. TSH-receptor antibody", 1, False),
        ("The answer is not C.", 1, False),
        ("The answer is hard to tell.", 1, False),
        ("Graves disease is caused by a TSH-receptor antibody, not by an anti-thyroglobulin antibody.", 1, False),
        ("A long text\n\nthat names C. and nothing else at its end", 1, False),
        ("<think>Answer: C</think>", 1, False),
        ("", 1, False),
    ],
)
def test_a_text_that_names_other_options_only_does_not_support_the_key(text: str, key: int, others: bool) -> None:  # noqa: FBT001
    assert names_only_others(text, OPTIONS, key) is others


@pytest.mark.parametrize("text", ["The answer to the question is: D. Anti-thyroglobulin antibody", "Answer: A or C"])
def test_such_a_text_has_no_answer_all_the_same(text: str) -> None:
    assert parse_answer(text, OPTIONS) is None
