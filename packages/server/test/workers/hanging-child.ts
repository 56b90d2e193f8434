/** A worker in a process of its own that takes ten tasks and never ends one; to be killed. */
import { Worker } from "@millrace/sdk";

const [url = ""] = process.argv.slice(2);
let tasks = 0;
const double = async (): Promise<never> => {
  tasks += 1;
  console.log(`${tasks} tasks`);
  return new Promise(() => {});
};
new Worker({ url, functions: { double }, concurrency: 10 }).start();
console.log("ready");
