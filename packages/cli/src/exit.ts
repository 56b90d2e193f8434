/** How a command ends: its exit code, and the one line that says why. */

/** The exit codes, as `millrace --help` lists them. */
export const EXIT = Object.freeze({
  ok: 0,
  /** The workflow faulted or was cancelled, or the server refused. */
  failed: 1,
  /** A usage error, or an input or definition that is not valid. */
  invalid: 2,
  /** No server answers. */
  unreachable: 3,
  /** Ctrl-C. */
  interrupted: 130,
});

/** Ends the command with a message of one line: what, where, what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
