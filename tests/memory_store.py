"""Objects of a store in memory, for tests of what is written and not of how."""

from dataclasses import dataclass, field

from xstilts.store import conditional, objects
from xstilts.store.location import Location

LOCATION = Location("bucket", "place")


@dataclass
class MemoryStore:
    """`objects` by key; `writes` counts; `before_write` is called ahead of every write."""

    objects: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0
    before_write = staticmethod(lambda _key: None)

    def read(self, location, *parts):
        return self.objects.get(location.key(*parts))

    def names(self, location, *parts):
        start = f"{location.key(*parts)}/"
        return sorted(key.removeprefix(start) for key in self.objects if key.startswith(start))

    def folders(self, location, *parts):
        return sorted({name.partition("/")[0] for name in self.names(location, *parts)})

    def entries(self, location, *parts):
        return [name for name in self.names(location, *parts) if "/" not in name], [
            name
            for name in self.folders(location, *parts)
            if location.key(*parts, name) not in self.objects
        ]

    def write(self, location, data, *parts, **_):
        self.before_write(location.key(*parts))
        self.objects[location.key(*parts)] = data
        self.writes += 1

    def upload_folder(self, location, folder, *parts):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files:
            self.write(location, path.read_bytes(), *parts, path.relative_to(folder).as_posix())
        return len(files)

    def read_tagged(self, location, *parts):
        found = self.read(location, *parts)
        return None if found is None else (found, found.hex())

    def create(self, location, data, *parts, **_):
        return self._put(location.key(*parts), data, None)

    def replace(self, location, data, tag, *parts, **_):
        return self._put(location.key(*parts), data, bytes.fromhex(tag))

    def _put(self, key, data, expected):
        self.before_write(key)
        if self.objects.get(key) != expected:
            return False
        self.objects[key] = data
        self.writes += 1
        return True


def use_memory(monkeypatch) -> MemoryStore:
    """A store in memory in place of S3, until the test ends."""
    store = MemoryStore()
    for name in ("read", "names", "folders", "entries", "write", "upload_folder"):
        monkeypatch.setattr(objects, name, getattr(store, name))
    for name in ("read_tagged", "create", "replace"):
        monkeypatch.setattr(conditional, name, getattr(store, name))
    monkeypatch.setattr(conditional.time, "sleep", lambda _seconds: None)
    return store
