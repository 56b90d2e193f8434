/** The stores of a server, and which of them a payload goes to. */
import type { BlobStore } from "./blob-store.ts";
import type { Place } from "./catalog.ts";
import { PayloadError } from "./payloads.ts";
import { type Tier, tierOf } from "./tiers.ts";

export class Stores {
  readonly #tiers: readonly Tier[];
  readonly #blobs: ReadonlyMap<string, BlobStore>;
  /** Holds a second copy of everything. */
  readonly mirror: BlobStore | undefined;
  /** What has fewer bytes stands in the catalogue's row. */
  readonly rowsBelow: number;

  /** @param blobs every store that is configured, whether a tier names it or not: it may hold what was put earlier */
  constructor(tiers: readonly Tier[], blobs: readonly BlobStore[], mirror?: string) {
    this.#tiers = tiers;
    this.#blobs = new Map(blobs.map((blob) => [blob.name, blob]));
    this.mirror = mirror === undefined ? undefined : this.#blobs.get(mirror);
    this.rowsBelow = tiers.find(({ store }) => store === "database")?.below ?? 0;
  }

  /** True for one that is nowhere but in the catalogue's row. */
  isSmall(bytes: number): boolean {
    return this.mirror === undefined && this.tier(bytes)?.store === "database";
  }

  /** Where a payload of so many bytes goes; unknown: where the largest do. */
  tier(bytes?: number): Tier | undefined {
    return tierOf(this.#tiers, bytes);
  }

  /** @throws {PayloadError} `unavailable` when this server has no such store */
  at({ store }: Place): BlobStore {
    const found = this.#blobs.get(store);
    if (found !== undefined) return found;
    throw new PayloadError(
      "unavailable",
      `the payload is in the store ${store}, which this server is not configured for`,
    );
  }

  get all(): readonly BlobStore[] {
    return [...this.#blobs.values()];
  }
}
