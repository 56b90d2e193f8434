/** Payloads in a local folder. */
export { type DirectoryOptions, openDirectoryStore } from "./directory-store.ts";
export type { FolderRegistry } from "./marker.ts";
