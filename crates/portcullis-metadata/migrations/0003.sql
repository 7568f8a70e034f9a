-- Whether the password is still the one that was made up and printed at the first start.
ALTER TABLE users ADD COLUMN password_printed {I64} NOT NULL DEFAULT 0 CHECK (password_printed IN (0, 1));

-- What may be done once: SHA-256 of a token, and when it was claimed.
CREATE TABLE once (
    token_hash {BLOB} NOT NULL PRIMARY KEY,
    claimed_us {I64} NOT NULL
){STRICT};
CREATE INDEX once_claimed ON once (claimed_us);
