/** `node bench/events/main.ts JOB`: as a child process; reports what it measured. JOB is an EventsJob in JSON. */
import { type EventsJob, eventsBench } from "./bench.ts";

const measured = await eventsBench(JSON.parse(process.argv[2] ?? "") as EventsJob);
if (process.send === undefined) console.log(measured);
else process.send(measured, () => process.exit(0));
