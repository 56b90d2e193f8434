-- Database time in epoch milliseconds.
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- The fence. A transaction of an owner proves that it still holds every partition it writes, and keeps each from being
-- taken over until it has ended: shared advisory locks here, exclusive ones in acquire_partitions. Row locks would
-- do the same, but each writes its page and two owners' transactions in flight would spend a MultiXact per partition
-- and batch. 64 locks at most, whatever the number of partitions, so the lock table never fills.
-- Volatile PL/pgSQL: the check takes its snapshot after the locks are held.
CREATE FUNCTION check_epochs(held integer[], epochs bigint[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  stale integer;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1836412513, slot)
    FROM (SELECT DISTINCT h & 63 AS slot FROM unnest(held) AS h ORDER BY 1) AS slots;
  SELECT h.partition INTO stale
    FROM unnest(held, epochs) AS h(partition, epoch)
    LEFT JOIN partitions AS p USING (partition)
    WHERE p.epoch IS DISTINCT FROM h.epoch
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'partition % has another owner', stale USING ERRCODE = 'MR001';
  END IF;
  RETURN true;
END $$;

-- Takes partitions that are free, expired, or this node's already; any at all when seizing. Waits for the
-- transactions of the owner before, which then have either ended or will be refused.
CREATE FUNCTION acquire_partitions(node text, wanted integer[], ttl_ms bigint, seize boolean)
RETURNS TABLE (partition integer, epoch bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- Chosen once: only what is locked may be taken.
  free integer[] := ARRAY(
    SELECT p.partition FROM partitions AS p
    WHERE p.partition = ANY (wanted)
      AND (seize OR p.owner IS NULL OR p.owner = node OR p.lease_until < now_ms()));
BEGIN
  PERFORM pg_advisory_xact_lock(1836412513, slot)
    FROM (SELECT DISTINCT f & 63 AS slot FROM unnest(free) AS f ORDER BY 1) AS slots;
  RETURN QUERY
    UPDATE partitions AS p
    SET epoch = p.epoch + 1, owner = node, lease_until = now_ms() + ttl_ms
    WHERE p.partition = ANY (free)
      AND (seize OR p.owner IS NULL OR p.owner = node OR p.lease_until < now_ms())
    RETURNING p.partition, p.epoch;
END $$;

-- Aborts when an update met fewer rows than it should: what it built on was stale.
CREATE FUNCTION expect_rows(actual bigint, expected bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF actual <> expected THEN
    RAISE EXCEPTION 'wrote % of % instances', actual, expected USING ERRCODE = 'MR003';
  END IF;
  RETURN true;
END $$;

-- Aborts when a timer was taken up before its time by this database's clock.
CREATE FUNCTION expect_due(latest bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF latest > now_ms() THEN
    RAISE EXCEPTION 'a timer due at % fired at %', latest, now_ms() USING ERRCODE = 'MR002';
  END IF;
  RETURN true;
END $$;
