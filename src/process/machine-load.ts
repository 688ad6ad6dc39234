import { readFileSync } from 'node:fs'

/** What Linux knows of waiting for processors (PSI), microseconds in all. */
const PRESSURE_FILE = '/proc/pressure/cpu'
/** From this share of the time on in which something waited for a processor, the machine counts as starved. */
const STARVED_SHARE = 0.5

/**
 * Returns whether programs of this machine had to wait for a processor most of the time since the last call. A client on the
 * same machine then sends late for that reason. Always false where the system has no such file.
 */
export function createStarvationMeter(readPressure = readCpuPressure): () => boolean {
  let last = { waitedUs: readPressure(), at: performance.now() }
  return () => {
    const now = { waitedUs: readPressure(), at: performance.now() }
    const share = (now.waitedUs - last.waitedUs) / 1000 / (now.at - last.at)
    last = now
    return share > STARVED_SHARE
  }
}

/** NaN: not known. */
function readCpuPressure(): number {
  try {
    return Number(/^some .*total=(\d+)/m.exec(readFileSync(PRESSURE_FILE, 'utf8'))?.[1] ?? NaN)
  } catch {
    return NaN
  }
}
