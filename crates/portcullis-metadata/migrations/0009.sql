-- Uploads over HTTP that can be gone on with. The bytes are parts of a multipart upload of the storage (upload; empty for one that has
-- a single part), of part_size bytes each. What came after the last whole part is tail, which begins at tail_at. Of an upload with held_at only
-- the bytes before it count. state: open, completing, done. key_id is a key that may be deleted meanwhile.
CREATE TABLE resumable_uploads (
    id {TEXT} NOT NULL PRIMARY KEY,
    key_id {TEXT} NOT NULL,
    storage_id {TEXT} NOT NULL,
    object {TEXT} NOT NULL,
    upload {TEXT} NOT NULL,
    length {I64} NOT NULL,
    part_size {I64} NOT NULL,
    told {TEXT} NOT NULL,
    tail_at {I64} NOT NULL DEFAULT 0,
    tail {BLOB} NOT NULL,
    held_at {I64},
    state {TEXT} NOT NULL DEFAULT 'open',
    expires_us {I64} NOT NULL
){STRICT};
CREATE INDEX resumable_uploads_key ON resumable_uploads (key_id, expires_us);
CREATE INDEX resumable_uploads_expires ON resumable_uploads (expires_us);
