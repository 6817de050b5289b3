"""Finding one's way in a space, inside a transaction."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoParent, NoSuchEntry, NotAFolder
from cloudconnect.features.files.models import Entry, EntryKind, Listing, Space
from cloudconnect.features.files.store import tree
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Resource
from cloudconnect.ports.sql import Sql

_CHILDREN_AT_ONCE = 256
_FOLDER_MARK = "/"  # no name has one


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a space and how far it leads: ``line`` holds the entries that exist on it, the root first."""

    space: Space
    names: tuple[str, ...]
    line: tuple[Entry, ...]
    at: int | None

    @property
    def path(self) -> str:
        """The path, absolute in its space."""
        return rules.join_path(self.names)

    @property
    def entry(self) -> Entry | None:
        """What is at the path, or None."""
        return self.line[-1] if len(self.line) == len(self.names) + 1 else None

    @property
    def resource(self) -> Resource:
        """What a decision about this place looks at: every node on its line that exists."""
        return Resource(self.space.id, tuple(entry.node for entry in self.line))

    def require_entry(self) -> Entry:
        """Return what is at the path.

        Raises:
            NoSuchEntry: nothing is.
        """
        entry = self.entry
        if entry is None:
            raise NoSuchEntry(
                N_("There is nothing at “{path}”."), fix=N_("Check the path; names are case-sensitive."), path=self.path
            )
        return entry

    def require_folder(self) -> Entry:
        """Return the folder at the path.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFolder: a file is.
        """
        entry = self.require_entry()
        if not entry.is_folder:
            raise NotAFolder(N_("“{path}” is a file."), fix=N_("Name the folder it is in."), path=entry.path)
        return entry

    def require_parent(self, *, may_be_made: bool) -> None:
        """Return if the last name could stand in a folder that exists or, if *may_be_made*, can be made.

        Raises:
            NotAFolder: a file stands on the way.
            NoParent: a folder on the way is missing and may not be made.
        """
        last = self.line[min(len(self.line), len(self.names)) - 1]
        if not last.is_folder:
            raise NotAFolder(N_("“{path}” is a file."), fix=N_("Choose another path."), path=last.path)
        if len(self.line) < len(self.names) and not may_be_made:
            raise NoParent(
                N_("The folder of “{path}” does not exist."),
                fix=N_("Make it first, or ask for parents."),
                path=self.path,
            )


def find_place(sql: Sql, space: Space, names: tuple[str, ...], at: int | None = None) -> Place:
    """Follow *names* from the root of *space*, now or as of the seq *at*, as far as they lead.

    Raises:
        NoSuchEntry: the space itself did not exist yet.
    """
    if at is None and names:
        return Place(space, names, tuple(tree.find_line(sql, space.id, space.root, names)), at)
    root = tree.find_row(sql, space.id, space.root, at)
    if root is None:
        raise NoSuchEntry(N_("The space did not exist at that moment."), fix=N_("Choose a later moment."))
    line = [replace(root, path="/")]
    for name in names:
        child = tree.find_child(sql, line[-1], name, at) if line[-1].is_folder else None
        if child is None:
            break
        line.append(child)
    return Place(space, names, tuple(line), at)


def find_path(sql: Sql, space: Space, node: NodeId, at: int | None) -> str | None:
    """Return the path of *node* as of *at*, or None when it does not hang on the root of *space*."""
    names: list[str] = []
    current: NodeId | None = node
    while current is not None and current != space.root:
        entry = tree.find_row(sql, space.id, current, at)
        if entry is None:
            return None
        names.append(entry.name)
        current = entry.parent
    return rules.join_path(tuple(reversed(names)))


def walk(sql: Sql, folder: Entry, at: int | None, after: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Yield everything below *folder*, depth first and by name, each folder before what it holds.

    *after* are the names, relative to *folder*, of the last entry that was seen already; the walk goes on behind it.
    """
    folders = [folder]
    for name in after:
        child = tree.find_child(sql, folders[-1], name, at)
        if child is None or not child.is_folder:
            break
        folders.append(child)
    starts = [*after[: len(folders)], ""][: len(folders)]
    pending = [_children(sql, each, at, start) for each, start in zip(folders, starts, strict=True)]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
            continue
        yield entry
        if entry.is_folder:
            pending.append(_children(sql, entry, at, ""))


def list_folder(sql: Sql, folder: Entry, at: int | None, after: str, limit: int, listing: Listing) -> list[Entry]:
    """Return up to *limit* entries of *folder* behind the one whose mark is *after*, in the order of *listing*."""
    if listing is Listing.BY_NAME:
        return tree.find_children(sql, folder, at, after, limit)
    found: list[Entry] = []
    if not after or after.startswith(_FOLDER_MARK):
        found = tree.find_children(sql, folder, at, after.removeprefix(_FOLDER_MARK), limit, EntryKind.FOLDER)
        after = ""
    if listing is Listing.FOLDERS or len(found) == limit:
        return found
    return found + tree.find_children(sql, folder, at, after, limit - len(found), EntryKind.FILE)


def mark_of(entry: Entry, listing: Listing) -> str:
    """Return by what a listing goes on behind *entry*."""
    return f"{_FOLDER_MARK}{entry.name}" if entry.is_folder and listing is not Listing.BY_NAME else entry.name


def _children(sql: Sql, folder: Entry, at: int | None, after: str) -> Iterator[Entry]:
    while True:
        page = tree.find_children(sql, folder, at, after, _CHILDREN_AT_ONCE)
        yield from page
        if len(page) < _CHILDREN_AT_ONCE:
            return
        after = page[-1].name
