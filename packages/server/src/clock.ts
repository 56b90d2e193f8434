/** Time as the server's parts are given it. Tests and the simulator pass their own. */
export interface Clock {
  /** Epoch milliseconds of this machine. Never compared with database time. */
  now(): number;
  /** Milliseconds since an arbitrary instant; never goes back. */
  monotonic(): number;
  /** Calls `run` once, `ms` from now (0: after what is running now). Answers the function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` once what has already arrived has been taken in: the owner gathers a batch this way. */
  defer(run: () => void): void;
}

/** Longest delay that a Node timer takes (2^31 - 1 ms). */
const LONGEST = 2_147_483_647;

/** The machine's own clock. Its timers don't keep the process alive by themselves when `unref` is set. */
export function systemClock(options: { readonly unref?: boolean } = {}): Clock {
  return Object.freeze({
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST));
      if (options.unref === true) timer.unref();
      return () => clearTimeout(timer);
    },
    defer: (run: () => void) => {
      setImmediate(run);
    },
  });
}
