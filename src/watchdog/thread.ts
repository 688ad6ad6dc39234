import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

/** The thread of the watchdog. It counts its own ticks, so that a machine that slept is not taken for a stall. */

const { beats, limitMs, beatMs } = workerData as { beats: Int32Array; limitMs: number; beatMs: number }
const STDERR = 2
let seen = Atomics.load(beats, 0)
let missed = 0

setInterval(() => {
  const now = Atomics.load(beats, 0)
  missed = now === seen ? missed + 1 : 0
  seen = now
  if (missed * beatMs < limitMs) return
  // The log goes through the event loop that stands still; this line does not.
  try {
    writeSync(
      STDERR,
      `headgate: the event loop stood still for ${limitMs / 1000} s; the watchdog ends the process.\n`,
    )
  } catch {
    // Nobody reads it; the process ends all the same.
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}, beatMs)
