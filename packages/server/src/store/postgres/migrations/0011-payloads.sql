-- Immutable values by the SHA-256 of their bytes: what users put at /messages and /v1/payloads, and the large values of
-- instances and events. This table is the catalogue of all of them; small ones stand here whole, large ones under
-- `location` in one of the configured stores.
CREATE TABLE payloads (
  tenant     text COLLATE "C" NOT NULL,
  digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
  size       bigint NOT NULL CHECK (size >= 0),
  media_type text NOT NULL,
  body       bytea,
  -- Name of the store, and the key there. A key is made for one upload and never used again, so what deletes an old upload
  -- cannot meet a new one of the same bytes.
  store      text COLLATE "C",
  location   text COLLATE "C",
  -- The same in a second store, where one is configured.
  mirror          text COLLATE "C",
  mirror_location text COLLATE "C",
  -- A user put it, and has not deleted it; until `expires_at`, where there is one.
  kept       boolean NOT NULL,
  expires_at bigint,
  created_at bigint NOT NULL,
  -- The last time it was put, by a user or by the engine.
  touched_at bigint NOT NULL,
  PRIMARY KEY (tenant, digest),
  CHECK ((body IS NULL) = (location IS NOT NULL) AND (store IS NULL) = (location IS NULL)),
  CHECK ((mirror IS NULL) = (mirror_location IS NULL))
-- Messages come and go: vacuum early, by count.
) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- The sweeper's: what nobody keeps, gone through in this order, some rows at a time; and what expires.
CREATE INDEX payloads_not_kept ON payloads (touched_at, tenant, digest) WHERE NOT kept;
CREATE INDEX payloads_expiring ON payloads (expires_at) WHERE kept AND expires_at IS NOT NULL;
-- Whether a blob that a store lists is known here. Unique: a key is made for one upload.
CREATE UNIQUE INDEX payloads_by_location ON payloads (store, location) WHERE location IS NOT NULL;
CREATE UNIQUE INDEX payloads_by_mirror ON payloads (mirror, mirror_location) WHERE mirror_location IS NOT NULL;

-- Who refers to a payload: an instance, an event or a checkpoint, by id. Written in the transaction that writes the
-- reference itself.
CREATE TABLE payload_refs (
  holder    text COLLATE "C" NOT NULL,
  tenant    text COLLATE "C" NOT NULL,
  digest    bytea NOT NULL,
  kind      text COLLATE "C" NOT NULL CHECK (kind IN ('instance', 'event', 'checkpoint')),
  -- Rises each time that a transaction writes a reference which is there already.
  at        bigint NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (holder, digest)
);
CREATE INDEX payload_refs_of ON payload_refs (tenant, digest);

-- It is impossible to delete a payload that something refers to, or to refer to one that is gone. What follows does what a
-- foreign key would (REFERENCES payloads, under the same locks), but once for a statement instead of for each row: a foreign
-- key takes 12 of the 20 microseconds that it takes to delete a message.
CREATE FUNCTION expect_payloads() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found_rows bigint;
BEGIN
  -- Who deletes one of them waits for this transaction; one that is being deleted is waited for, and then is not there.
  PERFORM FROM (SELECT tenant, digest FROM added ORDER BY tenant, digest) AS a
  JOIN payloads AS p ON p.tenant = a.tenant AND p.digest = a.digest
  FOR KEY SHARE OF p;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows < (SELECT count(*) FROM added) THEN
    RAISE EXCEPTION 'a payload that is referred to is not there' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payload_refs_added AFTER INSERT ON payload_refs REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION expect_payloads();

CREATE FUNCTION expect_no_refs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The rows are locked. A reference that was committed while they were waited for is seen by this query, but under READ
  -- COMMITTED alone.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'payloads are deleted under READ COMMITTED only' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF EXISTS (SELECT FROM gone AS g JOIN payload_refs AS r ON r.tenant = g.tenant AND r.digest = g.digest) THEN
    RAISE EXCEPTION 'a payload is referred to' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payloads_deleted AFTER DELETE ON payloads REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION expect_no_refs();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed like that', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
END $$;
CREATE TRIGGER payloads_renamed BEFORE UPDATE OF tenant, digest ON payloads
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payloads_truncated BEFORE TRUNCATE ON payloads
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payload_refs_renamed BEFORE UPDATE OF tenant, digest ON payload_refs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- When the sweeper looked at the references of an instance last.
CREATE TABLE payload_marks (
  holder    text COLLATE "C" PRIMARY KEY,
  marked_at bigint NOT NULL,
  -- Of the instance, as it was then; NULL when there was none.
  revision  bigint,
  -- Nothing was on its way to it: until its revision is another, or a reference is newer, there is nothing to find.
  settled   boolean NOT NULL
);
-- What one server does for all now and then: when one did last.
CREATE TABLE payload_rounds (
  name     text COLLATE "C" PRIMARY KEY,
  began_at bigint NOT NULL
);

-- What is to be deleted in a store: written by the transaction that deletes the row, or before an upload begins, so that no
-- crash leaves bytes that nothing knows of.
CREATE TABLE payload_leftovers (
  store    text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  -- Not before: an upload that is under way is left alone.
  due_at   bigint NOT NULL,
  -- The blob is being deleted: no upload may end with it, or put it off, any more.
  sweeping boolean NOT NULL DEFAULT false,
  PRIMARY KEY (store, location)
);
CREATE INDEX payload_leftovers_due ON payload_leftovers (due_at);

-- Ids of this database and of the folder that its payloads are in: the folder holds both, so that a server notices when it is
-- given another folder, or another database.
CREATE TABLE payload_stores (
  name text COLLATE "C" PRIMARY KEY,
  id   text NOT NULL
);
INSERT INTO payload_stores (name, id) VALUES ('database', gen_random_uuid()::text);

-- The latest acknowledged checkpoint of each chain of attempts: the deliveries of an activity, and its runs by an
-- enclosing `try`.
CREATE TABLE activity_checkpoints (
  partition   integer NOT NULL,
  instance_id text COLLATE "C" NOT NULL,
  -- The activity's idempotency key.
  chain       text COLLATE "C" NOT NULL,
  tenant      text COLLATE "C" NOT NULL,
  attempt     integer NOT NULL CHECK (attempt > 0),
  -- Rises along the chain.
  number      integer NOT NULL CHECK (number > 0),
  level       text COLLATE "C" NOT NULL CHECK (level IN ('progress', 'data', 'state')),
  -- Of the work that is done, 0 to 100.
  percent     real CHECK (percent BETWEEN 0 AND 100),
  note        text,
  -- JSON, when it is small; else the payload, which `payload_refs` names with the chain as its holder.
  data        text,
  digest      bytea CHECK (octet_length(digest) = 32),
  at          bigint NOT NULL,
  PRIMARY KEY (partition, instance_id, chain)
);
