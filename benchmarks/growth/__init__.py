"""
What becomes of a request's cost as the table of records grows, and as more clients come.

    python -m benchmarks.growth --database postgresql --rows 10000,1000000,10000000
"""
