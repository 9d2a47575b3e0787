import type { Cluster } from './cluster.js'

/** Clusters from the one least recently learnt to the newest. Looking at a cluster does not move it; learning does. */
export class RecencyList {
  #oldest: Cluster | undefined
  #newest: Cluster | undefined
  #numPinned = 0

  get numPinned(): number {
    return this.#numPinned
  }

  add(cluster: Cluster): void {
    cluster.older = this.#newest
    cluster.newer = undefined
    if (this.#newest === undefined) this.#oldest = cluster
    else this.#newest.newer = cluster
    this.#newest = cluster
    if (cluster.isPinned) this.#numPinned++
  }

  touch(cluster: Cluster): void {
    if (cluster === this.#newest) return
    this.#unlink(cluster)
    cluster.older = this.#newest
    cluster.newer = undefined
    this.#newest!.newer = cluster
    this.#newest = cluster
  }

  remove(cluster: Cluster): void {
    this.#unlink(cluster)
    if (cluster.isPinned) this.#numPinned--
    cluster.older = undefined
    cluster.newer = undefined
  }

  pin(cluster: Cluster, isPinned: boolean): void {
    if (cluster.isPinned === isPinned) return
    cluster.isPinned = isPinned
    this.#numPinned += isPinned ? 1 : -1
  }

  /** The cluster to forget next; pinned ones are passed over and count as just used. */
  oldest(): Cluster | undefined {
    while (this.#oldest?.isPinned === true && this.#numPinned > 0 && this.#oldest !== this.#newest) {
      this.touch(this.#oldest)
    }
    return this.#oldest
  }

  /** Keys from the oldest to the newest. */
  keys(): number[] {
    const keys: number[] = []
    for (let cluster = this.#oldest; cluster !== undefined; cluster = cluster.newer) keys.push(cluster.key)
    return keys
  }

  #unlink(cluster: Cluster): void {
    if (cluster.older === undefined) this.#oldest = cluster.newer
    else cluster.older.newer = cluster.newer
    if (cluster.newer === undefined) this.#newest = cluster.older
    else cluster.newer.older = cluster.older
  }
}
