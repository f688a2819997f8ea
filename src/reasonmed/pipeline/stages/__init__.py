"""The stages: one verb, one file, one function ``(story, team) -> story``. None knows the order of the others."""
