/**
 * Virtual time: what is to happen, ordered by instant and then by the order in which it was asked for.
 *
 * After each happening the microtasks it set off run to their end before the next one, so that nothing depends on the
 * machine: the same happenings give the same order of everything.
 */

interface Happening {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class Loop {
  /** Milliseconds since the simulation began. */
  now = 0;
  happened = 0;
  readonly #heap: Happening[] = [];
  #order = 0;

  /** Calls `run` at this instant, or now if it has passed. Answers the function that cancels it. */
  at(time: number, run: () => void): () => void {
    const happening: Happening = { at: Math.max(time, this.now), order: (this.#order += 1), run };
    this.#push(happening);
    return () => {
      happening.run = undefined;
    };
  }

  /** Runs until `done`, or nothing is left to happen. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        const next = done() ? undefined : this.#next();
        if (next === undefined) return resolve();
        this.now = next.at;
        this.happened += 1;
        try {
          next.run?.();
        } catch (error) {
          return reject(error instanceof Error ? error : new Error(String(error)));
        }
        // An immediate runs when the microtasks of this one are through.
        setImmediate(step);
      };
      setImmediate(step);
    });
  }

  #next(): Happening | undefined {
    for (;;) {
      const next = this.#pop();
      if (next === undefined || next.run !== undefined) return next;
    }
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(happening, heap[parent])) break;
      heap[at] = heap[parent] as Happening;
      at = parent;
    }
    heap[at] = happening;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let least = 2 * at + 1;
      if (least >= heap.length) break;
      if (before(heap[least + 1], heap[least])) least += 1;
      if (!before(heap[least], last)) break;
      heap[at] = heap[least] as Happening;
      at = least;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: Happening | undefined, b: Happening | undefined): boolean {
  if (a === undefined) return false;
  if (b === undefined) return true;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
