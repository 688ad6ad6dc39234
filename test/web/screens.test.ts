import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer } from '../support/server.ts'
import { expectSound, launch, openTab } from './page.ts'
import tasks from './tasks.ts'

const chromium = realPart('chromium')
const SCREENS = [
  '/',
  '/tasks',
  '/new',
  '/failures',
  '/plan?workers=2&arrivals_per_minute=6&run_seconds=10',
  '/controls',
]
const LOOKS = [
  { locale: 'en-US', colorScheme: 'light', width: 1280 },
  { locale: 'zh-CN', colorScheme: 'dark', width: 375 },
  { locale: 'zh-CN', colorScheme: 'light', width: 1280 },
  { locale: 'en-US', colorScheme: 'dark', width: 375 },
  { locale: 'en-US', colorScheme: 'light', width: 375 },
  { locale: 'zh-CN', colorScheme: 'dark', width: 1280 },
  { locale: 'zh-CN', colorScheme: 'light', width: 375 },
  { locale: 'en-US', colorScheme: 'dark', width: 1280 },
] as const
/** Every look by `npm run test:web`; else one of each kind. */
const looks = process.env['WEB_MATRIX'] === undefined ? LOOKS.slice(0, 2) : LOOKS

/** A server with something of everything: failures, parked, running and waiting tasks, long and Chinese titles. */
async function busyServer() {
  const server = await startServer({ tasks, settings: { slots: 2 } })
  const submit = async (type: string, input: object, title: string, priority = 1) =>
    (await server.post('/api/tasks', { type, input, priority, metadata: { title } })).body[
      'task_id'
    ] as string
  const failed = await submit('broken', { n: 3, name: 'x.pdf' }, '年度财务报告')
  await server.ended(failed)
  const report = await submit(
    'report',
    { pause_ms: 1, title: 'How queues stay fair' },
    'How queues stay fair',
  )
  await server.ended(report)
  await submit('provider', {}, 'Summary of the board meeting')
  const long = '一份标题非常非常长的中文文件，它的名字会超过一行，所以需要被截断才能在窄屏上显示'.repeat(2)
  const running = await submit('hang', {}, long)
  await submit('hang', {}, 'x'.repeat(150))
  for (let index = 0; index < 8; index += 1) {
    await submit('report', {}, `Quarterly report ${index}`, index % 4)
  }
  return { ...server, failed, report, running }
}

describe.skipIf(chromium === undefined)('the page', () => {
  test('every screen is sound in every look', { timeout: 400_000 }, async () => {
    const { url, failed, report, running } = await busyServer()
    const browser = await launch(chromium ?? '')
    for (const { locale, colorScheme, width } of looks) {
      const viewport = { width, height: 800 }
      const { page, faults, context } = await openTab(browser, url, { locale, colorScheme, viewport })
      for (const screen of [...SCREENS, ...[failed, report, running].map((id) => `/tasks/${id}`)]) {
        await page.goto(`${url}/ui${screen}`)
        await page.locator('main h1').first().waitFor()
        await page.locator('.pill.good, .pill.bad').first().waitFor()
        await expectSound(page, faults, `${screen} ${locale} ${colorScheme} ${width}`)
      }
      await context.close()
    }
  })

  test('with no task every screen says so, and links to the first one', async () => {
    const { url } = await startServer({ tasks })
    const { page, faults } = await openTab(await launch(chromium ?? ''), url)
    for (const screen of SCREENS) {
      await page.goto(`${url}/ui${screen}`)
      await page.locator('main h1').first().waitFor()
      await expectSound(page, faults, screen)
    }
    await page.goto(`${url}/ui/`)
    await page.getByText('The queue is empty.').waitFor()
    await page.getByRole('link', { name: 'Submit a first task' }).click()
    expect(page.url()).toBe(`${url}/ui/new`)
  })

  test('a thousand waiting rows are painted in time', async () => {
    const { url, post } = await startServer({
      tasks,
      settings: { slots: 0, capacity: 1000, maxBodyBytes: 10_000_000 },
    })
    for (let batch = 0; batch < 10; batch += 1) {
      const given = Array.from({ length: 100 }, (_, index) => ({
        type: 'hang',
        input: {},
        priority: index % 4,
      }))
      expect((await post('/api/tasks/batch', { tasks: given })).body['accepted']).toBe(100)
    }
    const { page, faults } = await openTab(await launch(chromium ?? ''), url)
    await page.goto(`${url}/ui/`)
    await page.getByText('1,000 / 1,000').waitFor()
    await expectSound(page, faults, 'overview with 1000')
  })
})

test('the page is small: 100 kB in all, and what comes before the first row', async () => {
  const folder = join(ROOT, 'dist/web/assets')
  const sizes = new Map<string, number>()
  for (const name of await readdir(folder))
    sizes.set(name, gzipSync(await readFile(join(folder, name))).length)
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  expect(all).toBeLessThanOrEqual(100 * 1024)
  const html = await readFile(join(ROOT, 'dist/web/index.html'), 'utf8')
  const first = [...sizes].filter(
    ([name]) => name.endsWith('.js') && (html.includes(name) || /^en-(?!screens-)/.test(name)),
  )
  expect(first.reduce((sum, [, size]) => sum + size, 0)).toBeLessThanOrEqual(25_000)
})
