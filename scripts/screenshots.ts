import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { chromium } from 'playwright-core'
import { compose } from '../src/app/app.ts'
import { createClient } from '../src/client/index.ts'
import { readSettings } from '../src/config/read.ts'
import { createServer } from '../src/http/server/server.ts'
import tasks from '../test/web/tasks.ts'

/** Makes the pictures of docs/dashboard.md from a real server and a real Chromium. `npm run docs:screenshots` */

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url))
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

const dataDir = await mkdtemp(join(tmpdir(), 'headgate-screenshots-'))
const log = pino({ level: 'silent' })
const settings = { ...readSettings({ JOURNAL: 'memory' }), dataDir, slots: 3 }
const core = await compose({ settings, log, tasks, prefix: '', onFatal: console.error })
const app = createServer({ log, ...settings })
await app.register(core.httpPlugin)
await core.start()
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const browser = await chromium.launch({
  executablePath: EXECUTABLE,
  args: ['--no-sandbox', '--no-proxy-server'],
})
try {
  const shown = await fill()
  mkdirSync(IMAGES, { recursive: true })
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US' })
  const page = await context.newPage()
  for (const [name, path] of [
    ['overview', '/'],
    ['task', `/tasks/${shown}`],
  ] as const) {
    await page.goto(`${url}/ui${path}`)
    await page.locator('main h1').first().waitFor()
    await page.waitForTimeout(2000)
    await page.screenshot({ path: join(IMAGES, `${name}.png`) })
  }
} finally {
  await browser.close()
  await core.drain(Promise.resolve())
  await app.close()
  await core.stop()
  await rm(dataDir, { recursive: true, force: true })
}

/** Something of everything; the reply is the task that is being written. */
async function fill(): Promise<string> {
  const client = createClient({ url })
  for (const name of ['scan-0412.pdf', 'scan-0413.pdf']) {
    const task = await client.submit('broken', { n: 1, name }, { metadata: { title: name } })
    await task.result().catch(() => undefined)
  }
  for (const title of [
    'How queues stay fair',
    '排队与容量规划',
    'Annual report 2025',
    'Meeting of 12 November',
    'Letter of intent',
  ]) {
    const done = await client.submit('report', { title, pause_ms: 300 })
    await done.result()
  }
  await client.submit('provider', {}, { metadata: { title: 'Summary of the board meeting' } })
  const shown = await client.submit('report', {
    title: 'Durable queues in practice',
    chapters: 9,
    pause_ms: 1200,
  })
  await client.submit('report', { title: '分布式系统综述', chapters: 8, pause_ms: 2500 })
  await client.submit('hang', {}, { metadata: { title: 'thesis-final-v7.pdf' } })
  const waiting = [
    'Contract with annexes',
    'Lecture 4: scheduling',
    '季度财务报告',
    'Letter',
    'Minutes',
    'Manual',
  ]
  for (const [index, title] of [...waiting, ...waiting.map((each) => `${each} (2)`)].entries()) {
    const priority = (['URGENT', 'NORMAL', 'HIGH', 'NORMAL', 'LOW'] as const)[index % 5] ?? 'NORMAL'
    await client.submit('report', { title }, { priority })
  }
  return shown.id
}
