"""Statistics of evaluations and of judges, on the standard library alone.

- ``intervals``: Wilson intervals for one rate; standard errors clustered by question over repeated draws and copies.
- ``paired``: two models on the same questions: sign-flip and exact McNemar test, bootstrap, margin, Holm's correction.
- ``counted``: means and shares of pieces of questions from counts of alike questions, for sets of any size.
- ``ratios``: shares of pieces of questions by a bootstrap over questions, and corrected for the errors of a judge.
- ``clustered``: means, medians, slopes and differences within strata, with errors clustered by question.
- ``seeds``: several trainings of each kind on the same questions, by ``students_t``.
- ``samples``: pass@k and the majority of k, from the draws that are there; ``calibration``: ECE and Brier score.
- ``agreement``: shares that may count nothing, Cohen's kappa, the gap between two shares.
- ``power``: the smallest difference that so many questions can show.
"""
