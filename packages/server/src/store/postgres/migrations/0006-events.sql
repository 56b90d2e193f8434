-- Events that reach who waits for them. What has to hold: every event of a bucket reaches every target that waits in it
-- exactly once, also when the event and the wait come at the same moment; and nothing is ever looked for in all that waits.
--
-- A *bucket* is the 64-bit hash of (tenant, filter, values of the correlation keys): src/events/buckets.ts. An event is put
-- into its buckets when it is received (event_keys keeps it there for the waits to come, event_queue until it is matched), a
-- wait is a row of event_subscriptions for each bucket. Two services bring them together, both in transactions fenced by an
-- epoch:
--
--   match_events  (owner of the event's partition)   new event   → targets that wait
--   look_events   (owner of the target's partition)  new wait    → events that are kept
--
-- Why none is missed. A row of event_looks stands from the commit of the wait until its look is over. A match first locks the
-- looks of all it finds in the bucket, then reads again. Then for each wait, (1) it is not there: so it is committed later
-- than the event, and its look sees the event; (2) it is there with its look, not before the event: the look had not begun,
-- because it would hold the lock; so it will begin after the event was committed, and see it; (3) it is there without:
-- delivered here. Why none comes twice: the mark, event_deliveries, is unique by target and event, and the mail to the target
-- is written with it or not at all.
--
-- Nothing deadlocks: all wait for locks of looks, in order of their key, and then for marks, in order of theirs; an owner's
-- commit too.

-- An event's number: in the order of receipt for those of one sender that awaits the answers.
ALTER TABLE events ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1);
-- What the mail of a delivery reads.
CREATE UNIQUE INDEX events_by_seq ON events (seq);

-- Every filter that an applied definition or a schedule has; the same one twice is one.
CREATE TABLE event_filters (
  tenant     text COLLATE "C" NOT NULL,
  -- Its 64-bit hash: 16 hexadecimal digits.
  filter     text COLLATE "C" NOT NULL,
  -- Set when an event must have just this type, or source.
  type       text COLLATE "C",
  source     text COLLATE "C",
  definition text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (tenant, filter)
);
-- Which filters an event may pass: those of its type and those without.
CREATE INDEX event_filters_by_type ON event_filters (tenant, type);

-- Events by bucket, for waits to come; pruned after the keep time.
CREATE TABLE event_keys (
  bucket bigint NOT NULL,
  -- When it was received, as in events.
  at     bigint NOT NULL,
  seq    bigint NOT NULL,
  -- A look reads one bucket from an instant on.
  PRIMARY KEY (bucket, at, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- Pruning. Many have the same instant, so the index is small.
CREATE INDEX event_keys_by_age ON event_keys (at);

-- Events not matched yet, by bucket.
CREATE TABLE event_queue (
  partition integer NOT NULL,
  seq       bigint NOT NULL,
  bucket    bigint NOT NULL,
  at        bigint NOT NULL,
  -- The targets up to this one have it: a bucket where many wait is done in stretches.
  after     text COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (partition, seq, bucket)
) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);

-- Who waits in which bucket. Written by the target's owner alone.
CREATE TABLE event_subscriptions (
  partition       integer NOT NULL,
  target_id       text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  kind            text COLLATE "C" NOT NULL CHECK (kind IN ('instance', 'schedule')),
  bucket          bigint NOT NULL,
  -- Events received before this instant are not meant.
  since           bigint NOT NULL,
  -- Also tells the reconciler that the instance waits.
  PRIMARY KEY (target_id, subscription_id, bucket)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- The match: who waits, in the order in which a bucket where many wait is gone through.
CREATE INDEX event_subscriptions_by_bucket ON event_subscriptions (bucket, target_id);

-- Subscriptions whose look at the kept events is not over.
CREATE TABLE event_looks (
  partition       integer NOT NULL,
  target_id       text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  -- How far it has come.
  after_at        bigint NOT NULL DEFAULT 0,
  after_seq       bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (target_id, subscription_id)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);
-- The owner of a partition finds what is to be looked for.
CREATE INDEX event_looks_by_partition ON event_looks (partition);

-- Marks: this event is on its way to the target, or was consumed by it. Pruned when neither a look nor a match can find the
-- event any more.
CREATE TABLE event_deliveries (
  target_id text COLLATE "C" NOT NULL,
  seq       bigint NOT NULL,
  at        bigint NOT NULL,
  partition integer NOT NULL,
  kind      text COLLATE "C" NOT NULL,
  -- Once.
  PRIMARY KEY (target_id, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX event_deliveries_by_age ON event_deliveries (at);

-- The time part of a ULID: 48 bits of milliseconds as ten characters of Crockford's base 32.
CREATE FUNCTION ulid_time(ms bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  digits CONSTANT text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  made text := '';
BEGIN
  FOR place IN 0 .. 9 LOOP
    made := substr(digits, ((ms >> (5 * place)) & 31)::integer + 1, 1) || made;
  END LOOP;
  RETURN made;
END $$;

-- Id of the mail that brings an event: in order of time among all mails, in order of the events among its like.
CREATE FUNCTION mail_id(made text, seq bigint, target text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT made || lpad(to_hex(seq), 12, '0') || target $$;
CREATE FUNCTION mail_id(ms bigint, seq bigint, target text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT mail_id(ulid_time(ms), seq, target) $$;

-- The mail as the inbox reads it (owner/effects.ts). Neither part needs escaping: numbers, and JSON.
CREATE FUNCTION event_mail(kind text, seq bigint, event text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN kind = 'schedule' THEN '{"schedule":true,' ELSE '{' END
     || '"command":{"kind":"event.delivered","seq":' || seq || ',"event":' || event || '}}' $$;

-- Matches what is queued for these partitions, in order, at most 64 rows of each at a time.
-- `since_ms`: what `made_ms` was last time: ids of mails rise although the clock may be set back.
CREATE FUNCTION match_events(
  held integer[], epochs bigint[], since_ms bigint,
  OUT done bigint, OUT sent bigint, OUT made_ms bigint, OUT more boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- The rows taken, one place each.
  places tid[]; partitions integer[]; seqs bigint[]; buckets bigint[]; ats bigint[]; froms text[];
  -- The last target of the stretch; NULL when that is all.
  untils text[];
  made text;
BEGIN
  done := 0; sent := 0; made_ms := since_ms; more := false;
  SELECT array_agg(q.place), array_agg(q.partition), array_agg(q.seq), array_agg(q.bucket), array_agg(q.at),
         array_agg(q.after)
    INTO places, partitions, seqs, buckets, ats, froms
    FROM unnest(held) AS h(partition)
    CROSS JOIN LATERAL (
      SELECT e.ctid AS place, e.* FROM event_queue AS e WHERE e.partition = h.partition
      ORDER BY e.seq, e.bucket LIMIT 64) AS q;
  IF places IS NULL THEN RETURN; END IF;
  PERFORM check_epochs(array_agg(h.partition), array_agg(h.epoch))
    FROM unnest(held, epochs) AS h(partition, epoch) WHERE h.partition = ANY (partitions);

  -- Where more wait than a stretch takes, the next rows of the partition wait for the rest. The first stretch is short,
  -- because most buckets hold one target or none.
  SELECT array_agg((
      SELECT s.target_id FROM event_subscriptions AS s WHERE s.bucket = n.bucket AND s.target_id > n.after
      ORDER BY s.target_id OFFSET CASE WHEN n.after = '' THEN 49 ELSE 1999 END LIMIT 1) ORDER BY n.place)
    INTO untils
    FROM unnest(buckets, froms) WITH ORDINALITY AS n(bucket, after, place);
  IF array_remove(untils, NULL) <> '{}' THEN
    more := true;
    WITH rows AS (
      SELECT n.*, count(n.until) OVER (PARTITION BY n.partition ORDER BY n.place
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS unfinished
      FROM unnest(places, partitions, seqs, buckets, ats, froms, untils) WITH ORDINALITY
        AS n(row, partition, seq, bucket, at, after, until, place))
    SELECT array_agg(n.row ORDER BY n.place), array_agg(n.partition ORDER BY n.place), array_agg(n.seq ORDER BY n.place),
           array_agg(n.bucket ORDER BY n.place), array_agg(n.at ORDER BY n.place), array_agg(n.after ORDER BY n.place),
           array_agg(n.until ORDER BY n.place)
      INTO places, partitions, seqs, buckets, ats, froms, untils
      FROM rows AS n WHERE n.unfinished = 0;
  ELSE
    more := cardinality(places) >= 64;
  END IF;

  -- From here on no look of these is under way; one that begins later sees the events.
  PERFORM FROM (
    SELECT l.target_id
    FROM unnest(buckets, froms, untils) AS n(bucket, after, until)
    CROSS JOIN LATERAL (
      SELECT s.target_id, s.subscription_id FROM event_subscriptions AS s
      WHERE s.bucket = n.bucket AND s.target_id > n.after AND s.target_id <= coalesce(n.until, 'a') OFFSET 0) AS s
    CROSS JOIN LATERAL (
      SELECT x.ctid AS place FROM event_looks AS x
      WHERE x.target_id = s.target_id AND x.subscription_id = s.subscription_id OFFSET 0) AS x
    JOIN event_looks AS l ON l.ctid = x.place
    ORDER BY l.target_id, l.subscription_id
    FOR SHARE OF l) AS locked;

  -- After the locks: what a look has sent meanwhile has a smaller id.
  made_ms := greatest(now_ms(), since_ms);
  made := ulid_time(made_ms);
  WITH marked AS (
    INSERT INTO event_deliveries (target_id, seq, at, partition, kind)
    SELECT s.target_id, n.seq, n.at, s.partition, s.kind
    FROM unnest(buckets, seqs, ats, froms, untils) AS n(bucket, seq, at, after, until)
    CROSS JOIN LATERAL (
      SELECT w.target_id, w.partition, w.kind FROM event_subscriptions AS w
      WHERE w.bucket = n.bucket AND w.target_id > n.after AND w.target_id <= coalesce(n.until, 'a') AND w.since <= n.at
        -- A look that has come past the event without seeing it will not come back for it.
        AND NOT EXISTS (
          SELECT FROM event_looks AS l
          WHERE l.target_id = w.target_id AND l.subscription_id = w.subscription_id
            AND (l.after_at, l.after_seq) < (n.at, n.seq)
          OFFSET 0)
      OFFSET 0) AS s
    ORDER BY s.target_id, n.seq
    ON CONFLICT DO NOTHING
    RETURNING target_id, seq, partition, kind
  ), mailed AS (
    INSERT INTO inbox (partition, id, instance_id, command)
    SELECT m.partition, mail_id(made, m.seq, m.target_id), m.target_id, event_mail(m.kind, m.seq, e.event)
    FROM marked AS m
    CROSS JOIN LATERAL (SELECT e.event FROM events AS e WHERE e.seq = m.seq OFFSET 0) AS e
    RETURNING 1
  )
  SELECT count(*) INTO sent FROM mailed;

  DELETE FROM event_queue AS q USING unnest(places, untils) AS n(place, until)
    WHERE q.ctid = n.place AND n.until IS NULL;
  GET DIAGNOSTICS done = ROW_COUNT;
  IF done < cardinality(places) THEN
    UPDATE event_queue AS q SET after = n.until FROM unnest(places, untils) AS n(place, until)
      WHERE q.ctid = n.place AND n.until IS NOT NULL;
  END IF;
END $$;

-- Looks for kept events on behalf of new subscriptions of these partitions, a stretch of each: the next comes when the
-- target has dealt with what it was sent, and mostly wants no more by then.
-- `oldest`: events received before this instant count as gone. `since_ms`: as in match_events.
CREATE FUNCTION look_events(
  held integer[], epochs bigint[], keep bigint, since_ms bigint,
  OUT done bigint, OUT sent bigint, OUT made_ms bigint, OUT more boolean, OUT unfinished boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  stretch CONSTANT integer := 64;
  partitions integer[]; targets text[]; subscriptions text[]; after_ats bigint[]; after_seqs bigint[];
  found_ats bigint[]; found_seqs bigint[]; founds integer[];
  made text;
  oldest CONSTANT bigint := now_ms() - keep;
BEGIN
  done := 0; sent := 0; made_ms := since_ms; more := false; unfinished := false;
  SELECT array_agg(l.partition), array_agg(l.target_id), array_agg(l.subscription_id), array_agg(l.after_at),
         array_agg(l.after_seq)
    INTO partitions, targets, subscriptions, after_ats, after_seqs
    FROM (SELECT * FROM event_looks AS n WHERE n.partition = ANY (held)
            AND (n.after_at = 0 OR NOT EXISTS (SELECT FROM inbox AS i WHERE i.instance_id = n.target_id OFFSET 0))
          ORDER BY n.target_id, n.subscription_id LIMIT 250 FOR UPDATE) AS l;
  IF targets IS NULL THEN
    unfinished := EXISTS (SELECT FROM event_looks AS l WHERE l.partition = ANY (held));
    RETURN;
  END IF;
  PERFORM check_epochs(array_agg(h.partition), array_agg(h.epoch))
    FROM unnest(held, epochs) AS h(partition, epoch) WHERE h.partition = ANY (partitions);

  -- A new snapshot, with the locks held: what it does not see will be matched after this has ended.
  made_ms := greatest(now_ms(), since_ms);
  made := ulid_time(made_ms);
  WITH kept AS MATERIALIZED (
    SELECT n.place, n.target_id, n.partition, k.*
    FROM unnest(partitions, targets, subscriptions, after_ats, after_seqs) WITH ORDINALITY
      AS n(partition, target_id, subscription_id, after_at, after_seq, place)
    CROSS JOIN LATERAL (
      SELECT DISTINCT k.at, k.seq, s.kind FROM event_subscriptions AS s
      CROSS JOIN LATERAL (SELECT greatest(s.since, oldest) AS first) AS f
      CROSS JOIN LATERAL (
        SELECT e.at, e.seq FROM event_keys AS e
        WHERE e.bucket = s.bucket
          AND (e.at, e.seq) > (greatest(n.after_at, f.first), CASE WHEN n.after_at >= f.first THEN n.after_seq ELSE -1 END)
        ORDER BY e.at, e.seq LIMIT stretch) AS k
      WHERE s.target_id = n.target_id AND s.subscription_id = n.subscription_id
      ORDER BY k.at, k.seq LIMIT stretch) AS k
  ), marked AS (
    INSERT INTO event_deliveries (target_id, seq, at, partition, kind)
    SELECT k.target_id, k.seq, k.at, k.partition, k.kind FROM kept AS k ORDER BY k.target_id, k.seq
    ON CONFLICT DO NOTHING
    RETURNING target_id, seq, partition, kind
  ), mailed AS (
    INSERT INTO inbox (partition, id, instance_id, command)
    SELECT m.partition, mail_id(made, m.seq, m.target_id), m.target_id, event_mail(m.kind, m.seq, e.event)
    FROM marked AS m
    CROSS JOIN LATERAL (SELECT e.event FROM events AS e WHERE e.seq = m.seq OFFSET 0) AS e
    RETURNING 1
  ), reached AS (
    SELECT k.place, count(*) AS found, max(k.at) AS at,
           (array_agg(k.seq ORDER BY k.at DESC, k.seq DESC))[1] AS seq
    FROM kept AS k GROUP BY k.place
  ), stopped AS (
    SELECT r.place, r.at, r.seq FROM reached AS r WHERE r.found = stretch
  )
  SELECT (SELECT count(*) FROM mailed), array_agg(u.place::integer), array_agg(u.at), array_agg(u.seq)
    INTO sent, founds, found_ats, found_seqs FROM stopped AS u;

  IF founds IS NOT NULL THEN
    UPDATE event_looks AS l SET after_at = n.at, after_seq = n.seq
      FROM (SELECT u.at, u.seq, (SELECT x.ctid FROM event_looks AS x
                                 WHERE x.target_id = targets[u.place] AND x.subscription_id = subscriptions[u.place]) AS found
            FROM unnest(founds, found_ats, found_seqs) AS u(place, at, seq)) AS n
      WHERE l.ctid = n.found;
  END IF;
  DELETE FROM event_looks AS l
    USING (SELECT (SELECT x.ctid FROM event_looks AS x
                   WHERE x.target_id = t.target_id AND x.subscription_id = t.subscription_id) AS found
           FROM unnest(targets, subscriptions) WITH ORDINALITY AS t(target_id, subscription_id, place)
           WHERE founds IS NULL OR t.place <> ALL (founds)) AS n
    WHERE l.ctid = n.found;
  GET DIAGNOSTICS done = ROW_COUNT;
  more := cardinality(targets) = 250;
  unfinished := EXISTS (SELECT FROM event_looks AS l WHERE l.partition = ANY (held));
END $$;
