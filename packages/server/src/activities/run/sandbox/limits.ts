/** What one sandboxed process and all that it starts may use. Sizes in bytes. */
export interface SandboxLimits {
  /** Of each process (RLIMIT_CPU). */
  readonly cpuSeconds: number;
  /** Writable private memory of each process (RLIMIT_DATA): address space is useless to limit, V8 reserves it by the gigabyte. Of this too it reserves 512 MiB. */
  readonly memoryBytes: number;
  /** The working folder, /tmp and /dev/shm together; also the longest single file. */
  readonly diskBytes: number;
  readonly openFiles: number;
  /** Processes and threads at a time. Node.js alone has about eleven. */
  readonly processes: number;
  /** Kept of standard output, and of standard error. */
  readonly outputBytes: number;
  /** Milliseconds between the polite end (SIGTERM) and the certain one (SIGKILL). */
  readonly grace: number;
}

const MiB = 1024 * 1024;

export const SANDBOX_LIMITS: SandboxLimits = {
  cpuSeconds: 60,
  memoryBytes: 1_024 * MiB,
  diskBytes: 64 * MiB,
  openFiles: 256,
  processes: 128,
  outputBytes: MiB,
  grace: 2_000,
};

/** As prlimit (util-linux) takes them: soft and hard alike. */
export function prlimitFlags(limits: SandboxLimits): readonly string[] {
  return [
    `--cpu=${limits.cpuSeconds}:${limits.cpuSeconds + 1}`,
    `--data=${limits.memoryBytes}`,
    `--fsize=${limits.diskBytes}`,
    `--nofile=${limits.openFiles}`,
    `--nproc=${limits.processes}`,
    "--core=0",
  ];
}

/** As far as every shell knows them, for systems without prlimit. */
export function ulimits({ cpuSeconds, diskBytes, openFiles }: SandboxLimits): string {
  const blocks = Math.ceil(diskBytes / 512);
  return `ulimit -c 0; ulimit -t ${cpuSeconds}; ulimit -f ${blocks}; ulimit -n ${openFiles}; exec /bin/sh "$@"`;
}
