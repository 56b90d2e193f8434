/** The coordinator port: who owns which partition. Correctness rests on the epochs alone, never on a lease's time. */
import type { Epoch } from "../store/store.ts";

export interface Coordinator {
  /**
   * Takes, of these partitions, what is free, expired, or this node's already, at a new epoch; with `seize`, whatever
   * another node holds as well. Gives what was taken. Resolves when no transaction of an earlier epoch can commit there.
   */
  acquire(partitions: readonly number[], seize: boolean): Promise<readonly Epoch[]>;
  /** Extends the leases of these epochs; gives those that are still this node's. */
  renew(held: readonly Epoch[]): Promise<readonly Epoch[]>;
  /** Gives them up, so that another node need not wait for their end. */
  release(held: readonly Epoch[]): Promise<void>;
}
