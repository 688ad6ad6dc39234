import type { Deed } from './trace.ts'

/** What may be found after the power went. */
export interface CrashState {
  readonly files: ReadonlyMap<string, Buffer>
  /** What the process had confirmed by then. */
  readonly marks: readonly string[]
}

type Change = Extract<Deed, { kind: 'write' | 'truncate' }>

const SECTOR = 512
const EMPTY = Buffer.alloc(0)

/** A disk that keeps what was synced, and of the rest whatever chance leaves. */
export class Disk {
  readonly #durable = new Map<string, Buffer>()
  readonly #pending = new Map<string, Change[]>()
  /** How many changes of a file are durable; and how many will be when the sync of a thread has ended. */
  readonly #synced = new Map<string, number>()
  readonly #syncing = new Map<string, number>()
  readonly #marks: string[] = []

  do(deed: Deed): void {
    if (deed.kind === 'mark') return void this.#marks.push(deed.text)
    const { file } = deed
    const pending = this.#pending.get(file) ?? []
    this.#pending.set(file, pending)
    const before = this.#synced.get(file) ?? 0
    if (deed.kind === 'sync-start') this.#syncing.set(deed.thread, before + pending.length)
    else if (deed.kind === 'sync-end') {
      // Another thread's sync of the same file may have ended meanwhile.
      const more = Math.max(0, (this.#syncing.get(deed.thread) ?? 0) - before)
      this.#synced.set(file, before + more)
      this.#durable.set(file, contentAfter(this.#durable.get(file) ?? EMPTY, pending.splice(0, more)))
    } else pending.push(deed)
  }

  /**
   * One state that a loss of power now may leave: each write that was not synced is there, is not, or only its
   * first sectors are, in any order.
   *
   * @param random 0 to 1, each time another
   */
  crash(random: () => number): CrashState {
    const files = new Map<string, Buffer>()
    for (const [file, pending] of this.#pending) {
      const survivors = pending
        .flatMap((change) => survivorOf(change, random))
        .map((change) => ({ change, key: random() }))
        .sort((a, b) => a.key - b.key)
        .map(({ change }) => change)
      files.set(file, contentAfter(this.#durable.get(file) ?? EMPTY, survivors))
    }
    return { files, marks: [...this.#marks] }
  }
}

function survivorOf(change: Change, random: () => number): Change[] {
  const fate = random()
  if (fate < 0.4) return [change]
  if (fate < 0.8 || change.kind !== 'write') return []
  const kept = Math.floor((random() * change.bytes.length) / SECTOR) * SECTOR
  return kept === 0 ? [] : [{ ...change, bytes: change.bytes.subarray(0, kept) }]
}

function contentAfter(before: Buffer, changes: readonly Change[]): Buffer {
  let content = Buffer.from(before)
  for (const change of changes) {
    const isWrite = change.kind === 'write'
    const size = isWrite ? Math.max(content.length, change.at + change.bytes.length) : change.size
    if (size !== content.length) content = Buffer.concat([content.subarray(0, size)], size)
    if (isWrite) change.bytes.copy(content, change.at)
  }
  return content
}
