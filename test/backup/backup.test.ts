import { execFile } from 'node:child_process'
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { PROCESS_ENV, ROOT, startProcess } from '../support/process.ts'
import { clientOf } from '../support/server.ts'

const TASKS_FILE = 'test/support/stop-tasks.ts'

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function headgate(dataDir: string, ...args: string[]): Promise<Result> {
  const env = { ...PROCESS_ENV, DATA_DIR: dataDir }
  return new Promise((resolve) => {
    execFile(join(ROOT, 'headgate'), args, { env, cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'headgate-backup-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A server with a token, tasks that have ended and one that waits with its upload, and a backup taken as it runs. */
async function setup() {
  const dataDir = await folder()
  const made = await headgate(dataDir, 'token', 'new', 'ann')
  const token = made.stdout.trim()
  const env = { DATA_DIR: dataDir, TASKS_FILE, MAX_CONCURRENT_ANALYSIS_TASKS: '1' }
  const server = await startProcess(env)
  const ann = clientOf(server.url, { authorization: `Bearer ${token}` })
  const ended = await ann.post('/floating')
  await ann.ended(ended.body['task_id'])
  const running = await ann.post('/obedient')
  const waiting = await ann.upload('/analyze-document', 'A text that waits. It has two sentences.')
  const target = join(await folder(), 'backup')
  const printed = await headgate(dataDir, 'backup', target)
  const ids = [ended, running, waiting].map(({ body }) => body['task_id'] as string)
  return { server, token, ann, ids, target, printed, dataDir }
}

test('a backup of a running server, restored elsewhere, serves its callers what they saw', async () => {
  const { server, token, ann, ids, target, printed } = await setup()
  expect(printed).toMatchObject({
    code: 0,
    stdout: /^Backed up and read back: 3 tasks, 1 uploads, the tokens, /,
  })
  const before = await Promise.all(ids.map(async (id) => (await ann.get(`/api/tasks/${id}`)).body))
  await server.end('SIGKILL')

  const place = await folder()
  expect(await headgate(place, 'restore', target)).toMatchObject({ code: 0 })
  for (const name of ['journal.db', 'tokens.json']) {
    expect((await stat(join(place, name))).mode & 0o777, name).toBe(0o600)
  }
  const doctor = await headgate(place, 'doctor')
  expect([doctor.code, doctor.stdout]).toEqual([0, expect.not.stringContaining('WRONG')])

  const restored = await startProcess({ DATA_DIR: place, TASKS_FILE, MAX_CONCURRENT_ANALYSIS_TASKS: '1' })
  const again = clientOf(restored.url, { authorization: `Bearer ${token}` })
  expect((await fetch(`${restored.url}/api/tasks/${ids[0]}`)).status).toBe(401)
  const read = () => Promise.all(ids.map(async (id) => (await again.get(`/api/tasks/${id}`)).body))
  expect((await read())[0]).toEqual(before[0])
  // The one that ran is queued until its next start is written down.
  await expect
    .poll(async () => (await read()).map(({ status, created_at: at }) => [status, at]))
    .toEqual(before.map(({ status, created_at: at }) => [status, at]))
  // The one that ran is started first, then the one with the upload.
  await again.post(`/api/tasks/${ids[1]}/cancel`)
  expect(await again.ended(ids[2] ?? '')).toMatchObject({ status: 'completed' })
})

test('a backup that is damaged, not complete, or in the way is refused, and nothing is written', async () => {
  const { target, server, dataDir } = await setup()
  await server.end('SIGKILL')
  expect(await headgate(dataDir, 'backup', target)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty'),
  })
  const [upload = ''] = await readdir(join(target, 'spool'))
  const copies = { damaged: join(await folder(), 'b'), cut: join(await folder(), 'b') }
  for (const copy of Object.values(copies)) await cp(target, copy, { recursive: true })
  await writeFile(join(copies.damaged, 'spool', upload), 'A text that waits. It has two sentence$.')
  await rm(join(copies.cut, 'backup.json'))
  const place = await folder()
  expect(await headgate(place, 'restore', copies.damaged)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/spool\/\S+ is not as it was backed up/),
  })
  expect(await headgate(place, 'restore', copies.cut)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is no complete backup'),
  })
  expect(await readdir(place)).toEqual([])
  await headgate(place, 'restore', target)
  const bytes = await readFile(join(place, 'journal.db'))
  expect(await headgate(place, 'restore', target)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is something already'),
  })
  expect((await readFile(join(place, 'journal.db'))).equals(bytes)).toBe(true)
})

test('a restore that was cut off is reported by doctor and by the start, and repeated', async () => {
  const { target, server } = await setup()
  await server.end('SIGKILL')
  const place = await folder()
  await headgate(place, 'restore', target)
  await writeFile(join(place, 'restore.unfinished'), '')
  await writeFile(join(place, 'journal.db'), 'half of it')
  const doctor = await headgate(place, 'doctor')
  expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('was cut off')])
  const refused = await startProcess({ DATA_DIR: place })
  expect([await refused.exited, refused.stderr()]).toEqual([66, expect.stringContaining('Repeat it')])
  expect(await headgate(place, 'restore', target)).toMatchObject({ code: 0 })
  expect((await headgate(place, 'doctor')).code).toBe(0)
})

test('doctor lists which files others may read', async () => {
  const { dataDir, end } = await startProcess()
  await end()
  await chmod(join(dataDir, 'journal.db'), 0o644)
  const { code, stdout } = await headgate(dataDir, 'doctor')
  expect([code, stdout]).toEqual([1, expect.stringMatching(/WRONG +modes +others may read or write 1 files/)])
})
