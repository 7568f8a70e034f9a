-- Accounts of another system that became sites: site_id is the site that one became, into_id the site below which it was imported, account its
-- id in the other system. The columns from name on say what was imported, not what it is by now; keys: one a line, the id, the channel,
-- chosen or generated, and the user name if there is one. import names the import.
CREATE TABLE imported_accounts (
    into_id {TEXT} NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    account {TEXT} NOT NULL,
    site_id {TEXT} NOT NULL UNIQUE REFERENCES sites (id) ON DELETE CASCADE,
    storage_id {TEXT} NOT NULL,
    import {TEXT} NOT NULL,
    imported_us {I64} NOT NULL,
    parent {TEXT},
    name {TEXT} NOT NULL,
    storage_name {TEXT} NOT NULL,
    created_us {I64} NOT NULL,
    networks {TEXT} NOT NULL,
    expires_us {I64},
    keys {TEXT} NOT NULL,
    PRIMARY KEY (into_id, account),
    FOREIGN KEY (site_id, storage_id) REFERENCES storages (site_id, id)
){STRICT};
