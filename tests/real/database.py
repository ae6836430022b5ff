"""A LiteCore database on disk: documents in, documents and blobs out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.real.abi import CData, ffi
from tests.real.litecore import LiteCore, copied, slice_of, text

CREATE: Final = 0x01  # kC4DB_Create
HAS_ATTACHMENTS: Final = 0x08  # kRevHasAttachments


class Database:
    """One open handle to a database; a handle belongs to one thread at a time."""

    def __init__(self, litecore: LiteCore, directory: Path, name: str) -> None:
        """Opens the database called `name` in `directory`, creating it if need be."""
        self.litecore = litecore
        self.directory = directory
        self.name = name
        self._error = ffi.new("C4Error *")
        parent, title = text(str(directory)), text(name)
        config = ffi.new("C4DatabaseConfig2 *", {"parentDirectory": parent.value, "flags": CREATE})
        self.handle: CData = self._checked(
            "c4db_openNamed", litecore.c.c4db_openNamed(title.value, config, self._error)
        )

    def again(self) -> Database:
        """Opens a second handle, for another thread."""
        return Database(self.litecore, self.directory, self.name)

    def put(self, documents: Iterable[tuple[str, dict[str, Any]]], *, flags: int = 0) -> None:
        """Creates documents (id, properties) in one transaction."""
        c = self.litecore.c
        self._checked("c4db_beginTransaction", c.c4db_beginTransaction(self.handle, self._error))
        commit = False
        try:
            for identifier, properties in documents:
                self._create(identifier, properties, flags)
            commit = True
        finally:
            self._checked("c4db_endTransaction", c.c4db_endTransaction(self.handle, commit, self._error))

    def put_with_blob(self, identifier: str, content: bytes) -> None:
        """Creates a document whose property `file` is a blob."""
        key = ffi.new("C4BlobKey *")
        data = slice_of(content)
        self._checked(
            "c4blob_create",
            self.litecore.c.c4blob_create(self._blobs(), data.value, ffi.NULL, key, self._error),
        )
        digest = self.litecore.take(self.litecore.c.c4blob_keyToString(key[0])).decode()
        blob = {
            "@type": "blob",
            "digest": digest,
            "length": len(content),
            "content_type": "application/octet-stream",
        }
        self.put([(identifier, {"file": blob})], flags=HAS_ATTACHMENTS)

    def get(self, identifier: str) -> dict[str, Any]:
        """Reads a document's properties."""
        c = self.litecore.c
        name = text(identifier)
        document = self._checked("c4doc_get", c.c4doc_get(self.handle, name.value, True, self._error))
        try:
            body = c.c4doc_bodyAsJSON(document, False, self._error)
            self._checked("c4doc_bodyAsJSON", body.buf)
            properties: dict[str, Any] = json.loads(self.litecore.take(body))
            return properties
        finally:
            c.c4doc_release(document)

    def blob(self, identifier: str) -> bytes:
        """Reads the content of the blob in a document's property `file`."""
        digest = text(self.get(identifier)["file"]["digest"])
        key = ffi.new("C4BlobKey *")
        if not self.litecore.c.c4blob_keyFromString(digest.value, key):
            raise ValueError(f"{identifier}: no blob key: {copied(digest.value)!r}")
        content = self.litecore.c.c4blob_getContents(self._blobs(), key[0], self._error)
        self._checked("c4blob_getContents", content.buf)
        return self.litecore.take(content)

    @property
    def document_count(self) -> int:
        return int(self.litecore.c.c4db_getDocumentCount(self.handle))

    def close(self) -> None:
        """Closes and releases the handle; the files stay."""
        self._checked("c4db_close", self.litecore.c.c4db_close(self.handle, self._error))
        self.litecore.c.c4base_release(self.handle)

    def delete(self) -> None:
        """Deletes the files, and closes and releases the handle."""
        self._checked("c4db_delete", self.litecore.c.c4db_delete(self.handle, self._error))
        self.litecore.c.c4base_release(self.handle)

    def _create(self, identifier: str, properties: dict[str, Any], flags: int) -> None:
        c = self.litecore.c
        source = text(json.dumps(properties))
        encoded = c.c4db_encodeJSON(self.handle, source.value, self._error)
        self._checked("c4db_encodeJSON", encoded.buf)
        try:
            name = text(identifier)
            body = ffi.new("C4Slice *", [encoded.buf, encoded.size])[0]
            document = c.c4doc_create(self.handle, name.value, body, flags, self._error)
            c.c4doc_release(self._checked("c4doc_create", document))
        finally:
            c._FLBuf_Release(encoded.buf)

    def _blobs(self) -> CData:
        return self._checked("c4db_getBlobStore", self.litecore.c.c4db_getBlobStore(self.handle, self._error))

    def _checked(self, call: str, result: CData) -> CData:
        if not result:
            raise self.litecore.error(call, self._error)
        return result
