-- What a key for mail makes of messages, as JSON; null for what a key has of which nobody said anything.
ALTER TABLE keys ADD COLUMN mail {TEXT};
