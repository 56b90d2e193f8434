/** HTTP/1.1 over a socket of a test's own: what is sent, and when, is the test's to say. */
import { connect, type Socket } from "node:net";

export interface RawConnection {
  readonly socket: Socket;
  readonly send: (bytes: string | Uint8Array) => void;
  /** Resolves with everything that came so far, as Latin-1, once it matches. Rejects when the connection ends before. */
  readonly until: (pattern: RegExp) => Promise<string>;
  /** Resolves with everything that came, once the connection has ended; a connection that was reset has. */
  readonly ended: () => Promise<string>;
}

export function connectRaw(url: string): RawConnection {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  let isOver = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    look();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isOver = true;
    look();
  });
  const wait = (isEnough: () => boolean, mustMatch: boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!isEnough() && !isOver) return;
        waiting.delete(check);
        if (isEnough() || !mustMatch) resolve(text);
        else reject(new Error(`the connection ended after: ${text}`));
      };
      waiting.add(check);
      check();
    });
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    until: (pattern) => wait(() => pattern.test(text), true),
    ended: () => wait(() => isOver, false),
  };
}
