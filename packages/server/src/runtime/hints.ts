/** The next thing to try with a faulted instance, by its error (DSL reference "Standard Error Types"). */
import type { WorkflowError } from "@millrace/engine";

export interface Circumstances {
  /** A retry has something to go on from. */
  readonly retryable: boolean;
  /** A retry has to name the task it goes on from. */
  readonly named: boolean;
  /** Another instance started it, and has gone on. */
  readonly child: boolean;
}

export function nextStep(id: string, error: WorkflowError, about: Circumstances): string {
  const retry = about.named ? `millrace retry ${id} --from TASK` : `millrace retry ${id}`;
  const anew =
    "Correct the definition, apply it with a higher version, and start a new instance: a version never changes.";
  const advice = adviceFor(error, retry, id, anew);
  const told = about.retryable
    ? advice
    : `${causeOf(advice)} Nothing was kept that a retry could go on from: start a new instance.`;
  return about.child ? `${told} Its parent has been told of the fault and has gone on.` : told;
}

function adviceFor(
  { type, status }: WorkflowError,
  retry: string,
  id: string,
  anew: string,
): string {
  switch (type.split("/").at(-1)) {
    case "timeout":
      return `It took longer than it may. Once what it waited for answers in time, \`${retry}\` begins its timeouts anew.`;
    case "communication":
      return communication(status, retry, id);
    case "authentication":
      return `The other side does not know the credentials. Set the secret they come from (\`millrace secret set NAME\`), then \`${retry}\`.`;
    case "authorization":
      return `The credentials are not allowed to do this. Have them allowed, or set others (\`millrace secret set NAME\`), then \`${retry}\`.`;
    case "expression":
      return `An expression failed on its data. If the data are at fault: \`millrace retry ${id} --from TASK --input JSON\`. ${anew}`;
    case "validation":
      return `Data do not match their schema. With data that do: \`millrace retry ${id} --from TASK --input JSON\`. ${anew}`;
    case "configuration":
      return `Something it needs is missing or not set up, as the error says. Provide it, then \`${retry}\`.`;
    case "runtime":
      return `It met a limit or a fault of the server, as the error says. Once that is gone, \`${retry}\`. Otherwise: ${anew}`;
    default:
      return `The workflow raised it. Once its cause is gone, \`${retry}\` tries again; \`--from TASK\` begins with another task.`;
  }
}

function communication(status: number, retry: string, id: string): string {
  if (status === 401 || status === 403)
    return `The other side answered ${status}: it refuses the credentials. Set the secret they come from (\`millrace secret set NAME\`), then \`${retry}\`.`;
  if (status === 429)
    return `The other side answered 429: too many requests. Wait, then \`${retry}\`.`;
  if (status >= 400 && status < 500)
    return `The other side answered ${status}: it refuses this very request. With another input: \`millrace retry ${id} --input JSON\`; from an earlier task: \`--from TASK\`.`;
  return `The other side answered ${status} or could not be reached. Once it is well again, \`${retry}\`.`;
}

/** The first sentence. */
function causeOf(advice: string): string {
  return advice.slice(0, advice.indexOf(". ") + 1);
}
