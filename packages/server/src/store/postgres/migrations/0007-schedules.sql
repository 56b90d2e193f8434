-- Schedules. When one is due next stands in a table of its own, below.
CREATE TABLE schedules (
  partition  integer NOT NULL,
  -- Follows from tenant and name, so that no other index has to keep names apart.
  id         text COLLATE "C" NOT NULL,
  tenant     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  workflow   text COLLATE "C" NOT NULL,
  -- Commits so far: an update names the revision it builds on.
  revision   bigint NOT NULL CHECK (revision > 0),
  paused     boolean NOT NULL,
  -- The time of its row in schedule_timers, if it has one.
  wake_at    bigint,
  -- The whole schedule as JSON text.
  state      text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (id)
-- Rewritten at every firing: room for the next version on the page, so that no index is touched (HOT).
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
-- The list, by name. Neither column ever changes.
CREATE INDEX schedules_by_name ON schedules (tenant, name);
-- The schedules of a workflow, which one page of the list asks for.
CREATE INDEX schedules_by_workflow ON schedules (tenant, namespace, workflow, name);

-- When schedules are due: to their owner, timers like all others. Rows of millions of schedules, one of which fires now and
-- then, would be written all over `timers` and its primary key: each firing would touch pages that no other touches before
-- the next checkpoint, and PostgreSQL logs the whole of such a page. Here everything is in order of time: what fires next
-- stands together, and where it goes to stands together as well.
CREATE TABLE schedule_timers (
  partition   integer NOT NULL,
  fire_at     bigint NOT NULL,
  schedule_id text COLLATE "C" NOT NULL,
  -- There is one row for a schedule, because whoever writes it knows the time of the one before (schedules.wake_at).
  PRIMARY KEY (partition, fire_at, schedule_id)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- What became of each time: started, or why not.
CREATE TABLE schedule_decisions (
  partition   integer NOT NULL,
  schedule_id text COLLATE "C" NOT NULL,
  nominal     bigint NOT NULL,
  -- Empty for a time of the schedule; tells triggers and events apart.
  key         text COLLATE "C" NOT NULL,
  origin      text COLLATE "C" NOT NULL CHECK (origin IN ('time', 'trigger', 'backfill', 'event')),
  -- Of times in a row with the same reason: the last, and their number.
  until       bigint,
  count       integer,
  outcome     text COLLATE "C" NOT NULL CHECK (outcome IN ('started', 'skipped')),
  reason      text COLLATE "C",
  instance_id text COLLATE "C",
  detail      text,
  at          bigint NOT NULL,
  -- Also the history of one schedule, newest first.
  PRIMARY KEY (schedule_id, nominal, key),
  CHECK ((outcome = 'started') = (instance_id IS NOT NULL)),
  CHECK ((outcome = 'skipped') = (reason IS NOT NULL))
);
-- A trigger that is repeated with its key meets what the first one started.
CREATE INDEX schedule_decisions_by_key ON schedule_decisions (schedule_id, key) WHERE key <> '';
-- What is older than the retention goes; decisions are made in the order of `at`, so a few pages say where those are.
CREATE INDEX schedule_decisions_by_age ON schedule_decisions USING brin (at) WITH (autosummarize = on);
