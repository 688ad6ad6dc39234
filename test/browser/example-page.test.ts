import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createApplication } from '../../examples/page/serve.ts'
import { openBrowser } from '../support/browser.ts'
import { ROOT } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'

const chromium = realPart('chromium')

describe.skipIf(chromium === undefined)('the page of examples/page', () => {
  test('it submits, shows progress and the result, and cancels', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'headgate-page-'))
    const app = await createApplication(dataDir, pathToFileURL(`${await compileClient(dataDir)}/`))
    onTestFinished(async () => {
      await app.close()
      await rm(dataDir, { recursive: true, force: true })
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const page = await openBrowser(chromium ?? '')
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(url)
    const said = page.getByRole('status')
    const text = page.getByRole('textbox', { name: 'Text' })
    await text.fill('word '.repeat(500))
    await page.getByRole('button', { name: 'Count' }).click()
    await said.filter({ hasText: /Word \d+ of 500/ }).waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await said.filter({ hasText: /cancel/i }).waitFor()

    await text.fill('one two three four')
    await page.getByRole('button', { name: 'Count' }).click()
    await said.filter({ hasText: '4 words' }).waitFor()
    expect(faults).toEqual([])
  })
})

/** The client as the package has it: JavaScript, a file for each of the source. */
async function compileClient(dataDir: string): Promise<string> {
  const [source, folder] = [join(ROOT, 'src/client'), join(dataDir, 'client')]
  await mkdir(folder)
  for (const name of await readdir(source)) {
    const script = stripTypeScriptTypes(await readFile(join(source, name), 'utf8'))
    const linked = script.replaceAll(/(from |import\()'(\.\/[^']+)\.ts'/g, "$1'$2.js'")
    await writeFile(join(folder, name.replace(/ts$/, 'js')), linked)
  }
  return folder
}
