"""One of everything that another package can add to reasonmed: each module is one plug-in."""
