"""A database of the demo: documents and blobs go in, and are counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c4trace.demo.litecore.abi import CData, ffi
from c4trace.demo.litecore.library import Borrowed, LiteCore

__all__ = ["Database"]

_CREATE = 0x01  # kC4DB_Create
_HAS_ATTACHMENTS = 0x08  # kRevHasAttachments


class Database:
    """An open handle, to be used by one thread at a time."""

    def __init__(self, litecore: LiteCore, folder: Path, name: str) -> None:
        """Open the database `name` in `folder`, which is made if it is not there."""
        self.litecore = litecore
        self._c = litecore.c
        self._error = ffi.new("C4Error *")
        where, title = Borrowed(str(folder)), Borrowed(name)
        config = ffi.new("C4DatabaseConfig2 *", {"parentDirectory": where.slice, "flags": _CREATE})
        self.handle: CData = ffi.NULL
        self.handle = self._checked("c4db_openNamed", self._c.c4db_openNamed(title.slice, config, self._error))

    def put(self, documents: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Create documents, by id, in one transaction."""
        self._in_transaction(documents, 0)

    def put_blob(self, identifier: str, content: bytes) -> None:
        """Create a document with a blob."""
        key, data = ffi.new("C4BlobKey *"), Borrowed(content)
        store = self._checked("c4db_getBlobStore", self._c.c4db_getBlobStore(self.handle, self._error))
        created = self._c.c4blob_create(store, data.slice, ffi.NULL, key, self._error)
        self._checked("c4blob_create", created)
        digest = self.litecore.take(self._c.c4blob_keyToString(key[0])).decode()
        blob = {"@type": "blob", "digest": digest, "length": len(content), "content_type": "application/octet-stream"}
        self._in_transaction([(identifier, {"file": blob})], _HAS_ATTACHMENTS)

    @property
    def document_count(self) -> int:
        """How many documents it has."""
        return int(self._c.c4db_getDocumentCount(self.handle))

    def close(self) -> None:
        """Close and release it."""
        self._checked("c4db_close", self._c.c4db_close(self.handle, self._error))
        self._c.c4base_release(self.handle)

    def _in_transaction(self, documents: Iterable[tuple[str, dict[str, Any]]], flags: int) -> None:
        self._checked("c4db_beginTransaction", self._c.c4db_beginTransaction(self.handle, self._error))
        commit = False
        try:
            for identifier, properties in documents:
                self._create(identifier, properties, flags)
            commit = True
        finally:
            ended = self._c.c4db_endTransaction(self.handle, commit, self._error)
            self._checked("c4db_endTransaction", ended)

    def _create(self, identifier: str, properties: dict[str, Any], flags: int) -> None:
        text, name = Borrowed(json.dumps(properties)), Borrowed(identifier)
        body = self._c.c4db_encodeJSON(self.handle, text.slice, self._error)
        self._checked("c4db_encodeJSON", body.buf)
        try:
            document = self._c.c4doc_create(self.handle, name.slice, body, flags, self._error)
            self._c.c4doc_release(self._checked("c4doc_create", document))
        finally:
            self.litecore.release(body)

    def _checked(self, call: str, result: CData) -> CData:
        return self.litecore.checked(call, result, self._error)
