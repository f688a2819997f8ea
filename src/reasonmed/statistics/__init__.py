"""Statistics of evaluations, on the standard library alone.

- ``intervals``: Wilson intervals for one rate; standard errors clustered by question over repeated draws.
- ``paired``: two models on the same questions: exact McNemar test, paired bootstrap, Holm's correction.
- ``power``: the smallest difference that so many questions can show.
"""
