-- Secrets: what the tenants' workflows use and nobody may read here. A database alone, or its backup, gives nothing away:
-- values are sealed with the tenant's data key, data keys are wrapped with the operator's master key, which is not here.

CREATE TABLE data_keys (
  tenant      text   NOT NULL,
  -- 1, 2, 3 …: the highest one seals, the others are read until a rotation has sealed everything anew.
  id          int    NOT NULL CHECK (id > 0),
  master_key  text   NOT NULL,
  -- AES-256-GCM: nonce 12, key 32, tag 16.
  wrapped     bytea  NOT NULL CHECK (octet_length(wrapped) = 60),
  created_at  bigint NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE secrets (
  tenant      text   NOT NULL,
  -- In code-point order, so that pages follow each other in the same order everywhere.
  name        text   NOT NULL COLLATE "C" CHECK (length(name) BETWEEN 1 AND 128),
  -- 1 at first, one more each time the value is set.
  version     int    NOT NULL CHECK (version > 0),
  data_key    int    NOT NULL,
  sealed      bytea  NOT NULL,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL,
  PRIMARY KEY (tenant, name),
  -- A key that still seals something cannot be dropped. (No index: keys are few and are dropped by hand.)
  FOREIGN KEY (tenant, data_key) REFERENCES data_keys (tenant, id)
);
