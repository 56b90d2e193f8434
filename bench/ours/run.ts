/** The process that measures ours alone. */
import { runJob } from "../job.ts";
import { ours } from "./contender.ts";

await runJob(ours);
