import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'

const require = createRequire(import.meta.url)

/** A busy machine takes many times as long as an idle one. */
const TIMEOUT_MS = 100_000

/** One real Chromium for a test; ended with it. */
export async function launch(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath,
    // Its sandbox does not work for root; the pages are our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--no-proxy-server'],
  })
  onTestFinished(() => browser.close())
  return browser
}

/** A tab in which nothing may go wrong: each console message, foreign request and error of the page is kept. */
export async function openTab(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(TIMEOUT_MS)
  const faults: string[] = []
  page.on('console', (message) => {
    // What a server that is away answers is reported by the browser itself.
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith(url.replace('http', 'ws'))) {
      if (!request.url().startsWith('data:') && !request.url().startsWith('blob:')) faults.push(request.url())
    }
  })
  return { page, faults, context }
}

/** Checks a screen as it stands: nothing went wrong, nothing is too wide, and axe has nothing to say. */
export async function expectSound(page: Page, faults: readonly string[], name: string): Promise<void> {
  expect(faults, name).toEqual([])
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  expect(tooWide, `${name}: scrolls sideways`).toBeLessThanOrEqual(0)
  const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(axe)
  const violations = (await page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).slice(0, 3).join(' ')))`,
  )) as string[]
  expect(violations, name).toEqual([])
}
