"""Many small items in one unit: what one folder takes in is looked up, and written down, together."""

from collections.abc import Callable, Iterable, Sequence

from cloudconnect.bus import Unit
from cloudconnect.events.files import FileWritten, FolderAdded
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NamedTwice, NotAFile, NotSmall
from cloudconnect.features.files.models import Condition, Entry, NewItem, Version
from cloudconnect.features.files.service import braking, covering, deeds
from cloudconnect.features.files.service.charging import Charges
from cloudconnect.features.files.service.places import Place
from cloudconnect.features.files.store import tree
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId, new_id
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import SMALL_BYTES, Named

Names = tuple[str, ...]
Outcome = Entry | CloudConnectError
FindPlace = Callable[[Sql, Names], Place]
"""Returns a folder's place, where it is or where it can be made; raises what refuses that."""


class Incoming:
    """Items on their way into one space, and what became of each."""

    def __init__(self, items: Sequence[NewItem]) -> None:
        self.items = items
        self.outcomes: list[Outcome | None] = [None] * len(items)
        self._names: list[Names] = []
        seen: set[Names] = set()
        for index, item in enumerate(items):
            names: Names = ()
            try:
                names = _check(item)
                if names in seen:
                    raise NamedTwice(N_("“{path}” is named twice."), path=item.path)
                seen.add(names)
            except CloudConnectError as refusal:
                self.outcomes[index] = refusal
            self._names.append(names)

    @property
    def open(self) -> list[int]:
        """The indexes of the items that nothing has refused yet."""
        return [index for index, outcome in enumerate(self.outcomes) if outcome is None]

    def folders(self, indexes: Iterable[int]) -> dict[Names, list[int]]:
        """Return *indexes* by the folder that each item stands in, upper folders first."""
        found: dict[Names, list[int]] = {}
        for index in indexes:
            found.setdefault(self._names[index][:-1], []).append(index)
        return dict(sorted(found.items(), key=lambda each: len(each[0])))

    def check(self, sql: Sql, find_place: FindPlace) -> None:
        """Refuse what could not be written now, before its bytes are stored."""
        for names, indexes in self.folders(self.open).items():
            try:
                place = find_place(sql, names)
            except CloudConnectError as refusal:
                self._refuse(indexes, refusal)
            else:
                self._check_children(sql, place, indexes)

    def write(self, unit: Unit, find_place: FindPlace, contents: dict[int, Named]) -> list[Outcome]:
        """Write every item that still can be; return what became of each.

        What is refused here leaves the others untouched: a folder is looked at whole before anything in it is written.
        """
        outcomes = list(self.outcomes)
        charges: Charges | None = None
        for names, indexes in self.folders(self.open).items():
            try:
                place = find_place(unit.sql, names)
                parent = deeds.add_folders(unit, place, len(names), None)
            except CloudConnectError as refusal:
                for index in indexes:
                    outcomes[index] = refusal
            else:
                charges = charges or Charges(unit, place.space)
                self._write_children(unit, place, parent, indexes, contents, outcomes, charges)
        if charges is not None:
            charges.settle()
        return [outcome for outcome in outcomes if outcome is not None]

    def _check_children(self, sql: Sql, place: Place, indexes: list[int]) -> None:
        folder = place.entry
        there = {} if folder is None else tree.find_named(sql, folder, [self._names[index][-1] for index in indexes])
        for index in indexes:
            try:
                _check_vacancy(self.items[index], there.get(self._names[index][-1]))
            except CloudConnectError as refusal:
                self.outcomes[index] = refusal

    def _write_children(
        self,
        unit: Unit,
        place: Place,
        parent: Entry,
        indexes: list[int],
        contents: dict[int, Named],
        outcomes: list[Outcome | None],
        charges: Charges,
    ) -> None:
        there = tree.find_named(unit.sql, parent, [self._names[index][-1] for index in indexes])
        barred = covering.find_barred(unit, [entry.node for entry in there.values()])
        ended: list[tuple[NodeId, int]] = []
        versions: list[Version] = []
        entries: list[Entry] = []
        for index in indexes:
            item, name = self.items[index], self._names[index][-1]
            existing = there.get(name)
            try:
                _check_vacancy(item, existing)
                if existing is not None and item.raw is not None and existing.node in barred:
                    raise barred[existing.node]
                if item.raw is not None:
                    charges.add(contents[index].size - (0 if existing is None else existing.size or 0))
            except CloudConnectError as refusal:
                outcomes[index] = refusal
                continue
            if item.raw is None and existing is not None:
                outcomes[index] = existing
                continue
            entry = _new_entry(unit, place, parent, name, item, existing, contents.get(index))
            if existing is not None:
                braking.count_overwritten(unit, place.space, existing, contents[index])
                ended.append((entry.node, entry.from_seq))
            if item.raw is not None:
                versions.append(deeds.new_version(entry, contents[index], unit))
            entries.append(entry)
            outcomes[index] = entry
        tree.close_entries(unit.sql, ended)
        tree.add_versions(unit.sql, versions)
        tree.add_entries(unit.sql, place.space.id, entries)

    def _refuse(self, indexes: Iterable[int], refusal: CloudConnectError) -> None:
        for index in indexes:
            self.outcomes[index] = refusal


def _check(item: NewItem) -> Names:
    names = rules.parse_path(item.path)
    if not names:
        raise NotAFile(N_("“{path}” is a folder."), fix=N_("Choose another name."), path="/")
    if item.raw is not None and len(item.raw) > SMALL_BYTES:
        raise NotSmall(
            N_("“{path}” has more than {most} bytes."),
            fix=N_("Send it by itself."),
            path=item.path,
            most=SMALL_BYTES,
        )
    return names


def _check_vacancy(item: NewItem, existing: Entry | None) -> None:
    if existing is None:
        if item.etag not in {None, "*"}:
            rules.check_condition(_condition(item), None, is_required=False)
    elif item.raw is None:
        if not existing.is_folder:
            rules.check_vacant(existing)
    elif existing.is_folder:
        raise NotAFile(N_("“{path}” is a folder."), fix=N_("Choose another name."), path=existing.path)
    else:
        rules.check_condition(_condition(item), existing, is_required=True)


def _condition(item: NewItem) -> Condition:
    if item.etag is None:
        return Condition(if_none_match=frozenset({"*"}))
    return Condition(if_match=frozenset({item.etag}))


def _new_entry(
    unit: Unit, place: Place, parent: Entry, name: str, item: NewItem, existing: Entry | None, content: Named | None
) -> Entry:
    node = NodeId(new_id("nod", unit.now_ms)) if existing is None else existing.node
    space = place.space.id
    if content is None:
        seq = deeds.seq_of(unit.record(FolderAdded(subject=node, space=space)))
    else:
        seq = deeds.seq_of(unit.record(FileWritten(subject=node, space=space, size=content.size)))
    return Entry(
        node=node,
        parent=parent.node,
        name=name,
        path=f"{parent.path.rstrip('/')}/{name}",
        modified_ns=unit.now_ms * 1_000_000 if item.modified_ns is None else item.modified_ns,
        from_seq=seq,
        version=None if content is None else seq,
        size=None if content is None else content.size,
        media_type=None if content is None else rules.media_type(name, item.media_type),
        sha256=None if content is None else content.sha256,
    )
