import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { PROCESS_ENV, ROOT, spawnBound, startProcess } from '../../support/process.ts'
import { tempFolder } from '../../support/journal.ts'

const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0
const hasStrace = works('strace', '-V')
/** Whether an ordinary user may mount a small disk of his own here. */
const canMount = works('unshare', '-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt')

test('a second server on the same folder ends with one clear line and code 73', async () => {
  const { dataDir } = await startProcess()
  const second = await startProcess({ DATA_DIR: dataDir })
  expect(await second.exited).toBe(73)
  expect(second.stderr()).toMatch(/^headgate: Another process uses the journal [^\n]+\n$/)
})

/** A server under a shell command that runs it as `"$@"`, and its address. */
async function startUnder(script: string, env: Record<string, string>) {
  const node = [process.execPath, '--conditions=headgate-source', 'src/main.ts']
  const child = spawnBound('bash', ['-c', script, 'bash', ...node], {
    cwd: ROOT,
    env: { ...PROCESS_ENV, PORT: '0', WATCHDOG_SECONDS: '0', DISK_RESERVE_MB: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const killAll = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  onTestFinished(killAll)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', () => output.includes('headgate is listening') && ready.resolve())
  await Promise.race([ready.promise, exited])
  const url = /"url":"([^"]+)"/.exec(output)?.[1] ?? ''
  return { url, exited, output: () => output }
}

/** Submits an upload of this many bytes, or a small task; the reply's status and how long it took, ms. */
async function submit(url: string, bytes = 0) {
  const startedAt = performance.now()
  const form = new FormData()
  form.append('file', new Blob(['x'.repeat(bytes)]), 'file.txt')
  const headers = { 'content-type': 'application/json' }
  const json = { method: 'POST', headers, body: '{"n":1,"ms":0}' }
  const response = await fetch(
    `${url}/${bytes > 0 ? 'digest' : 'echo'}`,
    bytes > 0 ? { method: 'POST', body: form } : json,
  )
  const body = (await response.json()) as Record<string, string>
  return { status: response.status, body, ms: performance.now() - startedAt }
}

test.skipIf(!hasStrace)('a sync that fails in a server ends it within a second, with code 70', async () => {
  const env = { DATA_DIR: join(await tempFolder(), 'data'), TASKS_FILE: 'test/kill/tasks.ts' }
  const calls = 'fsync,fdatasync'
  const inject = `strace -f -qq -o /dev/null -e trace=${calls} -e inject=${calls}:error=EIO:when=20+ "$@"`
  const { url, exited, output } = await startUnder(inject, env)
  const statuses: number[] = []
  let failedAt = 0
  for (let index = 0; index < 100 && failedAt === 0; index += 1) {
    const { status } = await submit(url).catch(() => ({ status: 0 }))
    if (status === 202) statuses.push(status)
    else failedAt = performance.now()
  }
  expect(await exited).toBe(70)
  expect(performance.now() - failedAt).toBeLessThan(1000)
  expect(output()).toContain('headgate failed: accepted tasks cannot be kept')
  expect(statuses.length).toBeLessThan(20)
})

test.skipIf(!canMount)(
  'on a full disk new tasks are refused, what runs ends, reads continue, and room is noticed',
  async () => {
    const folder = await tempFolder()
    const data = join(folder, 'data')
    const control = join(await tempFolder(), 'go')
    // A disk of 6 MB of its own, filled and emptied from inside when the test wants it.
    const inner = `
    mount -t tmpfs -o size=6m none ${folder} && mkdir -m 700 ${data}
    "$@" &
    while [ ! -e ${control}-fill ]; do sleep 0.02; done
    dd if=/dev/zero of=${folder}/filler bs=4k 2>/dev/null; touch ${control}-filled
    while [ ! -e ${control}-empty ]; do sleep 0.02; done
    rm ${folder}/filler; wait`
    const env = { DATA_DIR: data, TASKS_FILE: 'test/kill/tasks.ts', INNER: inner, DISK_RESERVE_MB: '1' }
    const { url } = await startUnder('exec unshare -rm bash -c "$INNER" bash "$@"', env)
    const get = async (path: string) => (await fetch(url + path)).json() as Promise<Record<string, unknown>>
    const { body: first } = await submit(url)
    const { body: running } = await fetch(`${url}/steps`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"count":4,"ms":400}',
    }).then(async (response) => ({ body: (await response.json()) as Record<string, string> }))
    await writeFile(`${control}-fill`, '')
    await expect.poll(() => existsSync(`${control}-filled`)).toBe(true)

    const isRefused = async () => (await submit(url)).body['error_type']
    await expect.poll(isRefused, { timeout: 5000, interval: 5 }).toBe('disk_full')
    const refused = await submit(url)
    expect([refused.status, refused.body['retry_after']]).toEqual([503, 60])
    expect(refused.ms).toBeLessThan(500)
    expect(await submit(url, 100_000)).toMatchObject({ status: 503, body: { error_type: 'disk_full' } })
    // What was accepted continues, in the reserve.
    await expect
      .poll(async () => (await get(`/api/tasks/${running['task_id']}`))['status'], { timeout: 8000 })
      .toBe('completed')
    expect((await get(`/api/tasks/${first['task_id']}`))['status']).toBe('completed')
    expect(await get('/health/ready')).toMatchObject({ reasons: ['disk-full'] })

    await writeFile(`${control}-empty`, '')
    const roomAt = performance.now()
    await expect.poll(async () => (await submit(url)).status, { timeout: 5000 }).toBe(202)
    expect(performance.now() - roomAt).toBeLessThan(3000)
  },
)

test.skipIf(!canMount)(
  'on a full disk without a reserve a cancel and a pause are answered in time',
  async () => {
    const folder = await tempFolder()
    const data = join(folder, 'data')
    const control = join(await tempFolder(), 'go')
    const inner = `
    mount -t tmpfs -o size=6m none ${folder} && mkdir -m 700 ${data}
    "$@" &
    while [ ! -e ${control}-fill ]; do sleep 0.02; done
    dd if=/dev/zero of=${folder}/filler bs=4k 2>/dev/null; touch ${control}-filled; wait`
    const env = { DATA_DIR: data, TASKS_FILE: 'test/kill/tasks.ts', INNER: inner, DISK_RESERVE_MB: '0' }
    const bounds = { MAX_CONCURRENT_ANALYSIS_TASKS: '0', RATE_LIMIT_PER_MINUTE: '0' }
    const { url } = await startUnder('exec unshare -rm bash -c "$INNER" bash "$@"', { ...env, ...bounds })
    const accepted = [await submit(url), await submit(url), await submit(url)]
    await writeFile(`${control}-fill`, '')
    await expect.poll(() => existsSync(`${control}-filled`)).toBe(true)
    const isRefused = async () => (await submit(url, 20_000)).body['error_type']
    await expect.poll(isRefused, { timeout: 5000, interval: 5 }).toBe('disk_full')

    const ask = async (path: string, body: object) => {
      const startedAt = performance.now()
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
      const reply = (await response.json()) as Record<string, unknown>
      expect(performance.now() - startedAt).toBeLessThan(4000)
      return `${response.status} ${String(reply['error_type'] ?? reply['status'])}`
    }
    expect(await ask('/api/queue/pause', { scope: 'intake' })).toBe('503 disk_full')
    for (const { body } of accepted) {
      const first = await ask(`/api/tasks/${body['task_id']}/cancel`, {})
      expect(['503 disk_full', '200 cancelled']).toContain(first)
      const again = await ask(`/api/tasks/${body['task_id']}/cancel`, {})
      expect(again).toBe(first === '200 cancelled' ? '409 already_finished' : '503 disk_full')
    }
  },
)
