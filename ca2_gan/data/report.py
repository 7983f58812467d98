"""What was read, dropped and remapped."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """What cleaning found and did; it counts everything that was dropped or changed.

    :param source: name of what was read
    :param rows: number of images in the source
    :param blanks: dropped: blank, all pixels equal
    :param blanks_unlabelled: number of these that are labelled -1
    :param unlabelled: dropped: labelled -1 but not blank
    :param other_classes: dropped: of a class that was not asked for
    :param duplicates: exact copies of an earlier image; kept
    :param conflicting: duplicates with another label than the first copy; kept
    :param transposed: whether rows and columns were swapped
    :param transposed_because: the reason why, or why not
    :param labels: label in the source -> new label
    :param class_names: name of each new label
    :param counts: number of kept images of each class
    :param notes: other things worth knowing, a sentence each
    """

    source: str
    rows: int
    blanks: int
    blanks_unlabelled: int
    unlabelled: int
    other_classes: int
    duplicates: int
    conflicting: int
    transposed: bool
    transposed_because: str
    labels: dict[int, int]
    class_names: tuple[str, ...]
    counts: tuple[int, ...]
    image_shape: tuple[int, int, int]
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Images kept."""
        return sum(self.counts)

    def as_dict(self) -> dict[str, Any]:
        """The report, ready for JSON."""
        return asdict(self) | {"images": self.images}

    def findings(self) -> list[str]:
        """What was dropped, changed or recognised, a sentence each."""
        found = []
        if self.blanks:
            found.append(f"Dropped as blank: {self.blanks:,}, of them {self.blanks_unlabelled:,} labelled -1.")
        if self.unlabelled:
            found.append(f"Dropped as labelled -1, though not blank: {self.unlabelled:,}.")
        if self.transposed:
            found.append(f"Rows and columns are swapped: {self.transposed_because}.")
        return [*found, *self.notes]

    def lines(self) -> list[tuple[str, str]]:
        """The report as a table of headings and texts."""
        channels, height, width = self.image_shape
        names = " ".join(self.class_names)
        remapped = {old: new for old, new in self.labels.items() if old != new}
        first = next(iter(self.labels.items()))
        rows = [
            ("read", f"{self.rows:,} rows from {self.source}"),
            ("dropped", f"{self.blanks:,} blanks" + (f" ({self.blanks_unlabelled:,} of them labelled -1)" if self.blanks else "")),
            ("kept", f"{self.images:,} images of {height}x{width}, {channels} channel{'s' if channels > 1 else ''}"),
            ("classes", f"{len(self.class_names)} classes: {names}"),
            ("labels", f"{first[0]} -> {first[1]} ({self.class_names[first[1]]}) and so on" if remapped else "already 0..K-1"),
            ("orientation", f"{'transposed to stand upright' if self.transposed else 'as in the file'} ({self.transposed_because})"),
            ("duplicates", f"{self.duplicates:,} exact copies of an earlier image, {self.conflicting:,} of them under another label; kept"),
        ]
        if self.unlabelled:
            rows.insert(2, ("dropped", f"{self.unlabelled:,} images labelled -1 that are not blank"))
        if self.other_classes:
            rows.insert(2, ("dropped", f"{self.other_classes:,} images of other classes"))
        return rows + [("note", note) for note in self.notes]
