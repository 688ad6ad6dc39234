import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { authorize, openBrowser } from '../support/browser.ts'
import { samplePdf } from '../support/pdf.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const chromium = realPart('chromium')
const TIMEOUT_MS = 60_000

/** The operations with something to fill in, and the state that their task has to be in. */
const OPERATIONS = [
  ['POST /summarize', null],
  ['POST /analyze-pdf', null],
  ['POST /analyze-document', null],
  ['POST /api/tasks', null],
  ['POST /api/tasks/batch', null],
  ['GET /api/tasks', null],
  ['GET /api/tasks/{id}', 'ended'],
  ['GET /api/tasks/{id}/status', 'ended'],
  ['GET /api/tasks/{id}/result', 'ended'],
  ['POST /api/tasks/{id}/retry', 'ended'],
  ['DELETE /api/tasks/{id}', 'ended'],
  ['PATCH /api/tasks/{id}', 'waiting'],
  ['POST /api/tasks/{id}/ticket', 'waiting'],
  ['POST /api/tasks/{id}/cancel', 'waiting'],
  ['GET /api/queue/forecast', null],
  ['PATCH /api/queue/config', null],
  ['POST /api/queue/pause', null],
] as const

async function operation(page: Page, name: string): Promise<Locator> {
  const [method = '', path = ''] = name.split(' ')
  const marked = page.locator(`.opblock-${method.toLowerCase()}`, {
    has: page.locator(`.opblock-summary-path[data-path="${path}"]`),
  })
  await marked.locator('.opblock-summary').click()
  await marked.getByRole('button', { name: 'Try it out' }).click()
  return marked
}

/** Runs an operation once for each example of it, as the page fills it in; only an id and a file are a person's. */
async function runEach(block: Locator, id: string, file: string): Promise<number[]> {
  const ids = block.locator('tr[data-param-name="id"] input')
  if ((await ids.count()) > 0) await ids.first().fill(id)
  const files = block.locator('input[type=file]')
  if ((await files.count()) > 0) await files.first().setInputFiles(file)
  const examples = block.locator('.opblock-section-request-body .examples-select-element')
  const choices = (await examples.count()) > 0 ? await examples.first().locator('option').count() : 1
  const statuses: number[] = []
  for (let choice = 0; choice < choices; choice += 1) {
    if (choices > 1) await examples.first().selectOption({ index: choice })
    if (choice > 0) await block.getByRole('button', { name: 'Clear' }).click()
    await block.getByRole('button', { name: 'Execute' }).click()
    const status = block.locator('.live-responses-table .response .response-col_status').first()
    await status.waitFor()
    statuses.push(Number.parseInt(await status.innerText(), 10))
  }
  return statuses
}

test.skipIf(chromium === undefined)(
  'every example of /docs is accepted as it is filled in',
  { timeout: 5 * TIMEOUT_MS },
  async () => {
    const { record, token, headers } = tokenFor('root', { role: 'operator' })
    const held = heldType()
    const { url, as, dataDir } = await startServer({
      tasks: [held.definition],
      settings: { tokens: [record], slots: 1, capacity: 1000, ratePerMinute: 0, addressRatePerMinute: 0 },
    })
    const root = as(headers)
    const submit = async () =>
      (await root.post('/summarize', { text: `A gate. ${crypto.randomUUID()}` })).body['task_id'] as string
    // The forecast wants to have seen a few.
    let ended = ''
    for (let count = 0; count < 6; count += 1) await root.ended((ended = await submit()))
    const files = { text: join(dataDir, 'notes.txt'), pdf: join(dataDir, 'notes.pdf') }
    await writeFile(files.text, 'A gate holds the water back. It opens for one boat at a time.\n'.repeat(20))
    await writeFile(files.pdf, samplePdf(['A gate holds the water back.']))
    // Whatever comes from now on waits.
    await root.post('/held')
    await expect.poll(() => held.held.length).toBe(1)
    const waiting = await submit()

    const page = await openBrowser(chromium!)
    page.setDefaultTimeout(TIMEOUT_MS)
    await page.goto(`${url}/docs`)
    await authorize(page, token)
    const found: Record<string, readonly number[]> = {}
    for (const [name, state] of OPERATIONS) {
      const block = await operation(page, name)
      const file = name.endsWith('-pdf') ? files.pdf : files.text
      found[name] = await runEach(block, state === 'waiting' ? waiting : ended, file)
      await block.locator('.opblock-summary').click()
    }
    const refused = Object.entries(found).filter(([, statuses]) => statuses.some((status) => status >= 400))
    expect(refused).toEqual([])
    expect(found['POST /summarize']?.length).toBeGreaterThan(1)
  },
)
