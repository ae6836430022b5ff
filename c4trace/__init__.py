"""c4trace: every call of a Couchbase LiteCore socket factory, counted, timed and on record."""
