import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createVictim } from '../kill/victim.ts'
import { freePort, ROOT } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { expectSound, launch, openTab } from './page.ts'
import tasks, { reportType } from './tasks.ts'

const chromium = realPart('chromium')
const program = chromium ?? ''
const run = promisify(execFile)

/** Lets files fall on the page, as a person does. */
async function drop(page: Page, name: string, content: string): Promise<void> {
  const data = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([${JSON.stringify(content)}], ${JSON.stringify(name)}, { type: 'text/plain' }))
    return transfer
  })()`)
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: data })
}

describe.skipIf(chromium === undefined)('with the page', () => {
  test('a file is dropped, its task watched, and its result downloaded', async () => {
    const { url } = await startServer({ tasks })
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/new?type=upload`)
    await drop(page, '报告.txt', 'word '.repeat(2000))
    await page.getByRole('link', { name: '报告.txt' }).click()
    await page.getByRole('heading', { level: 1, name: '报告.txt' }).waitFor()
    await page.locator('.task-head .pill', { hasText: 'Completed' }).waitFor()
    await page.getByText('"bytes": 10000').waitFor()
    const downloading = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download json' }).click()
    expect((await downloading).suggestedFilename()).toContain('.json')
    await expectSound(page, faults, 'a finished upload')
  })

  test('a report is read as it is written, and again with changes', async () => {
    // However slow the page is, the report is not finished before it was seen.
    const { promise: seen, resolve: finish } = Promise.withResolvers<void>()
    const others = tasks.filter(({ type }) => type !== 'report')
    const { url } = await startServer({ tasks: [reportType(() => seen), ...others] })
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/new?type=report`)
    await page.getByLabel('title').fill('Written live')
    await page.getByLabel('chapters').fill('4')
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.locator('.sent a').first().click()
    await page.getByRole('heading', { name: 'Chapter 1' }).waitFor()
    await page.locator('.task-head .pill', { hasText: 'Running' }).waitFor()
    finish()
    await page.locator('.task-head .pill', { hasText: 'Completed' }).waitFor()
    expect(await page.locator('.markdown h3').allTextContents()).toEqual(
      [1, 2, 3, 4].map((chapter) => `Chapter ${chapter}`),
    )
    await page.getByRole('button', { name: 'Again with changes' }).click()
    expect(await page.getByLabel('chapters').inputValue()).toBe('4')
    expect(faults).toEqual([])
  })

  test('two tabs see a cancel within a second', async () => {
    const { url, post } = await startServer({ tasks })
    const browser = await launch(program)
    await post('/api/tasks', { type: 'hang', input: {}, metadata: { title: 'To be cancelled' } })
    const [one, two] = [await openTab(browser, url), await openTab(browser, url)]
    for (const { page } of [one, two]) {
      await page.goto(`${url}/ui/`)
      await page.locator('.slot', { hasText: 'To be cancelled' }).waitFor()
    }
    await one.page.getByRole('button', { name: 'Cancel: To be cancelled' }).click()
    const startedAt = performance.now()
    await two.page
      .locator('.row', { hasText: 'To be cancelled' })
      .locator('.pill', { hasText: 'Cancelled' })
      .waitFor()
    // Half a second between ticks; the rest is for a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect([...one.faults, ...two.faults]).toEqual([])
  })

  test('what failed is found, tried again and paused from the overview in a few clicks', async () => {
    const { url, post, ended, get } = await startServer({ tasks, settings: { slots: 1 } })
    for (let n = 1; n <= 3; n += 1) {
      const { body } = await post('/api/tasks', { type: 'broken', input: { n, name: `file ${n}` } })
      await ended(body['task_id'] as string)
    }
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/`)
    await page.getByRole('link', { name: 'Failures' }).click()
    await page.getByText('Page # of "…" has no text.').waitFor()
    await page.getByRole('button', { name: 'Retry these 3' }).click()
    await page.getByText('6 ×').waitFor()
    await page.getByRole('img', { name: /^Over 24 h, in 24 parts: (0, )+6$/ }).waitFor()
    await page.getByRole('link', { name: 'Controls' }).click()
    await page.getByRole('button', { name: 'Pause: Processing' }).click()
    await page.getByRole('button', { name: 'Resume: Processing' }).waitFor()
    expect((await get('/api/queue/stats')).body['paused']).toBe(true)
    await page.getByRole('spinbutton', { name: 'Workers' }).fill('2')
    await page.getByRole('button', { name: 'Set: Workers' }).click()
    await page.getByText('now 2').waitFor()
    await page.getByText(/^setting 1 · /).waitFor()
    await page.getByRole('combobox', { name: /^Type/ }).selectOption('broken')
    await page.getByRole('button', { name: 'Pause: One type or one caller' }).click()
    await page.getByRole('button', { name: 'Resume: Processing · broken' }).waitFor()
    expect((await get('/api/queue/config')).body['paused_groups']).toMatchObject([
      { scope: 'processing', type: 'broken', caller: null },
    ])
    await page.getByRole('button', { name: 'Resume: Processing · broken' }).click()
    await expect.poll(async () => (await get('/api/queue/config')).body['paused_groups']).toEqual([])
    await page.getByRole('button', { name: 'Resume: Processing', exact: true }).click()
    await page.getByRole('button', { name: 'Pause: Processing' }).waitFor()
    expect(faults).toEqual([])
  })

  test('a waiting task is dragged to another level, and the command of a task submits it again', async () => {
    const { url, post, get } = await startServer({ tasks, settings: { slots: 0 } })
    const folder = await mkdtemp(join(tmpdir(), 'headgate-curl-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const { body } = await post('/api/tasks', {
      type: 'report',
      input: { chapters: 1, title: `It's "so" & $HOME` },
    })
    const id = body['task_id'] as string
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/`)
    const lane = (name: string) => page.getByRole('region', { name, exact: true })
    await lane('Normal').getByRole('listitem').dragTo(lane('Urgent'))
    await lane('Urgent').getByRole('listitem').waitFor()
    expect((await get(`/api/tasks/${id}`)).body['priority_name']).toBe('URGENT')

    await page.goto(`${url}/ui/tasks/${id}`)
    await page.getByText('The same by curl').click()
    const command = await page.locator('details pre', { hasText: 'curl' }).textContent()
    const { stdout } = await run('bash', ['-c', `${command} --silent --noproxy '*'`])
    const again = JSON.parse(stdout) as { task_id: string }
    const copy = (await get(`/api/tasks/${again.task_id}?include=input`)).body
    expect(copy).toMatchObject({
      priority_name: 'URGENT',
      input: { chapters: 1, title: `It's "so" & $HOME` },
    })
    await writeFile(join(folder, `a"b;c.txt`), 'some words')
    const form = new FormData()
    form.append('file', new Blob(['some words'], { type: 'text/plain' }), `a"b;c.txt`)
    const uploaded = (await (await fetch(`${url}/upload`, { method: 'POST', body: form })).json()) as Record<
      string,
      string
    >
    await page.goto(`${url}/ui/tasks/${uploaded['task_id']}`)
    await page.getByText('The same by curl').click()
    const upload = await page.locator('details pre', { hasText: 'curl' }).textContent()
    const sent = await run('bash', ['-c', `${upload} --silent --noproxy '*'`], { cwd: folder })
    expect(JSON.parse(sent.stdout)).toMatchObject({ task_status: 'queued' })
    expect(faults).toEqual([])
  })

  test('the planner gives the numbers that headgate plan gives', async () => {
    const { url, get } = await startServer({ tasks })
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/plan`)
    for (const [name, value] of [
      ['Workers', '3'],
      ['Tasks a minute', '2'],
      ['Run time, seconds', '80'],
    ] as const) {
      await page.getByLabel(name, { exact: true }).fill(value)
    }
    await page.getByRole('button', { name: 'Compute' }).click()
    const places = (await get('/api/queue/stats')).body['max_queue_size'] as number
    for (const workers of [1, 2, 3, 4, 5, 6]) {
      const meter = page.getByRole('meter', { name: `${workers}`, exact: true })
      const shown = Number(await meter.getAttribute('value'))
      const args = [
        '--workers',
        `${workers}`,
        '--per-minute',
        '2',
        '--run',
        '80',
        '--places',
        `${places}`,
        '--json',
      ]
      const { stdout } = await run(process.execPath, [
        '--conditions=headgate-source',
        join(ROOT, 'src/cli/program.ts'),
        'plan',
        ...args,
      ])
      const { waits } = JSON.parse(stdout) as { waits: { p90: number } }
      expect([workers, shown]).toEqual([workers, Math.round(waits.p90 * 10) / 10])
    }
    expect(faults).toEqual([])
  })

  test('many tasks are chosen, and the dry run shown before they are tried again', async () => {
    const { url, post, ended, get } = await startServer({ tasks })
    for (let n = 1; n <= 3; n += 1) {
      const { body } = await post('/api/tasks', { type: 'broken', input: { n } })
      await ended(body['task_id'] as string)
    }
    const { page, faults } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/tasks`)
    await page.getByRole('checkbox', { name: 'Select all of this page' }).check()
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.getByText('3 of them can; 0 cannot.').waitFor()
    expect((await get('/api/tasks')).body['tasks']).toHaveLength(3)
    await page.getByRole('button', { name: 'Do it for 3' }).click()
    await page.getByText('Done for 3; 0 were refused.').waitFor()
    expect((await get('/api/tasks')).body['tasks']).toHaveLength(6)
    expect(faults).toEqual([])
  })

  test('a token begins a session, and a page whose session ends is out', async () => {
    const ann = tokenFor('ann')
    const { url, core, as } = await startServer({ tasks, settings: { tokens: [ann.record] } })
    const { page, context } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/tasks`)
    await page.getByLabel('Token').fill('hg_wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('alert').getByText('unknown, revoked or expired').waitFor()
    await page.getByLabel('Token').fill(ann.token)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('There are no tasks yet.').waitFor()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    const stored = await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')
    expect(String(stored)).not.toContain(ann.token)
    expect(await page.getByRole('link', { name: 'Controls' }).count()).toBe(0)
    await as(ann.headers).post('/api/tasks', { type: 'hang', input: {}, metadata: { title: 'Mine' } })
    await page.getByRole('link', { name: 'Mine' }).waitFor()
    // As a revoked token: the store knows it no more.
    core.callers.named = () => undefined
    core.callers.withDigest = () => undefined
    await page.getByRole('button', { name: 'Log in' }).waitFor()
  })

  test('a server is killed under an open task: the page says so, comes back, and the text is whole', async () => {
    const port = await freePort()
    const { start, kill } = await createVictim({ PORT: `${port}`, TASKS_FILE: 'test/web/tasks.ts' })
    const url = `http://127.0.0.1:${port}`
    let server = await start()
    const submitted = await fetch(`${url}/api/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'report', input: { chapters: 12, pause_ms: 400, title: 'Kept' } }),
    })
    const { task_id: id } = (await submitted.json()) as { task_id: string }
    const { page } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/tasks/${id}`)
    await page.getByRole('heading', { name: 'Chapter 2', exact: true }).waitFor()
    await kill(server)
    await page.getByText(/Reconnecting\. What is shown is as of/).waitFor()
    server = await start()
    await page.locator('.task-head .pill', { hasText: 'Completed' }).waitFor({ timeout: 60_000 })
    expect(await page.locator('.markdown h3').allTextContents()).toEqual(
      Array.from({ length: 12 }, (_, index) => `Chapter ${index + 1}`),
    )
    await page.locator('.banner').waitFor({ state: 'detached' })
  })

  test('the keyboard alone reaches every screen and every action of the overview', async () => {
    const { url, post } = await startServer({ tasks, settings: { slots: 1 } })
    await post('/api/tasks', { type: 'hang', input: {}, metadata: { title: 'Runs' } })
    await post('/api/tasks', { type: 'hang', input: {}, metadata: { title: 'Waits' } })
    const { page } = await openTab(await launch(program), url)
    await page.goto(`${url}/ui/`)
    await page.locator('.lane-rows a', { hasText: 'Waits' }).waitFor()
    const reached = new Set<string>()
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab')
      reached.add(
        String(
          await page.evaluate(
            `(({ ariaLabel, textContent, tagName }) => ariaLabel ?? (tagName === 'BODY' ? '' : textContent.trim()))(document.activeElement)`,
          ),
        ),
      )
    }
    for (const name of [
      'Overview',
      'Tasks',
      'New task',
      'Failures',
      'Planner',
      'Controls',
      'Search tasks',
      'Language',
      'Theme',
    ])
      expect([...reached]).toContain(name)
    for (const name of ['Runs', 'Cancel: Runs', 'Waits', 'Level: Waits']) expect([...reached]).toContain(name)
    await page.getByRole('button', { name: 'Cancel: Runs' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('.row', { hasText: 'Runs' }).locator('.pill', { hasText: 'Cancelled' }).waitFor()
  })
})
