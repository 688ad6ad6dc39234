import { url as debuggerUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { ownFile } from '../own-file.ts'

export interface WatchdogOptions {
  /**
   * A blocked event loop during which the main thread uses this much processor time ends the process; 0: never.
   * Processor time, since on a busy machine a healthy loop may have to wait long for the processor.
   */
  readonly limitMs: number
  /** One that is blocked for this long ends it too, whatever it uses: it waits for what does not come. 0: never. */
  readonly wallLimitMs: number
  /** Called with how late the event loop was, ms, when it was late enough to be logged. */
  readonly onLag: (lagMs: number) => void
}

const BEAT_MS = 250
/** A stall of this length is reported. */
const REPORTED_LAG_MS = 500

/**
 * Watches the event loop from a thread of its own, which kills the process (SIGKILL) when the loop is
 * blocked: nothing else can end a handler that never yields the processor. A service manager starts the
 * process anew. Under a debugger it does nothing.
 *
 * @returns what stops it
 */
export function startWatchdog({ limitMs, wallLimitMs, onLag }: WatchdogOptions): () => void {
  if ((limitMs === 0 && wallLimitMs === 0) || debuggerUrl() !== undefined) return () => undefined
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const thread = new Worker(ownFile('./watchdog-thread', import.meta.url), {
    workerData: { beats, limitMs, wallLimitMs, beatMs: BEAT_MS },
  })
  thread.unref()
  let dueAt = performance.now() + BEAT_MS
  const timer = setInterval(() => {
    Atomics.add(beats, 0, 1)
    const now = performance.now()
    if (now - dueAt > REPORTED_LAG_MS) onLag(Math.round(now - dueAt))
    dueAt = now + BEAT_MS
  }, BEAT_MS).unref()
  return () => {
    clearInterval(timer)
    void thread.terminate()
  }
}
