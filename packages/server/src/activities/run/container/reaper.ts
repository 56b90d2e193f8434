/** Removes containers with `cleanup: eventually` when their time has come. */
import type { Kept } from "../../kept.ts";
import type { CallServices } from "../../services.ts";
import type { ContainerCli } from "./cli.ts";
import { LABELS } from "./create.ts";

export interface Reaper extends Kept {
  /** Removes the container after so many milliseconds, and now what earlier processes of this server left overdue. */
  later(cli: ContainerCli, id: string, after: number): void;
}

/** What a timer can wait, about 24 days. What is to stay longer is found when it is overdue. */
const LONGEST_TIMER = 2_147_483_647;

export function openReaper({ clock }: CallServices): Reaper {
  const cancels = new Set<() => void>();
  const working = new Set<Promise<unknown>>();
  let looked = false;
  const start = (work: Promise<unknown>): void => {
    // Nobody waits for it; what stays is found by the next look-around.
    const done = work.catch(() => undefined).finally(() => working.delete(done));
    working.add(done);
  };
  return {
    later(cli, id, after) {
      if (after <= LONGEST_TIMER) {
        const cancel = clock.after(after, () => {
          cancels.delete(cancel);
          start(cli.run(["rm", "--force", id]));
        });
        cancels.add(cancel);
      }
      if (looked) return;
      looked = true;
      start(removeOverdue(cli, clock.now()));
    },
    async close() {
      for (const cancel of cancels) cancel();
      await Promise.all(working);
    },
  };
}

async function removeOverdue(cli: ContainerCli, now: number): Promise<void> {
  const found = await cli.ask(["ps", "--all", "--quiet", "--filter", `label=${LABELS.keep}`]);
  for (const id of found.split(/\s+/).filter((each) => each !== "")) {
    const format = `{{.State.Status}} {{json .State.FinishedAt}} {{index .Config.Labels "${LABELS.keep}"}}`;
    const { code, stdout } = await cli.run(["inspect", "--format", format, id]);
    const [status, finished = '""', keep] = stdout.trim().split(" ");
    const due = Date.parse(JSON.parse(code === 0 ? finished : '""') as string) + Number(keep);
    if (status === "exited" && due <= now) await cli.run(["rm", "--force", id]);
  }
}
