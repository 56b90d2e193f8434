/** Ids of inbox messages: they sort as they were made, also within a millisecond and when the clock is set back. */
import { newId } from "@millrace/protocol";

export type MailIds = (partition: number, now: number) => string;

export function mailIds(randomBytes: () => Uint8Array): MailIds {
  let last = 0;
  let count = 0;
  return (partition, now) => {
    count = now > last ? 0 : count + 1;
    last = Math.max(last, now);
    const bytes = Uint8Array.from(randomBytes());
    // The highest random bits count; the rest keep the ids of two senders apart.
    new DataView(bytes.buffer).setUint32(0, count);
    return newId(partition, last, bytes);
  };
}
