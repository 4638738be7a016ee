"""What screens show of a batch, page by page, and of the database: plain values, no framework.

Nothing here changes a batch. A page is read from the staged files by row group, so that row 9,000,000 costs what
row 1 costs.
"""
