import { openSync, readSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

/** The thread of the watchdog. It counts its own ticks, so that a machine that slept is not taken for a stall. */

const { beats, limitMs, wallLimitMs, beatMs } = workerData as {
  beats: Int32Array
  limitMs: number
  wallLimitMs: number
  beatMs: number
}
const STDERR = 2
/** Linux counts processor time in ticks of 10 ms. */
const TICK_MS = 10
const buffer = Buffer.alloc(1024)
/** Opened once: when it is needed there may be no file descriptor left. */
const stat = openStat()
let seen = Atomics.load(beats, 0)
let missed = 0
let usedBefore = usedMs()

setInterval(() => {
  const now = Atomics.load(beats, 0)
  if (now !== seen) {
    seen = now
    missed = 0
    usedBefore = usedMs()
    return
  }
  missed += 1
  const used = usedMs() - usedBefore
  const stoodMs = missed * beatMs
  if ((limitMs > 0 && used >= limitMs) || (wallLimitMs > 0 && stoodMs >= wallLimitMs)) end(stoodMs, used)
}, beatMs)

/** Processor time of the main thread, whose id is that of the process, ms; elsewhere than on Linux of all threads. */
function usedMs(): number {
  if (stat === null) {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  const text = buffer.toString('latin1', 0, readSync(stat, buffer, 0, buffer.length, 0))
  // The name in parentheses may hold spaces: fields are counted after it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

function openStat(): number | null {
  try {
    return openSync(`/proc/self/task/${process.pid}/stat`, 'r')
  } catch {
    return null
  }
}

function end(stoodMs: number, used: number): void {
  // The log uses the event loop, which is blocked; this line does not.
  try {
    const what = `the event loop was blocked for ${stoodMs / 1000} s, ${used / 1000} s of them on the processor`
    writeSync(STDERR, `headgate: ${what}; the watchdog ends the process.\n`)
  } catch {
    // There is no reader; the process ends all the same.
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}
