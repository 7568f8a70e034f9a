-- The audit trail as a chain for each site: chain is the site's id, empty for entries of no site. seq counts from 1; what was
-- written before has 0 and no hash, and stands before the chain.
ALTER TABLE audit ADD COLUMN chain {TEXT} NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN seq {I64} NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN hash {BLOB};
CREATE UNIQUE INDEX audit_chain ON audit (chain, seq) WHERE seq > 0;

-- The last entry of each chain. Whoever adds to a chain locks its row.
CREATE TABLE audit_heads (
    chain {TEXT} NOT NULL PRIMARY KEY,
    seq {I64} NOT NULL,
    hash {BLOB} NOT NULL
){STRICT};

-- What was signed: that a chain reached an entry, or that all up to it were removed.
CREATE TABLE audit_checkpoints (
    chain {TEXT} NOT NULL,
    seq {I64} NOT NULL,
    kind {TEXT} NOT NULL CHECK (kind IN ('reached', 'removed')),
    hash {BLOB} NOT NULL,
    at_us {I64} NOT NULL,
    signature {BLOB} NOT NULL,
    PRIMARY KEY (chain, kind, seq)
){STRICT};
