-- Two sides that are planned and run together. What they last agreed on are the pages of the pair of base_generation; last_generation
-- is the highest that was ever begun. epoch counts the runs that were settled.
CREATE TABLE sync_pairs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    storage_id {TEXT} NOT NULL,
    storage_prefix {TEXT} NOT NULL,
    bucket_id {TEXT} NOT NULL,
    bucket_prefix {TEXT} NOT NULL,
    epoch {I64} NOT NULL DEFAULT 0,
    base_generation {I64} NOT NULL DEFAULT 0,
    last_generation {I64} NOT NULL DEFAULT 0,
    base_keys {I64} NOT NULL DEFAULT 0,
    keep_days {I64} NOT NULL DEFAULT 30,
    created_us {I64} NOT NULL,
    UNIQUE (site_id, storage_id, storage_prefix, bucket_id, bucket_prefix),
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id),
    FOREIGN KEY (site_id, bucket_id) REFERENCES storages (site_id, id)
){STRICT};
CREATE UNIQUE INDEX sync_pairs_site ON sync_pairs (site_id, id);
CREATE INDEX sync_pairs_storage ON sync_pairs (storage_id, id);
CREATE INDEX sync_pairs_bucket ON sync_pairs (bucket_id, id);

-- version counts what people changed of it.
CREATE TABLE sync_jobs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    pair_id {TEXT} NOT NULL,
    name {TEXT} NOT NULL,
    mode {TEXT} NOT NULL,
    policy {TEXT} NOT NULL,
    schedule {TEXT} NOT NULL,
    zone {TEXT} NOT NULL,
    settings {TEXT} NOT NULL,
    enabled {I64} NOT NULL CHECK (enabled IN (0, 1)),
    state {TEXT} NOT NULL,
    told {TEXT} NOT NULL,
    next_us {I64},
    last_plan {TEXT},
    last_run {TEXT},
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    changed_us {I64} NOT NULL,
    version {I64} NOT NULL,
    FOREIGN KEY (site_id, pair_id) REFERENCES sync_pairs (site_id, id)
){STRICT};
CREATE INDEX sync_jobs_site ON sync_jobs (site_id, id);
CREATE INDEX sync_jobs_pair ON sync_jobs (pair_id, id);
CREATE INDEX sync_jobs_due ON sync_jobs (next_us) WHERE enabled = 1 AND state = 'waiting';

-- terms to choices are JSON of whoever plans. fence grows with every process that makes the plan; its actions are the pages of the
-- plan of this fence. job_id and restores_run outlive what they name.
CREATE TABLE sync_plans (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    pair_id {TEXT} NOT NULL,
    job_id {TEXT},
    restores_run {TEXT},
    mode {TEXT} NOT NULL,
    policy {TEXT} NOT NULL,
    state {TEXT} NOT NULL,
    terms {TEXT} NOT NULL,
    progress {TEXT} NOT NULL DEFAULT '{}',
    totals {TEXT} NOT NULL DEFAULT '{}',
    guards {TEXT} NOT NULL DEFAULT '[]',
    cost {TEXT} NOT NULL DEFAULT '{}',
    risks {TEXT} NOT NULL DEFAULT '[]',
    choices {TEXT} NOT NULL DEFAULT '[]',
    told {TEXT} NOT NULL DEFAULT '',
    base_generation {I64} NOT NULL DEFAULT 0,
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    planned_us {I64},
    version {I64} NOT NULL DEFAULT 0,
    fence {I64} NOT NULL DEFAULT 0,
    held_by {TEXT} NOT NULL DEFAULT '',
    held_until_us {I64} NOT NULL DEFAULT 0,
    FOREIGN KEY (site_id, pair_id) REFERENCES sync_pairs (site_id, id)
){STRICT};
CREATE UNIQUE INDEX sync_plans_site ON sync_plans (site_id, id);
CREATE INDEX sync_plans_pair ON sync_plans (pair_id, id);
CREATE INDEX sync_plans_job ON sync_plans (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX sync_plans_wanted ON sync_plans (id) WHERE state = 'planning';
CREATE INDEX sync_plans_ready ON sync_plans (planned_us) WHERE state = 'ready';
CREATE INDEX sync_plans_restoring ON sync_plans (restores_run) WHERE restores_run IS NOT NULL;
CREATE INDEX sync_plans_created ON sync_plans (created_us);

-- wish is what people want of it: go, pause or cancel. fence grows with every process that takes the run over; what one with
-- an older fence writes is refused. generation is the one that it writes of its pair's base, 0 for none yet, settled is 1 once that is the pair's.
-- keep_until_us is until when it can be taken back; emptied is 1 once its steps are gone.
CREATE TABLE sync_runs (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    pair_id {TEXT} NOT NULL,
    plan_id {TEXT} NOT NULL,
    job_id {TEXT},
    restores_run {TEXT},
    state {TEXT} NOT NULL,
    wish {TEXT} NOT NULL DEFAULT 'go',
    approved {TEXT} NOT NULL,
    settings {TEXT} NOT NULL,
    progress {TEXT} NOT NULL DEFAULT '{}',
    told {TEXT} NOT NULL DEFAULT '',
    actor {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    started_us {I64},
    ended_us {I64},
    keep_until_us {I64},
    generation {I64} NOT NULL DEFAULT 0,
    settled {I64} NOT NULL DEFAULT 0 CHECK (settled IN (0, 1)),
    emptied {I64} NOT NULL DEFAULT 0 CHECK (emptied IN (0, 1)),
    fence {I64} NOT NULL DEFAULT 0,
    held_by {TEXT} NOT NULL DEFAULT '',
    held_until_us {I64} NOT NULL DEFAULT 0,
    FOREIGN KEY (site_id, pair_id) REFERENCES sync_pairs (site_id, id),
    FOREIGN KEY (site_id, plan_id) REFERENCES sync_plans (site_id, id)
){STRICT};
CREATE UNIQUE INDEX sync_runs_site ON sync_runs (site_id, id);
CREATE INDEX sync_runs_pair ON sync_runs (pair_id, id);
CREATE INDEX sync_runs_job ON sync_runs (job_id, id) WHERE job_id IS NOT NULL;
CREATE UNIQUE INDEX sync_runs_plan ON sync_runs (plan_id);
CREATE UNIQUE INDEX sync_runs_live ON sync_runs (pair_id) WHERE ended_us IS NULL;
CREATE INDEX sync_runs_wanted ON sync_runs (site_id, id) WHERE ended_us IS NULL;
CREATE INDEX sync_runs_kept ON sync_runs (keep_until_us) WHERE emptied = 0;
CREATE INDEX sync_runs_emptied ON sync_runs (ended_us) WHERE emptied = 1;

-- Pages of entries in the order of their keys; what is in them is the sync crate's to say. owner is a plan with its fence as
-- generation, or a pair.
CREATE TABLE sync_pages (
    owner {TEXT} NOT NULL,
    generation {I64} NOT NULL,
    no {I64} NOT NULL,
    first_seq {I64} NOT NULL,
    first_key {TEXT} NOT NULL,
    entries {I64} NOT NULL,
    data {BLOB} NOT NULL,
    PRIMARY KEY (owner, generation, no)
){STRICT};
CREATE INDEX sync_pages_seq ON sync_pages (owner, generation, first_seq);
CREATE INDEX sync_pages_key ON sync_pages (owner, generation, first_key);

-- Pages that nobody reads again, to be deleted a few at a time.
CREATE TABLE sync_dropped (
    owner {TEXT} NOT NULL,
    generation {I64} NOT NULL,
    PRIMARY KEY (owner, generation)
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

-- Bytes that runs kept before they replaced or deleted them. key is the whole key in the storage, folded the same in lower case for the
-- search; place says where in the storage they are. due_us is when to remove them: when they expire, or later if that failed.
CREATE TABLE sync_kept (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    pair_id {TEXT} NOT NULL,
    run_id {TEXT} NOT NULL,
    seq {I64} NOT NULL,
    storage_id {TEXT} NOT NULL,
    key {TEXT} NOT NULL,
    folded {TEXT} NOT NULL,
    place {TEXT} NOT NULL,
    size {I64} NOT NULL,
    kept_us {I64} NOT NULL,
    expires_us {I64} NOT NULL,
    due_us {I64} NOT NULL,
    UNIQUE (run_id, seq, storage_id, key),
    FOREIGN KEY (site_id, run_id) REFERENCES sync_runs (site_id, id),
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id)
){STRICT};
CREATE INDEX sync_kept_due ON sync_kept (due_us);
CREATE INDEX sync_kept_storage ON sync_kept (storage_id, id, size);
CREATE INDEX sync_kept_run ON sync_kept (run_id, id);
CREATE INDEX sync_kept_site ON sync_kept (site_id, id);
