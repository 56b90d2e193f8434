-- Leases of a remote worker's task that ended without a sign of life of the worker, so that one that ends its workers is given up,
-- whichever server counts: of the chain's latest activity. A row without a checkpoint yet has the number 0.
ALTER TABLE activity_checkpoints
  ADD COLUMN activity_id text COLLATE "C",
  ADD COLUMN expiries integer NOT NULL DEFAULT 0,
  DROP CONSTRAINT activity_checkpoints_number_check,
  ADD CONSTRAINT activity_checkpoints_number_check CHECK (number >= 0);
