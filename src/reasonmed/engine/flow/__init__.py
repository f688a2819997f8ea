"""Flow control: how many requests are open at which endpoint, what is sent again, what it may cost, and when to stop.

- ``stop``: the run is to end: no new requests, open ones finish.
- ``meter``: what a live view shows.
- ``window``: adaptive concurrency; ``bucket``: requests and tokens a minute; ``breaker``: an endpoint that is down.
- ``rejections``: what an endpoint rejected, until it is known whose fault that is; ``verdicts`` decides over them.
- ``endpoint``: one address with its window, buckets, breaker and rejections.
- ``scheduler``: who goes next; ``dispatch``: the layer that asks it.
- ``retrying``: the layer that sends again, by class of fault.
"""
