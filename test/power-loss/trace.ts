import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** What a process did to its files, in order. */
export type Deed =
  | { readonly kind: 'write'; readonly file: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  /** A sync makes what was done before its start durable, when it has ended; several threads may sync one file. */
  | { readonly kind: 'sync-start'; readonly file: string; readonly thread: string }
  | { readonly kind: 'sync-end'; readonly file: string; readonly thread: string }
  /** What the process confirmed, by a word of its own. */
  | { readonly kind: 'mark'; readonly text: string }

const TRACE = new URL('trace.json.gz', import.meta.url)

/** The recorded trace; record.ts makes it. */
export function readTrace(): readonly Deed[] {
  const text = gunzipSync(readFileSync(TRACE)).toString()
  return JSON.parse(text, (name, value: unknown) =>
    name === 'bytes' ? Buffer.from(value as string, 'base64') : value,
  ) as Deed[]
}

export function traceText(deeds: readonly Deed[]): string {
  return JSON.stringify(
    deeds.map((deed) => (deed.kind === 'write' ? { ...deed, bytes: deed.bytes.toString('base64') } : deed)),
  )
}

/** The same deeds as `synchronous=NORMAL` does them: the log is synced before a checkpoint alone. */
export function withoutCommitSyncs(deeds: readonly Deed[]): readonly Deed[] {
  const isLogSync = (deed: Deed | undefined) =>
    (deed?.kind === 'sync-start' || deed?.kind === 'sync-end') && deed.file === 'journal.db-wal'
  const isCheckpointNext = (from: number) => {
    const next = deeds.slice(from).find((deed) => deed.kind === 'write')
    return next?.kind === 'write' && next.file === 'journal.db'
  }
  return deeds.filter((deed, index) => !isLogSync(deed) || isCheckpointNext(index))
}
