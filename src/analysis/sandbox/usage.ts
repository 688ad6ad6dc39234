import { readFileSync } from 'node:fs'

export interface Usage {
  readonly cpuMs: number
  readonly memoryBytes: number
}

/** Linux counts processor time in ticks of 10 ms and memory in pages, 4 KB on every machine Node runs on. */
const TICK_MS = 10
const PAGE_BYTES = 4096

/** What a process has used, from /proc; undefined when it is gone or the system has no /proc. */
export function readUsage(pid: number): Usage | undefined {
  try {
    // The name in parentheses may hold spaces: fields are counted after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const residentPages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      memoryBytes: residentPages * PAGE_BYTES,
    }
  } catch {
    return undefined
  }
}
