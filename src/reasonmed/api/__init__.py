"""What ``import reasonmed`` offers: the same work as the commands, with values in and out.

Nothing is printed unless it is asked for; what a command would say goes to the logger ``reasonmed``.
"""
