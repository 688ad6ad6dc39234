import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { z } from 'zod'
import { compose } from '../src/app/app.ts'
import { readSettings } from '../src/config/read.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { createServer } from '../src/http/server/server.ts'
import { expectStatus, submitTask } from './replies.ts'
import { quantile } from './support.ts'

const EVENTS = 300
const CHUNK_CHARS = 30_000
const STUCK_READERS = 10

/** p99 of the time from an output event to its arrival at an ordinary reader, ms: alone, and beside stuck ones. */
export async function readersBench(): Promise<{ alone: number; besideStuck: number; stuckClosed: number }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const talk = defineTask({
    type: 'talk',
    input: z.object({}),
    run: async (_input, ctx) => {
      for (let index = 0; index < EVENTS; index += 1) {
        ctx.output(`${Date.now()} ${performance.now()} ${'x'.repeat(CHUNK_CHARS)}`)
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
    },
  })
  const log = pino({ level: 'silent' })
  const settings = { ...readSettings({}), dataDir }
  const core = await compose({ settings, log, tasks: [talk], prefix: '', onFatal: () => process.exit(1) })
  const app = createServer({ log, ...settings })
  await app.register(core.httpPlugin)
  await core.start()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo

  const alone = await oneRun(port, 0)
  const beside = await oneRun(port, STUCK_READERS)
  await core.drain()
  await app.close()
  await core.stop()
  rmSync(dataDir, { recursive: true, force: true })
  return {
    alone: quantile(alone.delays, 0.99),
    besideStuck: quantile(beside.delays, 0.99),
    stuckClosed: beside.closed,
  }
}

async function oneRun(port: number, stuckReaders: number) {
  const id = await submitTask(`http://127.0.0.1:${port}`, 'talk')
  let closed = 0
  const stuck = Array.from({ length: stuckReaders }, () => {
    const socket = connect(port, '127.0.0.1')
    const key = Buffer.alloc(16).toString('base64')
    socket.write(
      `GET /ws/${id} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    )
    socket.on('error', () => undefined)
    return socket
  })
  const delays = await readDelays(`http://127.0.0.1:${port}/api/tasks/${id}/stream`)
  for (const socket of stuck) {
    // Reading at last shows that the server has cut the connection off.
    const over = once(socket, 'close')
    socket.resume()
    await over
    closed += 1
  }
  return { delays, closed }
}

async function readDelays(url: string): Promise<number[]> {
  const delays: number[] = []
  let rest = ''
  const response = await expectStatus(await fetch(url), 200)
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rest += chunk
    const frames = rest.split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const sentAt = /"chunk":"\d+ ([\d.]+) /.exec(frame)?.[1]
      if (sentAt !== undefined) delays.push(performance.now() - Number(sentAt))
    }
  }
  return delays
}
