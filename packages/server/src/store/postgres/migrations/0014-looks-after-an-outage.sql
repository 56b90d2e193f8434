-- What a look finds is fixed when the wait is committed, however late the look comes: all that was received up to the keep time
-- before, and whatever has not been matched. Had it gone by the time of the look, an outage longer than the keep time would lose
-- events that came after the wait (the match had left them to the look), or send newer ones first (the match came later).
ALTER TABLE event_looks ADD COLUMN made_at bigint NOT NULL DEFAULT now_ms();
DROP INDEX event_looks_by_partition;
-- Also the oldest of each partition: what it may find is not pruned.
CREATE INDEX event_looks_by_partition ON event_looks (partition, made_at);

-- When the event was received that has waited longest for its match; NULL when none waits.
CREATE FUNCTION oldest_unmatched() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT min(q.at) FROM partitions AS p
  CROSS JOIN LATERAL (SELECT e.at FROM event_queue AS e WHERE e.partition = p.partition ORDER BY e.seq LIMIT 1) AS q $$;

-- The oldest instant of receipt that a look may find, now or later.
CREATE FUNCTION oldest_kept(keep bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT least(now_ms() - keep, oldest_unmatched(), min(l.made_at) - keep) FROM partitions AS p
  LEFT JOIN LATERAL (SELECT e.made_at FROM event_looks AS e WHERE e.partition = p.partition
                     ORDER BY e.made_at LIMIT 1) AS l ON true $$;

-- As in 0013-events-with-large-values.sql, but for where it begins.
CREATE OR REPLACE FUNCTION look_events(
  held integer[], epochs bigint[], keep bigint, since_ms bigint,
  OUT done bigint, OUT sent bigint, OUT made_ms bigint, OUT more boolean, OUT unfinished boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  stretch CONSTANT integer := 64;
  partitions integer[]; targets text[]; subscriptions text[]; after_ats bigint[]; after_seqs bigint[]; oldests bigint[];
  found_ats bigint[]; found_seqs bigint[]; founds integer[];
  made text;
  unmatched CONSTANT bigint := oldest_unmatched();
BEGIN
  done := 0; sent := 0; made_ms := since_ms; more := false; unfinished := false;
  SELECT array_agg(l.partition), array_agg(l.target_id), array_agg(l.subscription_id), array_agg(l.after_at),
         array_agg(l.after_seq), array_agg(least(now_ms(), l.made_at) - keep)
    INTO partitions, targets, subscriptions, after_ats, after_seqs, oldests
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
    FROM unnest(partitions, targets, subscriptions, after_ats, after_seqs, oldests) WITH ORDINALITY
      AS n(partition, target_id, subscription_id, after_at, after_seq, oldest, place)
    CROSS JOIN LATERAL (
      SELECT DISTINCT k.at, k.seq, s.kind FROM event_subscriptions AS s
      CROSS JOIN LATERAL (SELECT greatest(s.since, least(n.oldest, unmatched)) AS first) AS f
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
