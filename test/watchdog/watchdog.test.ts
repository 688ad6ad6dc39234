import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Json } from '../support/server.ts'
import { freePort, postTask, PROCESS_ENV, ROOT, spawnBound, startProcess } from '../support/process.ts'

const TASKS_FILE = 'test/support/stop-tasks.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'headgate-watchdog-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

test('a process whose event loop is blocked is killed, and prints the reason', async () => {
  const { url, child, exited, stderr } = await startProcess({ TASKS_FILE, WATCHDOG_SECONDS: '1' })
  // Its reply may be sent before the handler takes the processor, or never.
  void postTask(url, 'spin').catch(() => undefined)
  await exited
  expect(child.signalCode).toBe('SIGKILL')
  expect(stderr()).toMatch(
    /^headgate: the event loop was blocked for [\d.]+ s, [\d.]+ s of them on the processor; the watchdog ends the process\.$/m,
  )
})

test('it is killed even when standard error has no reader', async () => {
  const { url, child, exited } = await startProcess({ TASKS_FILE, WATCHDOG_SECONDS: '1' })
  child.stderr.destroy()
  void postTask(url, 'spin').catch(() => undefined)
  await exited
  expect(child.signalCode).toBe('SIGKILL')
})

test('a process that is only busy for a while continues, and its log has it', async () => {
  const { url, child, messages } = await startProcess({ TASKS_FILE, WATCHDOG_SECONDS: '5' })
  // Stopped as a whole, the thread too: a machine that slept is no stall.
  child.kill('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  child.kill('SIGCONT')
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  await expect.poll(messages).toContain('event loop blocked')
})

test('under a service manager, the service is back after a dead loop, and rid of its cause', async () => {
  const port = await freePort()
  const env = {
    ...PROCESS_ENV,
    PORT: `${port}`,
    DATA_DIR: await folder(),
    TASKS_FILE,
    WATCHDOG_SECONDS: '1',
  }
  const script = `for start in 1 2 3 4; do "${process.execPath}" --conditions=headgate-source src/main.ts; echo "ended $?"; done`
  const supervisor = spawnBound('bash', ['-c', script], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  onTestFinished(() => void process.kill(-(supervisor.pid ?? 0), 'SIGKILL'))
  let output = ''
  supervisor.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const isReady = async () => {
    const reply = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined)
    return reply?.status
  }
  await expect.poll(isReady, { timeout: 10_000 }).toBe(200)
  void postTask(`http://127.0.0.1:${port}`, 'spin').catch(() => undefined)
  // The task is accepted, so it is tried again, until it is taken for the cause.
  await expect.poll(() => output.split('ended 137').length - 1, { timeout: 20_000 }).toBe(3)
  await expect.poll(isReady, { timeout: 10_000 }).toBe(200)
  const { tasks } = (await (await fetch(`http://127.0.0.1:${port}/api/tasks`)).json()) as Json
  expect(tasks).toMatchObject([{ status: 'error', interruptions: 3, error: { error_type: 'crash_loop' } }])
})

test('a service manager is notified when it is ready, that it lives, and when it stops', async () => {
  const path = await folder()
  const heard = join(path, 'heard')
  // In the place of systemd-notify, writes down what it is sent.
  await writeFile(join(path, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $@" >> ${heard}\n`, {
    mode: 0o755,
  })
  const { end } = await startProcess({
    PATH: `${path}${delimiter}${process.env['PATH']}`,
    NOTIFY_SOCKET: '/run/some-socket',
    WATCHDOG_USEC: '300000',
  })
  const lines = async () => (await readFile(heard, 'utf8').catch(() => '')).trim().split('\n')
  await expect
    .poll(async () => new Set(await lines()))
    .toEqual(new Set(['/run/some-socket READY=1', '/run/some-socket WATCHDOG=1']))
  expect((await lines())[0]).toBe('/run/some-socket READY=1')
  await end()
  await expect.poll(lines).toContain('/run/some-socket STOPPING=1')
})

test('without a service manager nothing is sent, and a missing systemd-notify is only logged', async () => {
  const quiet = await startProcess()
  expect(quiet.messages()).not.toContain('systemd-notify failed')
  const { url, messages } = await startProcess({ NOTIFY_SOCKET: '/run/some-socket', PATH: await folder() })
  await expect.poll(messages).toContain('systemd-notify failed')
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
})
