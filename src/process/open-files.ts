import { readFileSync } from 'node:fs'

/** Files that stay free for everything but connections: the journal, uploads, reading processes. */
const MAX_RESERVED = 256

/** How many connections the process can hold open: as many as asked for, as far as its limit of open files allows. */
export function connectionsWithin(wanted: number, openFiles = openFilesLimit()): number {
  const reserved = Math.min(MAX_RESERVED, Math.ceil(openFiles / 4))
  return Math.max(1, Math.min(wanted, openFiles - reserved))
}

/** The limit of open files (RLIMIT_NOFILE) of this process; Infinity where it is unknown. */
function openFilesLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}
