"""Statistics of evaluations and of judges, on the standard library alone.

- ``intervals``: Wilson intervals for one rate; standard errors clustered by question over repeated draws.
- ``paired``: two models on the same questions: exact McNemar test, paired bootstrap, Holm's correction.
- ``agreement``: shares that may count nothing, Cohen's kappa, the gap between two shares.
- ``power``: the smallest difference that so many questions can show.
"""
