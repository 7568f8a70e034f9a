-- {TEXT}, {I64}, {BLOB}, {SERIAL} and {STRICT} are put in the engine's words; see src/migrate.rs.

-- One row: the number of the last change that was committed, and of the last that was purged from the log.
CREATE TABLE change_clock (
    one {I64} NOT NULL PRIMARY KEY CHECK (one = 1),
    seq {I64} NOT NULL,
    purged {I64} NOT NULL
){STRICT};
INSERT INTO change_clock (one, seq, purged) VALUES (1, 0, 0);

CREATE TABLE change_log (
    seq {I64} NOT NULL PRIMARY KEY,
    kind {TEXT} NOT NULL,
    ref_id {TEXT} NOT NULL
){STRICT};

-- Numbers that are given once: the next user number and the next item number of bucket names.
CREATE TABLE counters (
    name {TEXT} NOT NULL PRIMARY KEY,
    next {I64} NOT NULL
){STRICT};
INSERT INTO counters (name, next) VALUES ('user', 10001), ('storage', 1);

CREATE TABLE settings (
    name {TEXT} NOT NULL PRIMARY KEY,
    value {BLOB} NOT NULL
){STRICT};

CREATE TABLE sites (
    id {TEXT} NOT NULL PRIMARY KEY,
    parent_id {TEXT} REFERENCES sites (id),
    name {TEXT} NOT NULL,
    created_us {I64} NOT NULL
){STRICT};

CREATE TABLE users (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    number {I64} NOT NULL,
    username {TEXT} NOT NULL,
    role {TEXT} NOT NULL,
    state {TEXT} NOT NULL,
    password {TEXT} NOT NULL,
    created_us {I64} NOT NULL
){STRICT};
CREATE UNIQUE INDEX users_number ON users (number);
CREATE UNIQUE INDEX users_username ON users (username);
-- What belongs to a user names the site too, so that nothing can cross from one site to another.
CREATE UNIQUE INDEX users_site ON users (site_id, id);

CREATE TABLE sessions (
    id {TEXT} NOT NULL PRIMARY KEY,
    user_id {TEXT} NOT NULL REFERENCES users (id),
    token_hash {BLOB} NOT NULL,
    created_us {I64} NOT NULL,
    expires_us {I64} NOT NULL,
    peer {TEXT} NOT NULL,
    tool {TEXT} NOT NULL
){STRICT};
CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires ON sessions (expires_us);

-- folded: name, label and bucket in lower case, one a line, for the search.
CREATE TABLE storages (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    owner_id {TEXT} NOT NULL,
    number {I64} NOT NULL,
    name {TEXT} NOT NULL,
    label {TEXT} NOT NULL,
    bucket {TEXT} NOT NULL,
    folded {TEXT} NOT NULL,
    connection_id {TEXT} NOT NULL,
    provider {TEXT} NOT NULL,
    region {TEXT} NOT NULL,
    endpoint {TEXT},
    provider_bucket {TEXT},
    path_style {I64} NOT NULL CHECK (path_style IN (0, 1)),
    provider_sealed {BLOB},
    permission {TEXT} NOT NULL,
    networks {TEXT} NOT NULL,
    s3_access {I64} NOT NULL CHECK (s3_access IN (0, 1)),
    quota_bytes {I64} CHECK (quota_bytes >= 0),
    state {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    FOREIGN KEY (site_id, owner_id) REFERENCES users (site_id, id)
){STRICT};
CREATE UNIQUE INDEX storages_number ON storages (number);
CREATE UNIQUE INDEX storages_bucket ON storages (bucket);
CREATE UNIQUE INDEX storages_site ON storages (site_id, id);

-- storage_id and user_id give the scope; neither means the whole site. A deleted key keeps no secret.
-- folded: name and credential in lower case, one a line, for the search.
CREATE TABLE keys (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    credential {TEXT} NOT NULL,
    name {TEXT} NOT NULL,
    folded {TEXT} NOT NULL,
    channel {TEXT} NOT NULL,
    storage_id {TEXT},
    user_id {TEXT},
    permission {TEXT} NOT NULL,
    overwrite {TEXT} NOT NULL,
    networks {TEXT} NOT NULL,
    prefix {TEXT} NOT NULL,
    expires_us {I64},
    state {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    deleted_us {I64},
    secret_sealed {BLOB},
    secret_hash {BLOB},
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id),
    FOREIGN KEY (site_id, user_id) REFERENCES users (site_id, id),
    CHECK (storage_id IS NULL OR user_id IS NULL),
    CHECK (secret_sealed IS NULL OR secret_hash IS NULL),
    CHECK (state <> 'deleted' OR (secret_sealed IS NULL AND secret_hash IS NULL))
){STRICT};
CREATE UNIQUE INDEX keys_credential ON keys (credential);
CREATE INDEX keys_site ON keys (site_id, id);
CREATE INDEX keys_storage ON keys (storage_id, id);
CREATE INDEX keys_user ON keys (user_id, id);

CREATE TABLE key_uses (
    key_id {TEXT} NOT NULL PRIMARY KEY,
    at_us {I64} NOT NULL,
    peer {TEXT} NOT NULL,
    tool {TEXT} NOT NULL
){STRICT};

-- The trail outlives what it tells of: no foreign keys.
CREATE TABLE audit (
    id {SERIAL},
    at_us {I64} NOT NULL,
    request_id {TEXT} NOT NULL,
    site_id {TEXT},
    actor {TEXT} NOT NULL,
    key_id {TEXT},
    storage_id {TEXT},
    channel {TEXT} NOT NULL,
    peer {TEXT} NOT NULL,
    tool {TEXT} NOT NULL,
    action {TEXT} NOT NULL,
    object {TEXT},
    allowed {I64} NOT NULL CHECK (allowed IN (0, 1)),
    reason {TEXT} NOT NULL
){STRICT};
CREATE INDEX audit_at ON audit (at_us);
CREATE INDEX audit_site ON audit (site_id, id);
CREATE INDEX audit_request ON audit (request_id);
CREATE INDEX audit_key ON audit (key_id, id);
CREATE INDEX audit_storage ON audit (storage_id, id);
