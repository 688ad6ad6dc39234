import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { ROOT } from '../support/process.ts'
import { startServer } from '../support/server.ts'

const run = promisify(execFile)
const headgate = (args: readonly string[], env: Record<string, string> = {}) =>
  run(process.execPath, ['--conditions=headgate-source', join(ROOT, 'src/cli/program.ts'), 'plan', ...args], {
    env: { ...process.env, ...env },
    cwd: tmpdir(),
  })

test('headgate plan prints a table, with the smallest number of workers', async () => {
  const args = ['--workers', '4', '--burst', '10', '--run', '163', '--target', '1']
  const { stdout } = await headgate(args)
  expect(stdout).toMatch(/last done after +489\.0 s/)
  expect(stdout).toMatch(/NORMAL +10 +130\.4 s/)
  expect(stdout).toContain('Nine of ten wait 1 s at the most with: 9 workers.')
})

test('it prints JSON, of steady and of random arrivals, of mixes and of levels', async () => {
  const args = [
    '--workers',
    '4',
    '--per-minute',
    '2',
    '--run',
    '30:0.3,75:0.4,163:0.3',
    '--priorities',
    '1,1,1,1',
  ]
  const { stdout } = await headgate([...args, '--minutes', '600', '--spread', '0.5', '--json'])
  const result = JSON.parse(stdout) as { load: number; verdict: string; byPriority: object }
  expect([Math.round(result.load * 1000), result.verdict]).toEqual([733, 'stable'])
  expect(Object.keys(result.byPriority)).toEqual(['LOW', 'NORMAL', 'HIGH', 'URGENT'])
})

test.each([
  [['--burst', '10'], 'fewer than five tasks'],
  [['--run', '10'], '--per-minute or --burst'],
  [['--burst', 'many', '--run', '1'], 'expected a number above 0'],
  [['--burst', '1', '--run', '1:x'], 'seconds:share'],
  [['--burst', '1', '--run', '1', '--priorities', '1,2'], 'four shares'],
])('%j is refused with a reason', async (args, why) => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-plan-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await expect(headgate(args, { DATA_DIR: folder })).rejects.toMatchObject({
    stderr: expect.stringContaining(why) as string,
  })
})

test('without a run time it takes those of the tasks that completed here, beside a running server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-plan-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const quick = defineTask({ type: 'quick', input: z.object({}), run: () => 1 })
  const server = await startServer({
    tasks: [quick],
    folder,
    settings: { databaseUrl: '', journal: 'sqlite' },
  })
  for (let count = 0; count < 6; count += 1)
    await server.ended((await server.post('/quick', {})).body['task_id'])
  const { stdout } = await headgate(['--burst', '5', '--json'], { DATA_DIR: folder })
  expect((JSON.parse(stdout) as { tasks: number }).tasks).toBe(5)
})
