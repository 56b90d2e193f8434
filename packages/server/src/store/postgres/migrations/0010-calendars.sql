-- Days on which schedules start nothing, by name. The change counts through all calendars, in the order of the commits (who
-- writes locks the table first): a node that knows all changes up to one reads what came after it.
CREATE SEQUENCE calendar_changes;
CREATE TABLE calendars (
  tenant     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  title      text,
  -- YYYY-MM-DD, YYYY-MM-DD/YYYY-MM-DD or --MM-DD.
  dates      text[] NOT NULL CHECK (cardinality(dates) <= 2000),
  change     bigint NOT NULL DEFAULT nextval('calendar_changes'),
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (tenant, name)
);

-- The calendars that a schedule refers to; null when it refers to none, as most do.
ALTER TABLE schedules ADD COLUMN calendars text[];
-- Who refers to a calendar that is to be deleted. It changes only when a schedule's calendars do.
CREATE INDEX schedules_by_calendar ON schedules USING gin (calendars) WHERE calendars IS NOT NULL;
