import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { TimeoutFetch } from '../../../src/fetch/timed-fetch.ts'
import { setup } from '../../support/model-reports.ts'
import type { Behaviour } from '../../support/model-server.ts'

const LIMITS = {
  modelConnectMs: 1000,
  modelFirstByteMs: 1000,
  modelIdleMs: 1000,
  modelTotalMs: 3000,
  defaultAttempts: 1,
}
/** A limit is kept when a call is over by then. */
/** A call that hangs lasts for minutes; a busy machine is slow by seconds. */
const SLACK_MS = 15_000

const answerSlowly: Behaviour = { kind: 'answer', text: 'x'.repeat(4000), pieceMs: 900 }

test.each<[string, Behaviour, number, string, boolean?]>([
  ['sends no headers', { kind: 'no-headers' }, 1000, 'network_timeout'],
  ['sends headers and nothing else', { kind: 'headers-only' }, 1000, 'network_timeout'],
  ['stops in the middle', { kind: 'half' }, 1000, 'network_timeout'],
  ['never stops, a piece at a time', answerSlowly, 3000, 'network_timeout'],
  ['breaks off in the middle of its JSON', { kind: 'cut' }, 0, 'network_timeout', false],
  ['resets the connection', { kind: 'reset' }, 0, 'network_timeout'],
  ['sends a page', { kind: 'page' }, 0, 'execution_error', false],
  ['sends without end', { kind: 'endless' }, 3000, 'execution_error'],
  [
    'blocks the content',
    { kind: 'answer', text: 'I', finish: 'content_filter' },
    0,
    'content_blocked',
    false,
  ],
])(
  'a model that %s ends the task by name, in time, with no socket left',
  async (_name, fault, limitMs, errorType, isGivenUp = true) => {
    const { report, models } = await setup(
      (call) => (call.about === 'outline' ? fault : { kind: 'answer' }),
      {
        settings: LIMITS,
      },
    )
    const { task } = await report({ engine: 'llm' })
    expect(task['error']).toMatchObject({ error_type: errorType })
    expect(task['run_ms']).toBeLessThan(limitMs + SLACK_MS + 1500)
    expect(models.calls).toHaveLength(1)
    // A reply that came whole leaves its connection for the next call; one that was given up must not.
    if (isGivenUp) await expect.poll(() => models.sockets.size).toBe(0)
  },
)

test('an error inside the stream, after which the provider continues, is tried again and the report finished', async () => {
  const error = { error: { message: 'overloaded', type: 'server_error', code: 'overloaded_error' } }
  const { report, models } = await setup((call, nth) => {
    if (call.about === 'chapter 1' && nth === 1) return { kind: 'cut' }
    if (call.about === 'chapter 2' && nth === 1) return { kind: 'status', status: 529, body: error }
    if (call.about === 'conclusion' && nth === 1) return { kind: 'status', status: 500, body: error }
    return { kind: 'answer' }
  })
  const { task, result } = await report({ engine: 'llm' })
  expect(task['status'], JSON.stringify(task['error'])).toBe('completed')
  expect(result.engine).toBe('llm')
  // Nothing that was answered was asked again.
  const about = models.about()
  expect(about.filter((each) => each === 'outline')).toHaveLength(1)
  for (const each of ['chapter 1', 'chapter 2', 'conclusion'])
    expect(about.filter((one) => one === each)).toHaveLength(2)
})

test('a 429 parks the task without a slot, and it continues at the time of its Retry-After', async () => {
  const { report, models, get } = await setup((call, nth) => {
    const headers = { 'retry-after': '2' }
    return call.about === 'chapter 1' && nth === 1
      ? { kind: 'status', status: 429, body: { error: { message: 'slow down' } }, headers }
      : { kind: 'answer' }
  })
  const { task } = await report({ engine: 'llm' })
  expect(task).toMatchObject({ status: 'completed', attempt: 1 })
  expect(task['run_ms'] + task['wait_ms']).toBeGreaterThan(0)
  expect(models.about().filter((each) => each === 'outline')).toHaveLength(1)
  expect((await get('/api/queue/stats')).body['total_failed']).toBe(0)
}, 60_000)

test('a connection that is never made is given up in time', async () => {
  const sockets = new Set<{ destroy: () => void; destroyed: boolean }>()
  const silent = createServer((socket) => {
    sockets.add(socket)
    socket.resume()
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const line = new TimeoutFetch({
    connectMs: 500,
    firstByteMs: 5000,
    idleMs: 5000,
    totalMs: 9000,
    maxBytes: 1000,
  })
  onTestFinished(() => line.close())
  // TLS to what does not speak it: the handshake hangs.
  const startedAt = performance.now()
  const call = line.fetch(`https://127.0.0.1:${(silent.address() as AddressInfo).port}/`)
  await expect(call).rejects.toThrow()
  expect(performance.now() - startedAt).toBeLessThan(4500)
  await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true)
})
