import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTraceparent, parseTraceparent, readTraceContext } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const PARENT = `00-${TRACE}-${SPAN}-01`;

test("traceparent is read and written as W3C Trace Context says", () => {
  const span = parseTraceparent(PARENT);
  assert.deepEqual(span, { traceId: TRACE, spanId: SPAN, sampled: true });
  assert.equal(span && formatTraceparent(span), PARENT);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.sampled, false);
  // A later version may say more; what is known of it is read.
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what`)?.traceId, TRACE);
});

test("a traceparent that is none counts as absent", () => {
  for (const text of [
    undefined,
    7,
    "",
    "garbage",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `${PARENT}, ${PARENT}`,
    `00-${TRACE}-${SPAN}-01-${"x".repeat(300)}`,
  ])
    assert.equal(readTraceContext({ traceparent: text, tracestate: "a=1" }), undefined, `${text}`);
});

test("a tracestate that is none is dropped, and the traceparent kept", () => {
  const read = (tracestate: unknown) => readTraceContext({ traceparent: PARENT, tracestate });
  const long = `a=${"x".repeat(600)}`;
  const many = Array.from({ length: 33 }, (_, n) => `k${n}=v`).join(",");
  for (const bad of [undefined, "", "=1", "A=1", "a=\u00e9", "a=1\r\nb: 2", long, many, 7])
    assert.deepEqual(read(bad), { traceparent: PARENT }, String(bad));
  const given = { traceparent: PARENT, tracestate: "rojo=00f0,1a@b=x y" };
  assert.deepEqual(read("rojo=00f0, 1a@b=x y,"), given);
  assert.deepEqual(read(["rojo=00f0", "1a@b=x y"]), given);
});
