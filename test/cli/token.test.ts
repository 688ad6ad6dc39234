import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { clientOf } from '../support/server.ts'
import { PROCESS_ENV, ROOT, startProcess } from '../support/process.ts'

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const run = (dataDir: string, ...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = { ...PROCESS_ENV, DATA_DIR: dataDir }
      execFile(join(ROOT, 'headgate'), args, { env, cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      )
    })
  return { folder, run: (...args: string[]) => run(folder, ...args), runAt: run }
}

test('a token is made, shown once, listed by its digest, and revoked', async () => {
  const { run } = await setup()
  const made = await run('token', 'new', 'ann', '--role', 'operator', '--priority', 'HIGH', '--expires', '30')
  const token = made.stdout.trim()
  expect([made.code, token]).toEqual([0, expect.stringMatching(/^hg_[\w-]{43}$/)])
  expect(made.stderr).not.toContain(token)
  await run('token', 'new', 'ben')
  const listed = (await run('token', 'list')).stdout
  expect(listed).toMatch(
    /^NAME +ROLE +PRIORITY +CREATED +EXPIRES +DIGEST\nann +operator +HIGH +\S+ +\S+ +[0-9a-f]{12}\nben +caller +URGENT +\S+ +never +[0-9a-f]{12}\n$/,
  )
  expect(listed).not.toContain(token)
  expect(await run('token', 'revoke', 'ann')).toMatchObject({ code: 0, stderr: 'Revoked 1 token of ann.\n' })
  expect((await run('token', 'list')).stdout).not.toContain('ann')
})

test('one of several tokens of a caller is revoked by its digest', async () => {
  const { run } = await setup()
  await run('token', 'new', 'ann')
  await run('token', 'new', 'ann')
  const digests = (await run('token', 'list')).stdout.match(/[0-9a-f]{12}$/gm) ?? []
  await run('token', 'revoke', 'ann', '--digest', digests[0] ?? '')
  expect((await run('token', 'list')).stdout.match(/[0-9a-f]{12}$/gm)).toEqual(digests.slice(1))
})

test.each([
  [['token', 'new', 'two words'], 1, 'expected up to 64 letters'],
  [['token', 'new', 'a', '--role', 'king'], 1, 'Allowed choices are caller, operator'],
  [['token', 'new', 'a', '--priority', '7'], 1, 'expected LOW, NORMAL, HIGH or URGENT'],
  [['token', 'new', 'a', '--expires', '0'], 1, 'expected a whole number of days from 1 to 36500'],
  [['token', 'revoke', 'a', '--digest', ''], 1, 'expected 4 to 64 hex digits'],
  [['token', 'revoke', 'nobody'], 1, 'there is no such token of "nobody"'],
  [['nonsense'], 1, "unknown command 'nonsense'"],
])('%j ends with one clear line', async (args, code, line) => {
  const { run } = await setup()
  const result = await run(...args)
  expect(result.code).toBe(code)
  expect(result.stderr).toContain(line)
  expect(result.stderr).not.toContain('    at ')
})

test('tokens that are made at once are all kept', async () => {
  const { run } = await setup()
  const names = Array.from({ length: 6 }, (_, index) => `u${index}`)
  const made = await Promise.all(names.map((name) => run('token', 'new', name)))
  expect(made.map(({ code }) => code)).toEqual(names.map(() => 0))
  const { stdout } = await run('token', 'list')
  expect([...stdout.matchAll(/^u\d/gm)].map(([name]) => name).sort()).toEqual(names)
})

test('a running server takes a new token, and forgets a revoked one, within two seconds', async () => {
  const { runAt } = await setup()
  const { url, dataDir } = await startProcess()
  const status = async (headers: Record<string, string> = {}) =>
    (await clientOf(url, headers).get('/api/tasks')).status
  expect(await status()).toBe(200)
  const { stdout } = await runAt(dataDir, 'token', 'new', 'ann')
  const ann = { authorization: `Bearer ${stdout.trim()}` }
  await expect.poll(() => status(), { timeout: 3000 }).toBe(401)
  expect(await status(ann)).toBe(200)
  await runAt(dataDir, 'token', 'revoke', 'ann')
  await expect.poll(() => status(ann), { timeout: 3000 }).toBe(401)
})
