"""The words by which files are selected, the same on the command line, over HTTP and in rules.

``type:pdf tag:invoice -tag:paid size:>10M (path:/Legal/** OR "final draft")``: terms beside each other must all hold,
``OR`` asks for one of two, ``-`` for the contrary, parentheses group. ``in:trash`` and ``at:MOMENT`` say where and when
to look, and stand by themselves.
"""

from cloudconnect.kernel.selection.globs import is_match, literal_folder, split_path
from cloudconnect.kernel.selection.reading import BadSelection, read
from cloudconnect.kernel.selection.terms import (
    All,
    AnyOf,
    By,
    Contrary,
    Is,
    Modified,
    Name,
    Operator,
    Owner,
    Path,
    Query,
    Selection,
    Size,
    Tagged,
    Term,
    Type,
    Words,
    terms_of,
)
from cloudconnect.kernel.selection.times import Bounds, bounds
from cloudconnect.kernel.selection.writing import write

__all__ = [
    "All",
    "AnyOf",
    "BadSelection",
    "Bounds",
    "By",
    "Contrary",
    "Is",
    "Modified",
    "Name",
    "Operator",
    "Owner",
    "Path",
    "Query",
    "Selection",
    "Size",
    "Tagged",
    "Term",
    "Type",
    "Words",
    "bounds",
    "is_match",
    "literal_folder",
    "read",
    "split_path",
    "terms_of",
    "write",
]
