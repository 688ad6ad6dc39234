import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort, PROCESS_ENV, ROOT, spawnBound } from '../support/process.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { clientOf } from '../support/server.ts'

const programs = postgresPrograms()

/** A block of docs/cluster.md by its mark. */
async function block(path: string, mark: string): Promise<string> {
  const text = await readFile(join(ROOT, path), 'utf8')
  const found = new RegExp(`\`\`\`${mark}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1]
  if (found === undefined) throw new Error(`${path} has no block ${mark}`)
  return found
}

describe.skipIf(programs === undefined)('docs/cluster.md', () => {
  const postgres = usePostgres(programs)

  test('its way from one machine to three works as it stands, with local processes', async () => {
    const url = await postgres.newDatabase()
    const port = await freePort()
    // The task of the README names the package by its name, so it has to lie inside it.
    await mkdir(join(ROOT, 'data'), { recursive: true })
    const folder = await mkdtemp(join(ROOT, 'data', 'example-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'my-tasks.ts'), await block('README.md', 'ts file=my-tasks.ts'))
    const lines = (await block('docs/cluster.md', 'sh run cluster')).trim().split('\n')
    const [setting = '', ...commands] = lines
    expect(setting).toMatch(/^export DATABASE_URL=postgres:/)
    const env = { ...PROCESS_ENV, DATABASE_URL: url, DATA_DIR: join(folder, 'data'), BUILTIN_TASKS: 'none' }
    for (const command of commands) {
      const own = command.replace('npx headgate', `exec ${ROOT}/headgate`).replace('8001', `${port}`)
      const child = spawnBound('bash', ['-c', own], { cwd: folder, env, stdio: 'ignore' })
      const exited = once(child, 'exit')
      onTestFinished(async () => {
        child.kill('SIGTERM')
        await exited
      })
    }
    const web = clientOf(`http://127.0.0.1:${port}`)
    const ready = () =>
      web.get('/health/ready').then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(ready, { timeout: 30_000 }).toBe(200)
    const submit = (await block('docs/cluster.md', 'sh run submit')).replace('8001', `${port}`)
    const { stdout } = await promisify(execFile)('bash', ['-c', submit])
    const { task_id: id } = JSON.parse(stdout) as { task_id: string }
    expect(await web.ended(id)).toMatchObject({ status: 'completed', result: { words: 3 } })
  })
})
