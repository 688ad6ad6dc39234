import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startProcess } from '../support/process.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-cache-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('compiled code is kept in the cache folder of the user, also of a process that is killed', async () => {
  const folder = await temporaryFolder()
  const { child } = await startProcess({ NODE_COMPILE_CACHE: '', XDG_CACHE_HOME: folder })
  const countFiles = () => readdir(join(folder, 'headgate'), { recursive: true }).then(({ length }) => length)
  await expect.poll(countFiles).toBeGreaterThan(200)
  child.kill('SIGKILL')
})

test('without a cache folder that can be written to, it starts all the same', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'file'), '')
  const { url } = await startProcess({ NODE_COMPILE_CACHE: '', XDG_CACHE_HOME: join(folder, 'file') })
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})
