import { subscribe } from 'node:diagnostics_channel'

/** Loaded before the server, in each of its threads: ends the process at `DIE_AT`, the `DIE_ON`-th time. */

const place = process.env['DIE_AT']
let left = Number(process.env['DIE_ON'] ?? 1)

subscribe('headgate:failpoint', (milestone) => {
  if (milestone !== place) return
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
})
