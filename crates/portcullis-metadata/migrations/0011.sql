-- Messages whose files are stored all or none: one row for each folder that a message goes to. batch is the word that the files of one message
-- carry while nobody knows whether all of them will be stored. state: pending, undoing, done. digest: of the message and the folder. Of what
-- is done, files says how many there were. key_id is a key that may be deleted meanwhile.
CREATE TABLE deliveries (
    key_id {TEXT} NOT NULL,
    digest {BLOB} NOT NULL,
    batch {TEXT} NOT NULL,
    state {TEXT} NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'undoing', 'done')),
    files {I64} NOT NULL DEFAULT 0,
    began_us {I64} NOT NULL,
    expires_us {I64} NOT NULL,
    PRIMARY KEY (key_id, digest)
){STRICT};
CREATE INDEX deliveries_batch ON deliveries (batch);
CREATE INDEX deliveries_began ON deliveries (key_id, began_us);
CREATE INDEX deliveries_expires ON deliveries (state, expires_us);

-- The names that the files of such messages have, or are about to have: nobody else delivers under one of them meanwhile. upload: the
-- upload in parts that becomes the file, if there is one. version: of the file, once it is there and noted. look_us: the delivery was undone, and somebody has to look
-- once more whether the file came to be after that.
CREATE TABLE delivery_files (
    storage_id {TEXT} NOT NULL,
    object {TEXT} NOT NULL,
    batch {TEXT} NOT NULL,
    upload {TEXT} NOT NULL DEFAULT '',
    version {TEXT} NOT NULL DEFAULT '',
    look_us {I64},
    PRIMARY KEY (storage_id, object)
){STRICT};
CREATE INDEX delivery_files_batch ON delivery_files (batch);
CREATE INDEX delivery_files_look ON delivery_files (look_us) WHERE look_us IS NOT NULL;
