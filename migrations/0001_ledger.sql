-- The ledger. `open` and `bytes` are kept exactly as they were written or received.

-- Whose signatures can be checked.
CREATE TABLE author (
    node BLOB NOT NULL PRIMARY KEY,
    public_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
    id INTEGER NOT NULL PRIMARY KEY,
    ledger BLOB NOT NULL,
    author BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    UNIQUE (ledger, author, incarnation)
) STRICT;

-- Rows are numbered in the order in which entries arrived. `prefix` is the first eight bytes of the entry's id: random 32-byte keys
-- would make the index four times as large; the rest is compared after the look-up.
CREATE TABLE entry (
    row INTEGER NOT NULL PRIMARY KEY,
    chain INTEGER NOT NULL REFERENCES chain (id),
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    prefix INTEGER NOT NULL,
    open BLOB NOT NULL,
    subject BLOB GENERATED ALWAYS AS (substr(open, 107, 16)) VIRTUAL
) STRICT;
CREATE INDEX entry_subject ON entry (subject);
CREATE INDEX entry_kind ON entry (kind);
CREATE INDEX entry_prefix ON entry (prefix);

CREATE TABLE body (
    row INTEGER NOT NULL PRIMARY KEY REFERENCES entry (row),
    bytes BLOB NOT NULL
) STRICT;

-- A signed head is kept with the entry that it names, from which everything but the signature follows.
CREATE TABLE head (
    row INTEGER NOT NULL PRIMARY KEY REFERENCES entry (row),
    signature BLOB NOT NULL
) STRICT;

-- What pages look things up by. Can be dropped and rebuilt from the entries; holds MACs and ids, nothing readable.
CREATE TABLE projection (
    kind INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (kind, key, value, entry)
) STRICT, WITHOUT ROWID;

-- This node's own state: no projection, survives a rebuild, never replicated.
CREATE TABLE local (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Wrong PINs. A row is written before the PIN is checked and taken back when it was right.
CREATE TABLE wrong_try (
    id INTEGER NOT NULL PRIMARY KEY,
    locator BLOB NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX wrong_try_locator ON wrong_try (locator, at_ms);
