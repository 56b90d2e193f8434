/**
 * Reads a stored state of any version ever released.
 *
 * Raising STATE_VERSION takes a step here, and a folder `test/states/v<version>` with the states of the new version
 * (`node packages/engine/test/states/write.ts`). The folders of earlier versions stay as they are; a test goes on from every
 * state in them.
 */
import { type State, STATE_VERSION } from "./state.ts";

type Stored = { readonly v: number };
/** From version *n* to *n* + 1, at index *n* − 1. */
const STEPS: readonly ((state: Stored) => Stored)[] = [];

/** @throws {Error} when the state is of a version this program does not know (written by a newer one) */
export function loadState(stored: unknown): State {
  let state = stored as Stored;
  for (let v = state.v; v < STATE_VERSION; v += 1) state = STEPS[v - 1]?.(state) ?? state;
  if (state.v !== STATE_VERSION)
    throw new Error(
      `state of version ${state.v}: this program knows versions up to ${STATE_VERSION}`,
    );
  return state as State;
}
