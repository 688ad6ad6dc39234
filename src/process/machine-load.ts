import { readFileSync } from 'node:fs'

/** What Linux knows of waiting for processors (PSI), microseconds in all. */
const PRESSURE_FILE = '/proc/pressure/cpu'
/** From this share of the time on in which something waited for a processor, the machine counts as starved. */
const STARVED_SHARE = 0.5
/** Asked more often, the clock gives what it knows. */
const READ_EVERY_MS = 400

/**
 * Returns a clock of the time, in ms, in which programs of this machine had to wait for a processor most of the time: a
 * client on the same machine sends late for that reason. The difference between two readings counts. It does not move where
 * the system has no such file.
 */
export function createStarvationClock(readPressure = readCpuPressure, now = () => performance.now()) {
  let starvedMs = 0
  let last = { waitedUs: NaN, at: -Infinity }
  return (): number => {
    const at = now()
    const elapsed = at - last.at
    if (elapsed < READ_EVERY_MS) return starvedMs
    const waitedUs = readPressure()
    if ((waitedUs - last.waitedUs) / 1000 / elapsed > STARVED_SHARE) starvedMs += elapsed
    last = { waitedUs, at }
    return starvedMs
  }
}

/** The clock of this machine, one for the process. */
export const readStarvedMs = createStarvationClock()

/** NaN: not known. */
function readCpuPressure(): number {
  try {
    return Number(/^some .*total=(\d+)/m.exec(readFileSync(PRESSURE_FILE, 'utf8'))?.[1] ?? NaN)
  } catch {
    return NaN
  }
}
