import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { tempFolder } from '../support/journal.ts'
import { postTask, startProcess } from '../support/process.ts'

/** A process that has ended may stay in the table until somebody asks for its exit code. */
function isRunning(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

const TASKS = { TASKS_FILE: 'test/support/stop-tasks.ts' }

test.each([
  ['memory', []],
  ['sqlite', ['journal.db', 'journal.expected', 'journal.lock', 'journal.reserve', 'spool']],
])(
  'an idle server with JOURNAL=%s stops at once, with code 0, and leaves only what it keeps',
  async (journal, left) => {
    const server = await startProcess({ JOURNAL: journal })
    const { code, ms } = await server.end()
    expect([code, (await readdir(server.dataDir)).sort()]).toEqual([0, left])
    expect(ms).toBeLessThan(5000)
  },
)

test('readers hear of the stop, then are closed with 1001; obedient tasks end with the abort', async () => {
  const { url, end } = await startProcess({ ...TASKS, STOP_WAIT_SECONDS: '1' })
  const id = await postTask(url, 'obedient')
  const heard: string[][] = []
  const sockets = Array.from({ length: 200 }, (_, index) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/${id}`)
    const types: string[] = []
    heard[index] = types
    socket.on('message', (data) =>
      types.push((JSON.parse((data as Buffer).toString()) as { type: string }).type),
    )
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'message')))
  const streams = await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/api/tasks/${id}/stream`)))
  const closes = sockets.map(async (socket) => (await once(socket, 'close'))[0] as number)
  const { code } = await end()
  expect(code).toBe(0)
  expect(new Set(await Promise.all(closes))).toEqual(new Set([1001]))
  expect(heard.every((types) => types.includes('shutdown'))).toBe(true)
  for (const stream of streams) expect(await stream.text()).toContain('"type":"shutdown"')
})

test('peers that send half a request, nothing, or read nothing do not keep it', async () => {
  const { url, end } = await startProcess({ ...TASKS, STOP_WAIT_SECONDS: '0' })
  const id = await postTask(url, 'obedient')
  const port = Number(new URL(url).port)
  const silent = connect(port, '127.0.0.1')
  const half = connect(port, '127.0.0.1')
  half.write(
    'POST /summarize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  )
  const stuck = connect(port, '127.0.0.1')
  stuck.write(`GET /api/tasks/${id}/stream HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  await once(stuck, 'readable')
  for (const socket of [silent, half, stuck]) socket.on('error', () => undefined)
  const { code, ms } = await end()
  expect(code).toBe(0)
  expect(ms).toBeLessThan(10_000)
})

test('kill -9 takes the readers of documents along', async () => {
  const { url, child, exited } = await startProcess()
  const form = new FormData()
  form.append('file', new Blob([`<html><body>${'<div>'.repeat(60_000)}text`]), 'a')
  await fetch(`${url}/analyze-document`, { method: 'POST', body: form })
  const children = async () =>
    (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ')
  await expect.poll(async () => (await children()).filter(Boolean).length).toBeGreaterThan(0)
  const [reader = ''] = await children()
  child.kill('SIGKILL')
  await exited
  await expect.poll(() => isRunning(reader)).toBe(false)
})

test('while it stops it refuses new tasks as draining and is not ready', async () => {
  const { url, end } = await startProcess({ ...TASKS, STOP_WAIT_SECONDS: '2' })
  await postTask(url, 'obedient')
  const ended = end()
  await expect.poll(async () => (await fetch(`${url}/health/ready`)).status).toBe(503)
  const refused = await fetch(`${url}/summarize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"x"}',
  })
  expect([refused.status, ((await refused.json()) as { error_type: string }).error_type]).toEqual([
    503,
    'draining',
  ])
  expect((await ended).code).toBe(0)
})

test('stuck tasks do not keep it: after wait and grace it ends with code 0', async () => {
  const { url, end } = await startProcess({ ...TASKS, STOP_WAIT_SECONDS: '1', STOP_GRACE_SECONDS: '1' })
  for (let count = 0; count < 3; count += 1) await postTask(url, 'stuck')
  expect((await end()).code).toBe(0)
})

test('a second signal skips the wait', async () => {
  const { url, child, end } = await startProcess({ ...TASKS, STOP_WAIT_SECONDS: '600' })
  await postTask(url, 'obedient')
  child.kill('SIGTERM')
  await expect.poll(async () => (await fetch(`${url}/health/ready`)).status).toBe(503)
  // What follows at once is the same Ctrl-C; what comes later is a second one.
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect((await end('SIGINT')).code).toBe(0)
})

test.each([
  ['floating', 'left floating'],
  ['floating-unreadable', 'The handler threw an object that cannot be read.'],
])('a promise that a handler of %s left fails its task, and the server continues', async (type, message) => {
  const { url, messages } = await startProcess(TASKS)
  const id = await postTask(url, type)
  const read = async () =>
    (await (await fetch(`${url}/api/tasks/${id}?wait=5`)).json()) as {
      status: string
      error: { message: string } | null
    }
  await expect.poll(async () => (await read()).status).toBe('error')
  expect((await read()).error?.message).toBe(message)
  expect(messages()).toContain('handler left a rejected promise unhandled')
})

test.each([
  [{ PORT: '70000' }, 'headgate: PORT="70000": expected at most 65535.\n'],
  [
    { HOST: '0.0.0.0' },
    'headgate: HOST="0.0.0.0": without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new NAME.\n',
  ],
  [
    { DATA_DIR: '/dev/null/x' },
    `headgate: DATA_DIR="/dev/null/x": ENOTDIR: not a directory, mkdir '/dev/null/x'\n`,
  ],
  [
    { ANALYSIS_TASK_TIMEOUT: '1h' },
    'headgate: ANALYSIS_TASK_TIMEOUT="1h": expected a whole number from 1 to 2147483.\n',
  ],
])('the bad setting %j stops the start with one clear line', async (env, line) => {
  const { exited, stderr } = await startProcess(env)
  const code = await exited
  expect([code, stderr()]).toEqual([78, line])
})

test.each([
  ['test/support/clash.ts', /^headgate: Two task types are named "summarize"\.\n$/],
  ['test/support/nope.ts', /^headgate: TASKS_FILE="test\/support\/nope.ts": Cannot find module/],
  [
    'test/support/settle.ts',
    /^headgate: TASKS_FILE="test\/support\/settle.ts": the module has no default export.\n$/,
  ],
])('TASKS_FILE=%s stops the start with one clear line', async (file, line) => {
  const { exited, stderr } = await startProcess({ TASKS_FILE: file })
  expect(await exited).toBe(78)
  expect(stderr()).toMatch(line)
  expect(stderr().trim().split('\n')).toHaveLength(1)
})

test('a module in a package of CommonJS stops the start, with what to do', async () => {
  const folder = await tempFolder()
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}')
  await writeFile(join(folder, 'my-tasks.ts'), "import { z } from 'zod'\nexport default z\n")
  const { exited, stderr } = await startProcess({ TASKS_FILE: join(folder, 'my-tasks.ts') })
  expect(await exited).toBe(78)
  expect(stderr()).toContain('npm pkg set type=module')
})

test('task types that TypeScript has compiled to CommonJS are served', async () => {
  const file = join(await tempFolder(), 'my-tasks.cjs')
  const zod = JSON.stringify(createRequire(import.meta.url).resolve('zod'))
  const compiled = `Object.defineProperty(exports, '__esModule', { value: true })
    exports.default = { type: 'say-hello', input: require(${zod}).z.object({}), run: () => 'hello' }`
  await writeFile(file, compiled)
  const { url } = await startProcess({ TASKS_FILE: file })
  expect(await postTask(url, 'say-hello')).toMatch(/^[0-9a-f-]{36}$/)
})

test('a port in use stops the start with one clear line', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const { exited, stderr } = await startProcess({ PORT: `${port}` })
  expect([await exited, stderr()]).toEqual([
    78,
    `headgate: PORT="${port}": another process listens on 127.0.0.1:${port}.\n`,
  ])
  other.close()
})
