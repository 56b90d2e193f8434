-- Large values of events stand among the payloads (see payloads/spill.ts): the event's text has "$refs", and its row refers to
-- them (payload_refs, by the row's id). The mail that is made of it has the same text; so whoever it is for refers to them too,
-- from the same transaction on: the mail may outlive the event.
ALTER TABLE events ADD COLUMN refs boolean NOT NULL DEFAULT false;
-- Mostly empty: what it costs when no event has large values.
CREATE INDEX events_with_refs ON events (seq) WHERE refs;

-- As in 0006-events.sql, with the references of who gets mail. They come after the marks, in order, as in an owner's commit.
CREATE OR REPLACE FUNCTION match_events(
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
  ), referred AS (
    INSERT INTO payload_refs (holder, tenant, digest, kind)
    SELECT DISTINCT m.target_id, r.tenant, r.digest, 'instance'
    FROM marked AS m
    CROSS JOIN LATERAL (SELECT e.id FROM events AS e WHERE e.seq = m.seq AND e.refs OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT p.tenant, p.digest FROM payload_refs AS p WHERE p.holder = e.id OFFSET 0) AS r
    WHERE (SELECT EXISTS (SELECT FROM events AS x WHERE x.refs))
    ORDER BY m.target_id, r.digest
    ON CONFLICT (holder, digest) DO UPDATE SET at = greatest(excluded.at, payload_refs.at + 1)
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

CREATE OR REPLACE FUNCTION look_events(
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
  ), referred AS (
    INSERT INTO payload_refs (holder, tenant, digest, kind)
    SELECT DISTINCT m.target_id, r.tenant, r.digest, 'instance'
    FROM marked AS m
    CROSS JOIN LATERAL (SELECT e.id FROM events AS e WHERE e.seq = m.seq AND e.refs OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT p.tenant, p.digest FROM payload_refs AS p WHERE p.holder = e.id OFFSET 0) AS r
    WHERE (SELECT EXISTS (SELECT FROM events AS x WHERE x.refs))
    ORDER BY m.target_id, r.digest
    ON CONFLICT (holder, digest) DO UPDATE SET at = greatest(excluded.at, payload_refs.at + 1)
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
