"""What the review page rests on: who reviews what, forms and votes, queues built in the background, what votes come to.

Nothing here opens ``reviews.db`` for writing before a vote or a draft is to be kept.
"""
