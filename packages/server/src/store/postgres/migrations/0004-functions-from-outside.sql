-- What a version takes from outside (functions by URL and from catalogs, schemas), as fetched when it was applied: a JSON
-- object. NULL for the many that take nothing.
ALTER TABLE workflows ADD COLUMN resources text;

-- The default catalog, as filled through the API. Looked up by its whole key when a workflow is applied.
CREATE TABLE functions (
  tenant     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  version    text COLLATE "C" NOT NULL,
  definition text NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (tenant, name, version)
);
