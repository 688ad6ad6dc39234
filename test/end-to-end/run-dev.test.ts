import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT, spawnBound } from '../support/process.ts'

const run = promisify(execFile)

/** Runs the script to its end. */
async function runDev(...args: string[]) {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-dev-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const env = { ...process.env, DATA_DIR: dataDir }
  const { stdout, stderr, code } = await run(join(ROOT, 'run-dev.sh'), args, { env }).then(
    (done) => ({ ...done, code: 0 }),
    (failed: { stdout: string; stderr: string; code: number }) => failed,
  )
  return { stdout, stderr, code }
}

test('--help lists every option', async () => {
  const { stdout, code } = await runDev('--help')
  expect(code).toBe(0)
  for (const option of ['--port', '--host', '--no-reload', '--help']) expect(stdout).toContain(option)
})

test.each([
  [['--bogus'], "run-dev: unknown option '--bogus' (see --help)\n", 2],
  [['--port'], 'run-dev: --port needs a value (see --help)\n', 2],
  [['--port', 'x'], 'headgate: PORT="x": expected a whole number from 0 to 65535.\n', 78],
  [
    ['--host', '0.0.0.0'],
    'headgate: HOST="0.0.0.0": without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new NAME.\n',
    78,
  ],
])('%j gives one clear line', async (args, line, status) => {
  const { stderr, code } = await runDev(...args)
  expect([stderr, code]).toEqual([line, status])
})

test('a port in use gives one clear line and starts nothing', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const { stderr, code } = await runDev('--port', `${port}`)
  expect([stderr, code]).toEqual([
    `headgate: PORT="${port}": another process listens on 127.0.0.1:${port}.\n`,
    78,
  ])
  other.close()
})

test.each([[['--no-reload']], [[]]])(
  'with %j it starts, prints how to use it, and stops on a signal',
  async (args) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'headgate-dev-'))
    const child = spawnBound(join(ROOT, 'run-dev.sh'), ['--port', '0', ...args], {
      // Other tests read the page, which would be built anew.
      env: { ...process.env, DATA_DIR: dataDir, WEB: 'off' },
    })
    onTestFinished(async () => {
      child.kill('SIGTERM')
      await rm(dataDir, { recursive: true, force: true })
    })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('Headgate is ready at')
    const [, url = ''] = /ready at (\S+)/.exec(stdout) ?? []
    const [, curl = ''] = /^ +(curl .*analyze-document.*)$/m.exec(stdout) ?? []
    const { stdout: reply } = await run('bash', ['-c', curl], { cwd: ROOT })
    expect(JSON.parse(reply)).toMatchObject({ status: 'created', priority_name: 'HIGH' })
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
    await expect
      .poll(() =>
        fetch(`${url}/health/live`).then(
          () => 'up',
          () => 'gone',
        ),
      )
      .toBe('gone')
  },
)

test('the page that is built anew at each change is never taken away from a server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-page-'))
  await writeFile(join(folder, 'served.js'), 'served now')
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
  const args = [vite, 'build', '--watch', '--config', 'src/web/vite.config.ts', '--outDir', folder]
  const child = spawnBound(process.execPath, args, { cwd: ROOT, stdio: 'ignore' })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  await expect.poll(() => readdir(folder), { timeout: 60_000 }).toContain('index.html')
  expect(await readdir(folder)).toContain('served.js')
})

test('each package script is explained, and the test command is the plain one', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  expect(scripts['test']).toBe('vitest run')
  const guide = await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
  for (const name of Object.keys(scripts)) expect(guide, name).toContain(`\`${name}\``)
  expect(await readFile(join(ROOT, '.ci/run'), 'utf8')).toContain('npm cit\n')
})
