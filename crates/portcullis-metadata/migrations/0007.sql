-- Two sides that are planned and run together. What they last agreed on are the pages "base:ID:GENERATION"; epoch counts the
-- runs that were settled. Who plans or runs holds the pair: nobody else may meanwhile.
CREATE TABLE sync_pairs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    storage_id {TEXT} NOT NULL REFERENCES storages (id),
    storage_prefix {TEXT} NOT NULL,
    bucket_id {TEXT} NOT NULL REFERENCES storages (id),
    bucket_prefix {TEXT} NOT NULL,
    epoch {I64} NOT NULL DEFAULT 0,
    base_generation {I64} NOT NULL DEFAULT 0,
    base_keys {I64} NOT NULL DEFAULT 0,
    keep_days {I64} NOT NULL DEFAULT 30,
    created_us {I64} NOT NULL,
    UNIQUE (site_id, storage_id, storage_prefix, bucket_id, bucket_prefix)
){STRICT};
CREATE INDEX sync_pairs_bucket ON sync_pairs (bucket_id);
CREATE INDEX sync_pairs_storage ON sync_pairs (storage_id);

CREATE TABLE sync_jobs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    pair_id {TEXT} NOT NULL REFERENCES sync_pairs (id),
    name {TEXT} NOT NULL,
    mode {TEXT} NOT NULL,
    policy {TEXT} NOT NULL,
    schedule {TEXT} NOT NULL DEFAULT '',
    zone {TEXT} NOT NULL DEFAULT 'UTC',
    settings {TEXT} NOT NULL DEFAULT '{}',
    enabled {I64} NOT NULL DEFAULT 1,
    state {TEXT} NOT NULL DEFAULT 'waiting',
    told {TEXT} NOT NULL DEFAULT '',
    next_us {I64},
    last_plan {TEXT},
    last_run {TEXT},
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    changed_us {I64} NOT NULL
){STRICT};
CREATE INDEX sync_jobs_site ON sync_jobs (site_id, id);
CREATE INDEX sync_jobs_next ON sync_jobs (next_us);

-- terms, totals, guards, choices: JSON of the control crate. The actions are the pages "plan:ID".
CREATE TABLE sync_plans (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    pair_id {TEXT} NOT NULL REFERENCES sync_pairs (id),
    job_id {TEXT},
    restores_run {TEXT},
    mode {TEXT} NOT NULL,
    policy {TEXT} NOT NULL,
    state {TEXT} NOT NULL,
    terms {TEXT} NOT NULL DEFAULT '{}',
    totals {TEXT} NOT NULL DEFAULT '{}',
    guards {TEXT} NOT NULL DEFAULT '[]',
    choices {TEXT} NOT NULL DEFAULT '[]',
    told {TEXT} NOT NULL DEFAULT '',
    base_generation {I64} NOT NULL DEFAULT 0,
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    planned_us {I64},
    version {I64} NOT NULL DEFAULT 0,
    held_by {TEXT} NOT NULL DEFAULT '',
    held_until_us {I64} NOT NULL DEFAULT 0
){STRICT};
CREATE INDEX sync_plans_site ON sync_plans (site_id, id);
CREATE INDEX sync_plans_pair ON sync_plans (pair_id, id);
CREATE INDEX sync_plans_state ON sync_plans (state);

-- wish is what people want of it: go, pause or cancel. fence grows with every process that takes the run over; what one with
-- an older fence writes is refused.
CREATE TABLE sync_runs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    pair_id {TEXT} NOT NULL REFERENCES sync_pairs (id),
    plan_id {TEXT} NOT NULL UNIQUE REFERENCES sync_plans (id),
    job_id {TEXT},
    state {TEXT} NOT NULL,
    wish {TEXT} NOT NULL DEFAULT 'go',
    approved {TEXT} NOT NULL DEFAULT '[]',
    settings {TEXT} NOT NULL DEFAULT '{}',
    progress {TEXT} NOT NULL DEFAULT '{}',
    told {TEXT} NOT NULL DEFAULT '',
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    started_us {I64},
    ended_us {I64},
    fence {I64} NOT NULL DEFAULT 0,
    held_by {TEXT} NOT NULL DEFAULT '',
    held_until_us {I64} NOT NULL DEFAULT 0
){STRICT};
CREATE INDEX sync_runs_site ON sync_runs (site_id, id);
CREATE INDEX sync_runs_pair ON sync_runs (pair_id, id);
CREATE INDEX sync_runs_state ON sync_runs (state);

-- Pages of entries in the order of their keys; what is in them is the sync crate's to say.
CREATE TABLE sync_pages (
    owner {TEXT} NOT NULL,
    no {I64} NOT NULL,
    first_seq {I64} NOT NULL,
    first_key {TEXT} NOT NULL,
    entries {I64} NOT NULL,
    data {BLOB} NOT NULL,
    PRIMARY KEY (owner, no)
){STRICT};

CREATE TABLE sync_steps (
    run_id {TEXT} NOT NULL REFERENCES sync_runs (id),
    seq {I64} NOT NULL,
    state {TEXT} NOT NULL,
    key {TEXT} NOT NULL,
    told {TEXT} NOT NULL,
    data {BLOB} NOT NULL,
    PRIMARY KEY (run_id, seq)
){STRICT};
CREATE INDEX sync_steps_state ON sync_steps (run_id, state, seq);

-- Bytes that runs kept before they replaced or deleted them. key is the whole key in the storage; place is a version's id or,
-- after "reserved:", a key.
CREATE TABLE sync_kept (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    pair_id {TEXT} NOT NULL REFERENCES sync_pairs (id),
    run_id {TEXT} NOT NULL REFERENCES sync_runs (id),
    seq {I64} NOT NULL,
    storage_id {TEXT} NOT NULL REFERENCES storages (id),
    key {TEXT} NOT NULL,
    place {TEXT} NOT NULL,
    size {I64} NOT NULL,
    kept_us {I64} NOT NULL,
    expires_us {I64} NOT NULL,
    UNIQUE (run_id, seq, storage_id, key)
){STRICT};
CREATE INDEX sync_kept_expires ON sync_kept (expires_us);
CREATE INDEX sync_kept_storage ON sync_kept (storage_id, id);
CREATE INDEX sync_kept_site ON sync_kept (site_id, id);
