"""Portage's engine: related files go into a relational database, and come out again.

The doors are :class:`engine.service.ImportExportService` (Python) and ``python -m engine``
(command line). Nothing is imported here, so that ``import engine`` costs nothing.
"""
