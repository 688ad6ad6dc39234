import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { z } from 'zod'
import { WebSocket } from 'ws'
import { compose } from '../src/app/app.ts'
import { readSettings } from '../src/config/read.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { createServer } from '../src/http/server/server.ts'
import { submitTask } from './replies.ts'
import { quantile } from './support.ts'

const EVENTS = 100
const READERS = 1500
const EVERY_MS = 100

/** Events of one task for 1500 WebSockets in another process: `npm run fan-out`. */
const [, , port, id] = process.argv
if (port === undefined || id === undefined) await serve()
else await read(Number(port), id)

async function serve(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  let start!: () => void
  const started = new Promise<void>((resolve) => (start = resolve))
  const delays: number[] = []
  // The longest time between two turns of the event loop.
  const loop = { longest: 0, last: 0 }
  const talk = defineTask({
    type: 'talk',
    input: z.object({}),
    run: async (_input, ctx) => {
      await started
      setInterval(() => {
        const now = performance.now()
        loop.longest = Math.max(loop.longest, now - loop.last)
        loop.last = now
      }, 1)
      for (let index = 0; index < EVENTS; index += 1) {
        Object.assign(loop, { longest: 0, last: performance.now() })
        ctx.log(`Event ${index}`)
        await sleep(EVERY_MS)
        delays.push(loop.longest)
      }
    },
  })
  const log = pino({ level: 'silent' })
  const settings = {
    ...readSettings({}),
    dataDir,
    journal: 'memory' as const,
    maxStreams: 5000,
    maxCallerStreams: 5000,
  }
  const core = await compose({ settings, log, tasks: [talk], prefix: '', onFatal: () => process.exit(1) })
  const app = createServer({ log, ...settings })
  await app.register(core.httpPlugin)
  await core.start()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port: own } = app.server.address() as AddressInfo
  const task = await submitTask(`http://127.0.0.1:${own}`, 'talk')
  const readers = fork(fileURLToPath(import.meta.url), [`${own}`, task])
  await once(readers, 'message')
  await sleep(500)
  const cpu = process.cpuUsage()
  start()
  const [counts] = (await once(readers, 'message')) as [number[]]
  const used = process.cpuUsage(cpu)
  if (counts.length !== READERS || counts.some((count) => count !== EVENTS))
    throw new Error(`readers got ${Math.min(...counts)} to ${Math.max(...counts)} of ${EVENTS} events`)
  console.log(`${READERS} readers, ${EVENTS} events, each seen once and in order by every reader`)
  const [p50, p99] = [quantile(delays, 0.5), quantile(delays, 0.99)].map((value) => value.toFixed(1))
  console.log(`delay of the event loop for an event, ms: p50 ${p50}, p99 ${p99}; aim: p99 20 or less`)
  const perReader = (used.user + used.system) / EVENTS / READERS
  console.log(`processor time for an event and reader, µs: ${perReader.toFixed(1)}; aim: 28 or less`)
  process.send?.({ p99: quantile(delays, 0.99), micros: perReader })
  rmSync(dataDir, { recursive: true, force: true })
  process.exit(0)
}

/** Counts the events of each reader that come in order. */
async function read(port_: number, task: string): Promise<void> {
  const counts = Array.from({ length: READERS }, () => 0)
  const closed: Promise<unknown>[] = []
  for (const [reader] of counts.entries()) {
    const socket = new WebSocket(`ws://127.0.0.1:${port_}/ws/${task}`)
    let last = 0
    socket.on('message', (data: Buffer) => {
      const { type, seq } = JSON.parse(data.toString()) as { type: string; seq: number }
      if (type === 'log' && seq > last) counts[reader] = (counts[reader] ?? 0) + 1
      last = seq ?? last
    })
    closed.push(once(socket, 'close'))
    await once(socket, 'open')
  }
  process.send?.('open')
  await Promise.all(closed)
  process.send?.(counts)
  process.disconnect()
}
