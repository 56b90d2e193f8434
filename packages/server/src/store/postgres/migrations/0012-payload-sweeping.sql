-- What deletes payloads. The rules that make it safe:
--
-- (1) Who deletes a row of payloads locks it first and looks for references afterwards, in a statement of its own. A reference
--     is written under a lock of the row it is to, so it is either seen, or comes when the row is gone and is refused.
-- (2) A reference is written in the transaction that writes what it stands for, and one that is there already is written again
--     (`at` rises). So who has found, in one snapshot, that nothing of a holder mentions a payload may delete the reference as
--     long as its `at` is what it was in that snapshot: a transaction that mentions it anew has locked it, changed it, or finds
--     it gone and writes another.
-- (3) A blob of a store is deleted when its leftover is `sweeping`, and such a leftover is lost to its upload: an upload ends by
--     deleting its leftover while it is not sweeping, in the transaction that enters the blob, or comes to nothing.

-- Deletes those of these rows, locked by the caller, that nothing refers to. What they hold in stores is left over, due after
-- `delay` milliseconds, for readers that are at it.
CREATE FUNCTION delete_payloads(places tid[], delay bigint)
RETURNS TABLE (tenant text, digest bytea, size bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH gone AS (
      DELETE FROM payloads AS p
      WHERE p.ctid = ANY (places)
        AND NOT EXISTS (SELECT FROM payload_refs AS r WHERE r.tenant = p.tenant AND r.digest = p.digest)
      RETURNING p.*
    ), left_over AS (
      INSERT INTO payload_leftovers (store, location, due_at)
      SELECT store, location, now_ms() + delay FROM gone WHERE store IS NOT NULL
      UNION ALL
      SELECT mirror, mirror_location, now_ms() + delay FROM gone WHERE mirror IS NOT NULL
    )
    SELECT g.tenant, g.digest, g.size FROM gone AS g;
END $$;

-- Locks, of these payloads, those that nobody keeps and that were not touched for `grace`.
CREATE FUNCTION lock_untouched_payloads(tenants text[], digests bytea[], grace bigint) RETURNS tid[]
LANGUAGE sql VOLATILE AS $$
  SELECT ARRAY(
    SELECT p.ctid FROM unnest(tenants, digests) AS n(tenant, digest)
    JOIN payloads AS p ON p.tenant = n.tenant AND p.digest = n.digest
    WHERE NOT p.kept AND p.touched_at <= now_ms() - grace
    ORDER BY p.tenant, p.digest
    FOR UPDATE OF p SKIP LOCKED)
$$;

-- Deletes those of them that nothing refers to.
CREATE FUNCTION sweep_payloads(tenants text[], digests bytea[], grace bigint, delay bigint)
RETURNS TABLE (tenant text, digest bytea, size bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  places CONSTANT tid[] := lock_untouched_payloads(tenants, digests, grace);
BEGIN
  RETURN QUERY SELECT * FROM delete_payloads(places, delay);
END $$;

-- The digests that anything of an instance mentions: of what the engine has written since it has values stored, nothing else
-- holds the member "$refs".
CREATE FUNCTION payload_mentions(place integer, instance text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT DISTINCT found[1]
  FROM (
    SELECT state FROM instances WHERE id = instance
    UNION ALL SELECT activities FROM instances WHERE id = instance
    UNION ALL SELECT facts FROM instances WHERE id = instance
    UNION ALL SELECT state FROM finished WHERE id = instance
    UNION ALL SELECT facts FROM finished WHERE id = instance
    UNION ALL SELECT events FROM history WHERE instance_id = instance
    UNION ALL SELECT command FROM inbox WHERE instance_id = instance
    UNION ALL SELECT request FROM activities WHERE partition = place AND instance_id = instance
    UNION ALL SELECT state FROM schedules WHERE id = instance
  ) AS texts(text)
  CROSS JOIN LATERAL regexp_matches(text, '"([0-9a-f]{64})[\\"]', 'g') AS found
  WHERE strpos(text, '$refs') > 0
$$;
