-- generation counts the changes of a key's credentials. networks are those that are tried out, none if nothing is.
ALTER TABLE keys ADD COLUMN generation {I64} NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN on_leak {TEXT} NOT NULL DEFAULT 'disable';
ALTER TABLE keys ADD COLUMN leaked_us {I64};
CREATE INDEX keys_leaked ON keys (site_id) WHERE leaked_us IS NOT NULL;
ALTER TABLE keys ADD COLUMN trial_networks {TEXT};
ALTER TABLE keys ADD COLUMN trial_us {I64};
ALTER TABLE storages ADD COLUMN paused_until_us {I64};
-- When a storage was detached or deleted, and what it held then.
ALTER TABLE storages ADD COLUMN ended_us {I64};
ALTER TABLE storages ADD COLUMN ended_bytes {I64};
ALTER TABLE storages ADD COLUMN ended_files {I64};
ALTER TABLE storages ADD COLUMN trial_networks {TEXT};
ALTER TABLE storages ADD COLUMN trial_us {I64};
ALTER TABLE sites ADD COLUMN data_events {TEXT} NOT NULL DEFAULT 'none';
ALTER TABLE audit ADD COLUMN detail {TEXT} NOT NULL DEFAULT '';

-- Credentials that a key had before: they work beside the present ones until until_us. The secret is kept a while longer, so that
-- who still uses it can be told from who only knows the access key; the row stays, so that the access key is never given again.
-- ended is 1 once they stopped, and then they stay so, whatever a clock says.
CREATE TABLE retired_secrets (
    key_id {TEXT} NOT NULL REFERENCES keys (id),
    generation {I64} NOT NULL,
    credential {TEXT} NOT NULL,
    secret_sealed {BLOB},
    secret_hash {BLOB},
    retired_us {I64} NOT NULL,
    until_us {I64} NOT NULL,
    ended {I64} NOT NULL,
    PRIMARY KEY (key_id, generation),
    CHECK (secret_sealed IS NULL OR secret_hash IS NULL)
){STRICT};
CREATE INDEX retired_secrets_credential ON retired_secrets (credential);
CREATE INDEX retired_secrets_running ON retired_secrets (until_us) WHERE ended = 0;
CREATE INDEX retired_secrets_kept ON retired_secrets (until_us)
    WHERE secret_sealed IS NOT NULL OR secret_hash IS NOT NULL;

-- What keys were used for and refused, by the hour (hours since 1970). storage_id is empty for none. network is an address, or the
-- network that several were put together to. what is a verb of use, or a reason of refusal.
CREATE TABLE key_activity (
    key_id {TEXT} NOT NULL,
    hour {I64} NOT NULL,
    storage_id {TEXT} NOT NULL,
    network {TEXT} NOT NULL,
    tool {TEXT} NOT NULL,
    kind {TEXT} NOT NULL CHECK (kind IN ('used', 'refused', 'tried')),
    what {TEXT} NOT NULL,
    generation {I64} NOT NULL,
    requests {I64} NOT NULL,
    bytes {I64} NOT NULL,
    first_us {I64} NOT NULL,
    last_us {I64} NOT NULL,
    PRIMARY KEY (key_id, hour, storage_id, network, tool, kind, what, generation)
){STRICT};
CREATE INDEX key_activity_hour ON key_activity (hour);
CREATE INDEX key_activity_storage ON key_activity (storage_id, hour);
CREATE INDEX key_activity_refused ON key_activity (hour) WHERE kind = 'refused';

-- The folders that a key worked in, by the day (days since 1970); few of them for each key: what is many is put together to the
-- folder above. The empty folder is the whole storage.
CREATE TABLE key_folders (
    key_id {TEXT} NOT NULL,
    day {I64} NOT NULL,
    storage_id {TEXT} NOT NULL,
    folder {TEXT} NOT NULL,
    requests {I64} NOT NULL,
    PRIMARY KEY (key_id, day, storage_id, folder)
){STRICT};
CREATE INDEX key_folders_day ON key_folders (day);

-- Advice that was followed: what the key was before and after, so that it can be taken back.
CREATE TABLE advice_taken (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    key_id {TEXT} NOT NULL REFERENCES keys (id),
    what {TEXT} NOT NULL,
    before {TEXT} NOT NULL,
    after {TEXT} NOT NULL,
    actor {TEXT} NOT NULL,
    taken_us {I64} NOT NULL,
    undone_us {I64}
){STRICT};
CREATE INDEX advice_taken_key ON advice_taken (key_id, id);
CREATE INDEX advice_taken_site ON advice_taken (site_id, id);

-- Processes on this database. beat grows with every sign of life, seen_seq is the last change that it put in force.
CREATE TABLE nodes (
    id {TEXT} NOT NULL PRIMARY KEY,
    name {TEXT} NOT NULL,
    started_us {I64} NOT NULL,
    heard_us {I64} NOT NULL,
    beat {I64} NOT NULL,
    seen_seq {I64} NOT NULL,
    transfers {TEXT} NOT NULL DEFAULT '[]',
    transfers_us {I64} NOT NULL DEFAULT 0
){STRICT};

-- What a node cut off when it put changes up to seq in force, for the receipt of whoever made them.
CREATE TABLE node_cuts (
    node_id {TEXT} NOT NULL,
    seq {I64} NOT NULL,
    after_seq {I64} NOT NULL,
    transfers {I64} NOT NULL,
    last_byte_us {I64},
    at_us {I64} NOT NULL,
    PRIMARY KEY (node_id, seq)
){STRICT};

-- How far the audit trail was sent on to each place outside.
CREATE TABLE audit_sinks (
    name {TEXT} NOT NULL PRIMARY KEY,
    sent_id {I64} NOT NULL,
    held_by {TEXT} NOT NULL DEFAULT '',
    held_until_us {I64} NOT NULL DEFAULT 0,
    failing_since_us {I64},
    problem {TEXT} NOT NULL DEFAULT ''
){STRICT};
