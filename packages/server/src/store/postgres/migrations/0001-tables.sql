-- Everything of the engine on one shard. Every instant is a bigint of epoch milliseconds: exact in JavaScript, and
-- what the engine computes with. Every id and key is compared as bytes (COLLATE "C"): ULIDs then sort by time.
-- There are no foreign keys: a row and what it refers to are always written by the same fenced transaction, and a
-- check per row would cost more than the write.

-- What was chosen once for the whole cluster.
CREATE TABLE cluster (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 4096)
);

-- Who owns which partition. The epoch is the fencing token: it rises at every acquisition and never falls.
CREATE TABLE partitions (
  partition   integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 4095),
  epoch       bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
  owner       text COLLATE "C",
  lease_until bigint,
  CHECK ((owner IS NULL) = (lease_until IS NULL))
-- Renewed every few seconds and a few kilobytes in all: half-empty pages keep every renewal a HOT update.
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Applied definitions: immutable once written.
CREATE TABLE workflows (
  tenant     text COLLATE "C" NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  version    text COLLATE "C" NOT NULL,
  -- As the user wrote it (YAML or JSON).
  definition text NOT NULL,
  -- SHA-256 of the canonical JSON of the parsed definition.
  digest     text COLLATE "C" NOT NULL,
  title      text,
  summary    text,
  created_at bigint NOT NULL,
  PRIMARY KEY (tenant, namespace, name, version)
);

-- One row per run of a workflow. `state` is the whole checkpoint as JSON text: never queried, and text is written
-- half as dear as jsonb.
CREATE TABLE instances (
  id              text COLLATE "C" NOT NULL,
  partition       integer NOT NULL,
  tenant          text COLLATE "C" NOT NULL,
  namespace       text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  version         text COLLATE "C" NOT NULL,
  status          text COLLATE "C" NOT NULL
    CHECK (status IN ('pending', 'running', 'waiting', 'suspended', 'cancelled', 'faulted', 'completed')),
  -- Commits so far: an update names the revision it builds on, so a write on a stale reading is refused.
  revision        bigint NOT NULL CHECK (revision > 0),
  -- Last history sequence number.
  seq             bigint NOT NULL CHECK (seq >= 0),
  state           text NOT NULL,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL,
  ended_at        bigint,
  -- Who started it by `run: workflow`; a detached child reports to nobody.
  parent_id       text COLLATE "C",
  parent_child_id text COLLATE "C",
  detached        boolean NOT NULL DEFAULT false,
  CHECK ((ended_at IS NOT NULL) = (status IN ('cancelled', 'faulted', 'completed')))
-- Rewritten at every transition: room on the page lets the new version stay there (HOT), so no index is touched.
-- Dead versions are many, so vacuum by 5 % instead of 20 %, and without pauses.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE instances ADD PRIMARY KEY (id);
-- The list of one workflow's instances, newest first. Its columns never change, so updates stay HOT.
CREATE INDEX instances_by_workflow ON instances (tenant, namespace, name, id);
-- The reconciler walks what has not ended, partition by partition. Predicate on ended_at rather than status, because
-- a change of a column that any index mentions is no HOT update, and ended_at changes once only.
CREATE INDEX instances_live ON instances (partition, id) WHERE ended_at IS NULL;

-- One instance per idempotency key of a workflow.
CREATE TABLE idempotency (
  partition   integer NOT NULL,
  tenant      text COLLATE "C" NOT NULL,
  namespace   text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  -- SHA-256 of the request: the same key with another request is refused.
  digest      text COLLATE "C" NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  PRIMARY KEY (partition, tenant, namespace, name, key)
);

-- The facts of one commit of one instance. Insert only.
CREATE TABLE history (
  partition   integer NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  first_seq   bigint NOT NULL,
  last_seq    bigint NOT NULL,
  -- JSON array of the facts first_seq … last_seq.
  events      text NOT NULL,
  -- No duplicate; and no gap, because the instance's revision and seq move in the same transaction.
  PRIMARY KEY (instance_id, first_seq),
  CHECK (first_seq > 0 AND last_seq >= first_seq)
-- Insert only: vacuum is wanted for the visibility map and freezing alone, in larger steps.
) WITH (autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.2);

-- Outside work that has no terminal result yet; deleted in the transaction that applies the result.
CREATE TABLE activities (
  partition   integer NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  activity_id text COLLATE "C" NOT NULL,
  attempt     integer NOT NULL CHECK (attempt > 0),
  -- Epoch of the owner that delivered it last: an older one means that the delivery is lost.
  epoch       bigint NOT NULL,
  type        text COLLATE "C" NOT NULL,
  request     text NOT NULL,
  created_at  bigint NOT NULL,
  -- Also finds what an owner has to redeliver when it takes a partition over.
  PRIMARY KEY (partition, instance_id, activity_id)
-- Rows come and go: vacuum early, by count.
) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE timers (
  partition   integer NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  timer_id    text COLLATE "C" NOT NULL,
  fire_at     bigint NOT NULL,
  PRIMARY KEY (partition, instance_id, timer_id)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- The owner reads what is due within its horizon.
CREATE INDEX timers_due ON timers (partition, fire_at);

-- Children that a parent waits for; deleted when they have finished or are cancelled.
CREATE TABLE children (
  partition         integer NOT NULL,
  parent_id         text COLLATE "C" NOT NULL,
  child_id          text COLLATE "C" NOT NULL,
  child_instance_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (partition, parent_id, child_id)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Commands that another transaction left for an instance; deleted by the transaction that applies them.
CREATE TABLE inbox (
  partition   integer NOT NULL,
  -- A ULID of the sender: in order for one sender.
  id          text COLLATE "C" NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  command     text NOT NULL,
  PRIMARY KEY (partition, id)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- The reconciler asks whether anything is on its way to an instance.
CREATE INDEX inbox_by_instance ON inbox (instance_id);

-- CloudEvents: received ones wait for who listens, emitted ones for delivery.
CREATE TABLE events (
  partition   integer NOT NULL,
  id          text COLLATE "C" NOT NULL,
  tenant      text COLLATE "C" NOT NULL,
  direction   text COLLATE "C" NOT NULL CHECK (direction IN ('received', 'emitted')),
  source      text COLLATE "C" NOT NULL,
  event_id    text COLLATE "C" NOT NULL,
  type        text COLLATE "C" NOT NULL,
  event       text NOT NULL,
  instance_id text COLLATE "C",
  at          bigint NOT NULL,
  PRIMARY KEY (partition, id)
);
-- CloudEvents 1.0: source and id together name one event; a sender may repeat it.
CREATE UNIQUE INDEX events_received_once ON events (tenant, source, event_id) WHERE direction = 'received';
