import { readdirSync, readFileSync } from 'node:fs'

/** Of a clock tick of /proc, ms: 100 a second on every Linux that runs this. */
const TICK_MS = 10

interface Stat {
  readonly parent: number
  /** Used by the process itself, ms. */
  readonly own: number
  /** Used by its children that have ended, ms. */
  readonly ofEnded: number
}

function readStat(pid: number): Stat | null {
  try {
    // The name in brackets may have spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    const sum = (from: number) => ((fields[from] ?? 0) + (fields[from + 1] ?? 0)) * TICK_MS
    return { parent: fields[1] ?? 0, own: sum(11), ofEnded: sum(13) }
  } catch {
    return null
  }
}

/** What a process has used of the processors, ms (Linux). */
export function cpuOf(pid: number | undefined): number {
  return pid === undefined ? 0 : (readStat(pid)?.own ?? 0)
}

/** The same of a process with its children: a PostgreSQL server. */
export function cpuOfTree(pid: number): number {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const children = all.map((name) => readStat(Number(name))).filter((stat) => stat?.parent === pid)
  const { own = 0, ofEnded = 0 } = readStat(pid) ?? {}
  return children.reduce((sum, stat) => sum + (stat?.own ?? 0), own + ofEnded)
}

export function parentOf(pid: number): number {
  return readStat(pid)?.parent ?? 0
}
