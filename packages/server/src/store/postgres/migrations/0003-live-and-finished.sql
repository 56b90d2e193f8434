-- Live instances and finished ones stand apart. A live row is written at every transition; it holds what a transition
-- changes (the state, the open activities, the newest facts), so a transition is one HOT update of one row and touches
-- no index. A finished row is written once and never again: the table grows by what is kept and by nothing else, and
-- the live tables stay as small as what is live.

-- What `instances` was, for those that have ended.
CREATE TABLE finished (
  id              text COLLATE "C" PRIMARY KEY,
  partition       integer NOT NULL,
  tenant          text COLLATE "C" NOT NULL,
  namespace       text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  version         text COLLATE "C" NOT NULL,
  status          text COLLATE "C" NOT NULL CHECK (status IN ('cancelled', 'faulted', 'completed')),
  revision        bigint NOT NULL CHECK (revision > 0),
  seq             bigint NOT NULL CHECK (seq >= 0),
  state           text NOT NULL,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL,
  ended_at        bigint NOT NULL,
  parent_id       text COLLATE "C",
  parent_child_id text COLLATE "C",
  -- The facts after `facts_after`, each followed by a comma: a JSON array without its brackets. Older ones are in history.
  facts           text NOT NULL,
  facts_after     bigint NOT NULL CHECK (facts_after BETWEEN 0 AND seq)
-- Insert only. A row of some kilobytes stays whole: squeezing each one costs more than the page it saves.
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.2);

INSERT INTO finished
  SELECT id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at,
         ended_at, parent_id, parent_child_id, '', seq
  FROM instances WHERE ended_at IS NOT NULL;
DELETE FROM instances WHERE ended_at IS NOT NULL;
CREATE INDEX finished_by_workflow ON finished (tenant, namespace, name, id);

-- Its predicate named a column that changes at the end; now no indexed column ever changes.
DROP INDEX instances_live;
ALTER TABLE instances
  DROP CONSTRAINT instances_status_check,
  DROP CONSTRAINT instances_check,
  DROP COLUMN ended_at,
  DROP COLUMN detached,
  -- JSON array of the activities that have no result yet; absent when there is none here. Many or large ones are rows
  -- of `activities` instead.
  ADD COLUMN activities text,
  ADD COLUMN facts text NOT NULL DEFAULT '',
  ADD COLUMN facts_after bigint,
  ADD CHECK (status IN ('pending', 'running', 'waiting', 'suspended'));
UPDATE instances SET facts_after = seq;
ALTER TABLE instances
  ALTER COLUMN facts_after SET NOT NULL,
  ADD CHECK (facts_after BETWEEN 0 AND seq);
-- Pages half empty: a row and its next version share one, so rewriting it stays HOT.
ALTER TABLE instances SET (fillfactor = 50, toast_tuple_target = 8160, autovacuum_vacuum_threshold = 2000,
                           autovacuum_vacuum_scale_factor = 0.02);

-- For readers, to whom it makes no difference.
CREATE VIEW all_instances AS
  SELECT id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at,
         NULL::bigint AS ended_at, parent_id, parent_child_id, activities, facts, facts_after
  FROM instances
  UNION ALL
  SELECT id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at,
         ended_at, parent_id, parent_child_id, NULL::text, facts, facts_after
  FROM finished;
