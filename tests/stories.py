"""Stories as hypothesis draws them: every field of every part, also what no stage would write."""

from __future__ import annotations

from hypothesis import strategies as st

from reasonmed.types import ChainOfThought, Dropped, Failure, Kept, Opinion, Question, Rewrite, Story, Tier, Verdict

OPTIONS = ("Heparin", "Warfarin", "Aspirin", "Alteplase")

words = st.text("abcäß  \n#{}\"'.", min_size=1, max_size=12)
prose = words.map(lambda text: f"Because {text}. Answer: B")
strings = st.none() | words.map(lambda text: f"x{text}x")
metas = st.dictionaries(
    st.sampled_from(["subject", "note", "COT", "answer", "correct", "model1_COT1", "meta", "_reasonmed", "failure"]),
    st.none() | st.integers() | words | st.lists(st.integers(), max_size=2),
    max_size=4,
)
places = st.integers(0, 3)
verdicts = st.builds(
    Verdict,
    st.sampled_from(["correct", "error", "undecided"]),
    st.sampled_from(["", "because"]),
    st.sampled_from(["", "judge-72b"]),
    st.booleans(),
    st.booleans(),
    st.lists(st.builds(Opinion, st.just("second"), st.just("error")), max_size=1).map(tuple),
)
chains = st.builds(
    ChainOfThought,
    text=prose | st.just(""),
    model=st.sampled_from(["m", "m_2", "model2", "Qwen/Qwen-72B"]),
    answer=st.none() | places,
    temperature=st.none() | st.just(0.7),
    sample=st.integers(0, 2),
    truncated=st.booleans(),
    missing=st.none() | st.just("filtered"),
    verdict=st.none() | verdicts,
    score=st.none() | st.integers(0, 5),
    justification=st.sampled_from(["", "so it is"]),
)
questions = st.builds(
    Question,
    st.sampled_from(["q1", "a/b", "7"]),
    words.map(lambda text: f"Which{text}?"),
    st.just(OPTIONS),
    st.none() | places,
    strings,
    strings,
    strings,
    st.none() | st.sampled_from(["train", "test"]),
    metas,
    st.sampled_from(["key", "consensus"]),
)


@st.composite
def whole_stories(draw: st.DrawFn) -> Story:
    found = draw(questions)
    made = tuple(draw(st.lists(chains, max_size=5)))
    parents = st.none() | st.sampled_from(range(len(made))) if made else st.none()
    kept = st.builds(
        Kept,
        text=prose,
        model=st.sampled_from(["m", "m_2", "author-o1"]),
        parent=parents,
        origin=st.sampled_from(["generate", "refine", "optimize"]),
        verdict=st.none() | verdicts,
        flags=st.lists(st.sampled_from(["truncated", "conflict"]), max_size=2).map(tuple),
        response=strings,
        response_model=strings,
        score=st.none() | st.integers(1, 10),
        justification=st.sampled_from(["", "so it is"]),
        scorer=strings,
    )
    rewrites = st.builds(Rewrite, st.just("refine"), st.integers(0, 2), parents, chains, strings, st.none() | places)
    return Story(
        question=found,
        chains=made,
        unsampled=draw(st.integers(0, 2)),
        tier=draw(st.none() | st.sampled_from(list(Tier))),
        rewrites=tuple(draw(st.lists(rewrites, max_size=2))),
        kept=draw(st.none() | st.lists(kept, max_size=3).map(tuple)),
        dropped=tuple(draw(st.lists(st.builds(Dropped, st.just("refine"), words, parents), max_size=2))),
        flags=draw(st.sampled_from([(), ("key_disputed",)])),
        failure=draw(st.none() | st.builds(Failure, st.sampled_from(["no_chain", "undecided"]), words)),
    )
