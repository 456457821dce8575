"""What must hold of the bank's relations and of the night's scores, as Great Expectations suites.

One module per relation; each names what happens to a row or a night that does not meet an expectation.
"""
