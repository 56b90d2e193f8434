-- The priority of an instance, 0 (first) … 4 (last), for who reads: an owner has it in the state. It is set once, at the
-- start. No index: a list is read by id, and five values divide nothing.
ALTER TABLE instances ADD COLUMN priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 4);
ALTER TABLE finished ADD COLUMN priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 4);

CREATE OR REPLACE VIEW all_instances AS
  SELECT id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at,
         NULL::bigint AS ended_at, parent_id, parent_child_id, activities, facts, facts_after, priority
  FROM instances
  UNION ALL
  SELECT id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at,
         ended_at, parent_id, parent_child_id, NULL::text, facts, facts_after, priority
  FROM finished;
