/** PostgreSQL's settings for one machine that does other things too. On the command line, so that they follow the version. */

/** `-c name=value` flags. Nothing here weakens durability: fsync, full_page_writes and synchronous_commit stay on. */
export function settingFlags(port: number): readonly string[] {
  const settings: Readonly<Record<string, string | number>> = {
    // Loopback with a password: a socket's path may be too long, and Windows has none.
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "128MB",
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    // Fewer checkpoints under load; recovery after a crash reads at most this much.
    max_wal_size: "1GB",
    checkpoint_timeout: "15min",
    // When a back end crashes the whole server ends, and we start it anew. Left to itself it recovers under the same main
    // process, which waits for ever when that recovery fails early (on a full disk): no recovery, no end, no connections.
    restart_after_crash: "off",
    // Statements are short: compiling them costs more than it saves.
    jit: "off",
    log_timezone: "UTC",
    timezone: "UTC",
    log_line_prefix: "%m [%p] ",
    log_checkpoints: "off",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
