/** `node restate-service.mjs STEPS`: the service that Restate calls; says its port over the channel and ends with it. */
import * as restate from "@restatedev/restate-sdk";

const steps = Number(process.argv[2]);
process.once("disconnect", () => process.exit(0));

const bench = restate.service({
  name: "bench",
  handlers: {
    steps: async (ctx, input) => {
      let value = input;
      for (let step = 1; step <= steps; step++) {
        const { n } = value;
        value = await ctx.run(`step${step}`, () => ({ n: n + 1 }));
      }
      return value;
    },
  },
});
const port = await restate.serve({ services: [bench], port: 0 });
process.send(port);
