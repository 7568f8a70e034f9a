-- What a site allows of itself. A new site is as open as those above it; the first one lets no member make keys.
-- folded: the name in lower case; unique among the children of a site.
ALTER TABLE sites ADD COLUMN folded {TEXT} NOT NULL DEFAULT 'main';
ALTER TABLE sites ADD COLUMN members_make_keys {I64} NOT NULL DEFAULT 0 CHECK (members_make_keys IN (0, 1));
ALTER TABLE sites ADD COLUMN longest_key_days {I64} CHECK (longest_key_days > 0);
ALTER TABLE sites ADD COLUMN keys_need_networks {I64} NOT NULL DEFAULT 0 CHECK (keys_need_networks IN (0, 1));
ALTER TABLE sites ADD COLUMN idle_key_days {I64} CHECK (idle_key_days > 0);
ALTER TABLE sites ADD COLUMN second_factor {TEXT} NOT NULL DEFAULT 'optional';
CREATE UNIQUE INDEX sites_siblings ON sites (parent_id, folded);

-- An empty password is none: who is invited has none yet, who comes through an identity provider may never have one.
-- totp_step is the last time step whose code was taken, so that none is taken twice. external_id is issuer, line feed, subject.
ALTER TABLE users ADD COLUMN last_sign_in_us {I64} NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN totp_sealed {BLOB};
ALTER TABLE users ADD COLUMN totp_step {I64} NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN external_id {TEXT};
CREATE UNIQUE INDEX users_external ON users (external_id);
CREATE INDEX users_of_site ON users (site_id, username);

-- SHA-256 of codes that stand in for a second factor, each once.
CREATE TABLE recovery_codes (
    user_id {TEXT} NOT NULL REFERENCES users (id),
    code_hash {BLOB} NOT NULL,
    PRIMARY KEY (user_id, code_hash)
){STRICT};

-- public_key is the credential as the sign-in crate wrote it; sign_count is the authenticator's last.
CREATE TABLE passkeys (
    id {TEXT} NOT NULL PRIMARY KEY,
    user_id {TEXT} NOT NULL REFERENCES users (id),
    credential_id {BLOB} NOT NULL,
    public_key {BLOB} NOT NULL,
    sign_count {I64} NOT NULL,
    name {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    last_used_us {I64} NOT NULL DEFAULT 0
){STRICT};
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_user ON passkeys (user_id, id);

-- One-time links by which somebody chooses a password: one at a time for each person.
CREATE TABLE invitations (
    user_id {TEXT} NOT NULL PRIMARY KEY REFERENCES users (id),
    token_hash {BLOB} NOT NULL,
    created_us {I64} NOT NULL,
    expires_us {I64} NOT NULL
){STRICT};
CREATE UNIQUE INDEX invitations_token ON invitations (token_hash);

-- site_id is the site in which the person acts; none for their own. confirmed_us is when they last proved who they are.
ALTER TABLE sessions ADD COLUMN site_id {TEXT} REFERENCES sites (id);
ALTER TABLE sessions ADD COLUMN second_factor {I64} NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));
ALTER TABLE sessions ADD COLUMN confirmed_us {I64} NOT NULL DEFAULT 0;

CREATE TABLE user_groups (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL REFERENCES sites (id),
    name {TEXT} NOT NULL,
    folded {TEXT} NOT NULL,
    created_us {I64} NOT NULL
){STRICT};
CREATE UNIQUE INDEX user_groups_site ON user_groups (site_id, id);
CREATE UNIQUE INDEX user_groups_name ON user_groups (site_id, folded);

CREATE TABLE group_members (
    site_id {TEXT} NOT NULL,
    group_id {TEXT} NOT NULL,
    user_id {TEXT} NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (site_id, group_id) REFERENCES user_groups (site_id, id),
    FOREIGN KEY (site_id, user_id) REFERENCES users (site_id, id)
){STRICT};
CREATE INDEX group_members_user ON group_members (user_id, group_id);

-- grantee is user_id or group_id, whichever there is.
CREATE TABLE storage_grants (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    storage_id {TEXT} NOT NULL,
    user_id {TEXT},
    group_id {TEXT},
    grantee {TEXT} NOT NULL,
    prefix {TEXT} NOT NULL,
    permission {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id),
    FOREIGN KEY (site_id, user_id) REFERENCES users (site_id, id),
    FOREIGN KEY (site_id, group_id) REFERENCES user_groups (site_id, id),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
){STRICT};
CREATE UNIQUE INDEX storage_grants_place ON storage_grants (storage_id, grantee, prefix);
CREATE INDEX storage_grants_user ON storage_grants (user_id, id);
CREATE INDEX storage_grants_group ON storage_grants (group_id, id);
CREATE INDEX storage_grants_site ON storage_grants (site_id, id);

-- token_hash is SHA-256 of the secret in the address; password the Argon2 hash of the one that is asked for.
CREATE TABLE share_links (
    id {TEXT} NOT NULL PRIMARY KEY,
    site_id {TEXT} NOT NULL,
    storage_id {TEXT} NOT NULL,
    token_hash {BLOB} NOT NULL,
    name {TEXT} NOT NULL,
    folded {TEXT} NOT NULL,
    target_kind {TEXT} NOT NULL CHECK (target_kind IN ('file', 'folder')),
    target {TEXT} NOT NULL,
    permission {TEXT} NOT NULL,
    networks {TEXT} NOT NULL,
    expires_us {I64},
    password {TEXT},
    max_downloads {I64} CHECK (max_downloads > 0),
    downloads {I64} NOT NULL DEFAULT 0,
    state {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id)
){STRICT};
CREATE UNIQUE INDEX share_links_token ON share_links (token_hash);
CREATE INDEX share_links_site ON share_links (site_id, id);
CREATE INDEX share_links_storage ON share_links (storage_id, state, expires_us);

-- Calls that are made once however often they are sent. location is what was made, none while it is being made.
CREATE TABLE idempotency (
    key_hash {BLOB} NOT NULL PRIMARY KEY,
    request_hash {BLOB} NOT NULL,
    location {TEXT},
    created_us {I64} NOT NULL
){STRICT};
CREATE INDEX idempotency_created ON idempotency (created_us);

-- A copy of key_uses.at_us, 0 for never, so that a list of thousands looks at one table.
ALTER TABLE keys ADD COLUMN last_used_us {I64} NOT NULL DEFAULT 0;
UPDATE keys SET last_used_us = COALESCE((SELECT u.at_us FROM key_uses u WHERE u.key_id = keys.id), 0);

-- All that the review of keys looks at, in the order of its pages; those that write from anywhere once more.
CREATE INDEX keys_review ON keys (site_id, id, created_us, last_used_us, expires_us)
    WHERE state = 'active' AND permission <> 'none';
CREATE INDEX keys_anywhere ON keys
    (site_id, permission, storage_id, user_id, channel, created_us, last_used_us, expires_us)
    WHERE state = 'active' AND networks = '[]';

-- Admins of a site above make storages too, so that an owner need not be of the storage's site: both exist, each for itself.
{STORAGES_OWNED_FROM_ABOVE}
