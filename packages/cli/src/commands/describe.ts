/** `millrace describe ID` and `millrace describe NAMESPACE/NAME`. */
import type { Instance } from "@millrace/sdk";
import { type Format, isWorkflowName, readWorkflowName } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { faultLines, waitLines } from "../describe-waits.ts";
import { elapsed, instant, plain, print, printJson, valueLines } from "../output.ts";
import { treeLines } from "../run/progress.ts";
import { TaskLog } from "../run/tasks.ts";

export interface DescribeOptions extends ClientOptions {
  readonly version?: string;
  readonly output: Format;
}

export async function describe(what: string, options: DescribeOptions): Promise<void> {
  return isWorkflowName(what) ? describeWorkflow(what, options) : describeInstance(what, options);
}

async function describeWorkflow(what: string, options: DescribeOptions): Promise<void> {
  const { workflows } = connect(options);
  const { version } = options;
  const workflow = { ...readWorkflowName(what), ...(version === undefined ? {} : { version }) };
  if (options.output === "json") return printJson(await workflows.get(workflow));
  print((await workflows.getText(workflow)).trimEnd());
}

async function describeInstance(id: string, options: DescribeOptions): Promise<void> {
  const { instances } = connect(options);
  const instance = await instances.get(id);
  const log = new TaskLog();
  for await (const fact of instances.history(id)) log.add(fact);
  if (options.output === "json") return printJson({ ...instance, tasks: log.tasks });
  print(instanceText(instance, log));
}

function instanceText(instance: Instance, log: TaskLog): string {
  const { id, namespace, name, version, status, createdAt, endedAt, input, output } = instance;
  const { error, parent, fault, waitingFor = [] } = instance;
  const lines: [string, string][] = [
    ["Instance", id],
    ["Workflow", `${namespace}/${name} ${version}`],
    ["Status", status],
    ["Priority", instance.priority],
    ["Created", instant(createdAt)],
  ];
  if (endedAt !== undefined) {
    const took = elapsed(Date.parse(endedAt) - Date.parse(createdAt));
    lines.push(["Ended", `${instant(endedAt)} (after ${took})`]);
  }
  if (parent !== undefined) lines.push(["Parent", parent.instanceId]);
  if (error !== undefined && fault === undefined) lines.push(["Error", describeError(error)]);
  const parts = [lines.map(([label, value]) => `${label.padEnd(10)}${plain(value)}`).join("\n")];
  if (fault !== undefined) parts.push(section("Fault", faultLines(fault)));
  if (waitingFor.length > 0) parts.push(section("Waiting for", waitLines(waitingFor, Date.now())));
  parts.push(section("Input", valueLines(input)));
  if (output !== undefined) parts.push(section("Output", valueLines(output)));
  if (log.tasks.length > 0) parts.push(section("Tasks", treeLines(log, Date.now(), 200)));
  return parts.join("\n\n");
}

function section(heading: string, lines: readonly string[]): string {
  return [heading, ...lines.map((line) => `  ${line}`)].join("\n");
}
