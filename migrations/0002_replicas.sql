-- Several ledgers in one database: what this node holds of its own and of others', and what sync has to know at once.

-- A chain is read in the order of its numbers when a peer is given entries.
CREATE INDEX entry_chain ON entry (chain, seq);

-- What is held of each ledger. `entries` and `missing` (how many lack their body, or cannot be read), like `tip` and `lacking`, are kept
-- in the same transactions as the entries, so that a start reads none of them. Rows up to `dropped_to` belong to a copy that is being given up.
CREATE TABLE holding (
    id INTEGER NOT NULL PRIMARY KEY,
    ledger BLOB NOT NULL UNIQUE,
    entries INTEGER NOT NULL DEFAULT 0,
    missing INTEGER NOT NULL DEFAULT 0,
    dropped_to INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO holding (ledger) SELECT ledger FROM chain GROUP BY ledger ORDER BY min(id);

-- Entries that no held entry of their chain names as the one before it.
CREATE TABLE tip (
    chain INTEGER NOT NULL,
    row INTEGER NOT NULL,
    PRIMARY KEY (chain, row)
) STRICT, WITHOUT ROWID;
-- Entries that are held without their body.
CREATE TABLE lacking (
    holding INTEGER NOT NULL REFERENCES holding (id),
    row INTEGER NOT NULL,
    PRIMARY KEY (holding, row)
) STRICT, WITHOUT ROWID;
-- Says that the three are to be counted at the next start.
INSERT INTO local (key, value) VALUES ('holdings are to be counted', x'01');

-- Projections belong to one ledger: what somebody wrote into another must never be found in this one.
ALTER TABLE projection RENAME TO projection_before;
CREATE TABLE projection (
    holding INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (holding, kind, key, value, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO projection (holding, kind, key, value, entry)
    SELECT holding.id, before.kind, before.key, before.value, before.entry FROM projection_before AS before
    JOIN entry ON entry.row = before.entry JOIN chain ON chain.id = entry.chain JOIN holding ON holding.ledger = chain.ledger;
DROP TABLE projection_before;

-- Entries past a revocation of their author's key: kept, and they count nowhere.
CREATE TABLE aside (
    id BLOB NOT NULL PRIMARY KEY,
    ledger BLOB NOT NULL,
    author_key BLOB NOT NULL,
    open BLOB NOT NULL,
    body BLOB,
    signature BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX aside_ledger ON aside (ledger);

-- The region's signed statements, exactly as they came.
CREATE TABLE statement (
    id BLOB NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- At which of this node's running time (ms) a statement was heard first. Node-local, like `local`.
CREATE TABLE heard (
    statement BLOB NOT NULL PRIMARY KEY,
    running_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
