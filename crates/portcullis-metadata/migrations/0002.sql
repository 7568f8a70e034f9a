-- What was last measured of each active storage (a detached one has no row), so that a list of thousands need not open them. A copy for lists and
-- sums: the store itself has the truth. bytes, version_bytes, upload_bytes, files, folders and free_bytes are of
-- measured_us (none before the first time), health is of checked_us (0 before the first time), due_us is when to look again.
-- last_used_us is when a key last did something there, 0 for never.
CREATE TABLE storage_facts (
    storage_id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    bytes {I64} NOT NULL DEFAULT 0,
    version_bytes {I64} NOT NULL DEFAULT 0,
    upload_bytes {I64} NOT NULL DEFAULT 0,
    files {I64} NOT NULL DEFAULT 0,
    folders {I64} NOT NULL DEFAULT 0,
    free_bytes {I64},
    measured_us {I64},
    health {TEXT},
    health_since_us {I64} NOT NULL DEFAULT 0,
    checked_us {I64} NOT NULL DEFAULT 0,
    due_us {I64} NOT NULL DEFAULT 0,
    last_used_us {I64} NOT NULL DEFAULT 0,
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id)
){STRICT};
CREATE INDEX storage_facts_bytes ON storage_facts (site_id, bytes, storage_id, version_bytes, upload_bytes);
CREATE INDEX storage_facts_files ON storage_facts (site_id, files, storage_id);
CREATE INDEX storage_facts_last_used ON storage_facts (site_id, last_used_us, storage_id);
CREATE INDEX storage_facts_health ON storage_facts (site_id, health, storage_id);
CREATE INDEX storage_facts_new ON storage_facts (site_id) WHERE measured_us IS NULL;
CREATE INDEX storage_facts_due ON storage_facts (due_us, storage_id);

INSERT INTO storage_facts (storage_id, site_id, last_used_us)
SELECT s.id, s.site_id, COALESCE(
    (SELECT MAX(u.at_us) FROM keys k JOIN key_uses u ON u.key_id = k.id WHERE k.storage_id = s.id), 0)
FROM storages s WHERE s.state = 'active';

-- Each has all that its queries look at, so that counting thousands reads no rows.
CREATE INDEX storages_name ON storages (site_id, state, folded, id);
CREATE INDEX storages_created ON storages (site_id, state, created_us, id);
CREATE INDEX storages_settings ON storages (site_id, state, s3_access, permission, provider, id, quota_bytes);
CREATE INDEX storages_anywhere ON storages (site_id, state, s3_access, permission, id) WHERE networks = '[]';

-- The S3 keys that are not switched off, by storage; those for any address once more.
CREATE INDEX keys_s3 ON keys (storage_id, permission, expires_us)
    WHERE channel = 's3' AND state = 'active' AND permission <> 'none';
CREATE INDEX keys_s3_anywhere ON keys (storage_id, permission, expires_us)
    WHERE channel = 's3' AND state = 'active' AND permission <> 'none' AND networks = '[]';
CREATE INDEX keys_storage_credential ON keys (site_id, credential, storage_id)
    WHERE state = 'active' AND storage_id IS NOT NULL;
