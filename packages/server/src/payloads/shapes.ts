/**
 * What of our records is structure. It is what we read of a record that is not whole, and what changes at every step, while
 * the values in it do not: those are split off one by one.
 */
import { type Shape, STAYS, VALUE } from "./spill.ts";

const MEMBERS: Shape = {};
const SCHEDULE: Shape = { occasion: MEMBERS };
const LINKS: Shape = { parent: MEMBERS, trace: MEMBERS, schedule: SCHEDULE };
const ERROR: Shape = { error: MEMBERS };
/** With the lists of a frame that grow while its task goes on. */
const FRAMES: Shape = {
  "*": { ...ERROR, outputs: MEMBERS, gathered: MEMBERS, queue: { "*": { event: MEMBERS } } },
};
const COMMAND: Shape = { ...LINKS, ...ERROR, result: ERROR, event: MEMBERS };

/** `State` of the engine. */
export const STATE: Shape = {
  ...LINKS,
  ...ERROR,
  frames: FRAMES,
  values: MEMBERS,
  kept: { frames: FRAMES, values: MEMBERS },
  held: { "*": COMMAND },
};

const INPUT: Shape = { "*": STAYS, input: VALUE };
/** `ScheduleState`: all that it is decided by stays. */
export const SCHEDULE_STATE: Shape = {
  "*": STAYS,
  spec: INPUT,
  buffer: { "*": INPUT },
  groups: { "*": { "*": STAYS, events: MEMBERS } },
};

/** `HistoryEvent` of the engine. */
export const FACT: Shape = ERROR;

/** `Mail` of the owner. */
export const MAIL: Shape = { command: COMMAND, workflow: MEMBERS };

/** What an executor is asked. */
export const REQUEST: Shape = { workflow: MEMBERS, trace: MEMBERS, input: MEMBERS };
