-- What leaves: events made here on their way to whoever wants them.

-- Events of the owner's batches (lifecycle, `emit`) and of the server itself (circuit breakers), not yet handed on. A row is
-- written by the transaction that changes the instance and deleted by the one that hands it on.
CREATE TABLE outbox (
  partition   integer NOT NULL,
  -- In order of one instance: its batches follow each other.
  seq         bigint GENERATED ALWAYS AS IDENTITY,
  tenant      text COLLATE "C" NOT NULL,
  -- The instance it is of, and its workflow; NULL for events of the server itself.
  instance_id text COLLATE "C",
  namespace   text COLLATE "C",
  name        text COLLATE "C",
  -- True for what workflows may listen to because it was published, not because somebody asked for its type.
  emitted     boolean NOT NULL,
  event       text NOT NULL,
  PRIMARY KEY (partition, seq)
-- Rows come and go: vacuum early, by count.
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Where events go to or come from: webhooks, and channels of brokers. Few and small: every node keeps them in memory.
CREATE TABLE endpoints (
  -- A ULID that carries the partition whose owner serves it.
  id          text COLLATE "C" NOT NULL PRIMARY KEY,
  partition   integer NOT NULL,
  tenant      text COLLATE "C" NOT NULL,
  kind        text COLLATE "C" NOT NULL CHECK (kind IN ('webhook', 'channel')),
  name        text COLLATE "C" NOT NULL,
  -- JSON as the API takes it, without secrets: those are sealed among the tenant's secrets.
  settings    text NOT NULL,
  -- One more at each change by a user: whoever keeps its secrets in memory reads them anew.
  version     bigint NOT NULL DEFAULT 1,
  -- Why the server turned it off, such as after an answer 410.
  disabled    text,
  -- The circuit: failures in a row, since when, what the last one was, and when the next try is due.
  failures    integer NOT NULL DEFAULT 0,
  failing_since bigint,
  open_until  bigint,
  last_error  text,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL,
  UNIQUE (tenant, kind, name)
) WITH (fillfactor = 70);

-- Events on their way to one endpoint. Events of one key go one after the other, in order of seq.
CREATE TABLE event_outgoing (
  endpoint   text COLLATE "C" NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  -- The instance, else a hash of source and subject.
  key        text COLLATE "C" NOT NULL,
  event      text NOT NULL,
  attempts   integer NOT NULL DEFAULT 0,
  -- The first try, and the time before which there is no other; 0: due.
  first_at   bigint,
  next_at    bigint NOT NULL DEFAULT 0,
  last_error text,
  queued_at  bigint NOT NULL,
  PRIMARY KEY (endpoint, seq)
) WITH (fillfactor = 90, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);
-- What waits for another try, as its new owner reads it when it takes an endpoint over.
CREATE INDEX event_outgoing_waiting ON event_outgoing (endpoint, next_at) WHERE next_at > 0;

-- Events that were given up. They stay until they are replayed, or deleted with their endpoint.
CREATE TABLE dead_letters (
  -- The number it had on its way.
  id         bigint NOT NULL PRIMARY KEY,
  endpoint   text COLLATE "C" NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
  tenant     text COLLATE "C" NOT NULL,
  key        text COLLATE "C" NOT NULL,
  event      text NOT NULL,
  attempts   integer NOT NULL,
  error      text NOT NULL,
  queued_at  bigint NOT NULL,
  dead_at    bigint NOT NULL
);
-- The list of an endpoint's, oldest first.
CREATE INDEX dead_letters_by_endpoint ON dead_letters (endpoint, id);
