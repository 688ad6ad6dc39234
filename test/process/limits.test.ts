import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { connectionsWithin } from '../../src/process/open-files.ts'
import { tempFolder } from '../support/journal.ts'
import { postTask, PROCESS_ENV, ROOT, spawnBound, startProcess } from '../support/process.ts'

const BURST = 1500

/** Connections that the kernel lets wait for one process. */
function kernelBacklog(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'))
  } catch {
    return 0
  }
}

test('the number of connections leaves files for everything else', () => {
  expect([
    connectionsWithin(12_000, 1024),
    connectionsWithin(12_000, 256),
    connectionsWithin(100, 1024),
  ]).toEqual([768, 192, 100])
  expect(connectionsWithin(12_000, Infinity)).toBe(12_000)
})

test.skipIf(kernelBacklog() < BURST)(
  'connections that come at once while the process is busy are kept until it takes them',
  async () => {
    const { child, url } = await startProcess({ JOURNAL: 'memory' })
    child.kill('SIGSTOP')
    let connected = 0
    const replies = Array.from({ length: BURST }, async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => (connected += 1))
      onTestFinished(() => void socket.destroy())
      socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n')
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      return chunk.toString().startsWith('HTTP/1.1 200 ')
    })
    await expect.poll(() => connected, { timeout: 5000 }).toBe(BURST)
    child.kill('SIGCONT')
    expect((await Promise.all(replies)).every(Boolean)).toBe(true)
  },
)

test('more connections than open files do not end the process, and it recovers', async () => {
  const env = { ...PROCESS_ENV, PORT: '0', DATA_DIR: await tempFolder(), DISK_RESERVE_MB: '0' }
  const args = ['-c', 'ulimit -n 256; exec "$0" --conditions=headgate-source src/main.ts', process.execPath]
  const child = spawnBound('bash', args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  await expect.poll(() => out, { timeout: 20_000 }).toContain('headgate is listening')
  const url = /"url":"([^"]+)"/.exec(out)?.[1] ?? ''
  const sockets: Socket[] = []
  for (let count = 0; count < 400; count += 1) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
  }
  // Several rounds of every timer.
  await sleep(2500)
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await fetch(`${url}/health/ready`).catch(() => null))?.status).toBe(200)
  expect(child.exitCode).toBeNull()
})

test('a loop that waits without using the processor is ended by the clock alone', async () => {
  const TASKS_FILE = 'test/support/stop-tasks.ts'
  const patient = { TASKS_FILE, WATCHDOG_SECONDS: '1', WATCHDOG_WALL_SECONDS: '10' }
  const { url, child } = await startProcess(patient)
  void postTask(url, 'block').catch(() => undefined)
  // It stands still for 2.5 s, twice what it may use of the processor.
  await sleep(3000)
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  expect(child.signalCode).toBeNull()

  const strict = await startProcess({ TASKS_FILE, WATCHDOG_SECONDS: '0', WATCHDOG_WALL_SECONDS: '1' })
  void postTask(strict.url, 'block').catch(() => undefined)
  await strict.exited
  expect([strict.child.signalCode, strict.stderr()]).toEqual([
    'SIGKILL',
    expect.stringMatching(/, 0(\.\d+)? s of them/),
  ])
})
