-- Names that people choose for keys, and secrets that they choose: those are stretched (a PHC string of Argon2id). folded has the
-- name too. public_keys: one a line, as in authorized_keys.
ALTER TABLE keys ADD COLUMN login {TEXT};
ALTER TABLE keys ADD COLUMN secret_phc {TEXT}
    CHECK (secret_phc IS NULL OR (secret_sealed IS NULL AND secret_hash IS NULL AND state <> 'deleted'));
ALTER TABLE keys ADD COLUMN public_keys {TEXT} NOT NULL DEFAULT '';
CREATE UNIQUE INDEX keys_login ON keys (channel, login) WHERE login IS NOT NULL AND state <> 'deleted';

ALTER TABLE retired_secrets ADD COLUMN login {TEXT};
ALTER TABLE retired_secrets ADD COLUMN secret_phc {TEXT}
    CHECK (secret_phc IS NULL OR (secret_sealed IS NULL AND secret_hash IS NULL));
CREATE INDEX retired_secrets_login ON retired_secrets (login) WHERE login IS NOT NULL AND ended = 0;
DROP INDEX retired_secrets_kept;
CREATE INDEX retired_secrets_kept ON retired_secrets (until_us)
    WHERE secret_sealed IS NOT NULL OR secret_hash IS NOT NULL OR secret_phc IS NOT NULL;
