import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createVictim } from '../kill/victim.ts'
import { openBrowser, servePage } from '../support/browser.ts'
import { freePort, ROOT } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'

const LINES = 60
const STEP_MS = 60
const chromium = realPart('chromium')

/** The page of the document, as it is. */
async function documentedPage(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/streams.md'), 'utf8')
  return (
    /```html file=watch\.html\n([\s\S]*?)```/.exec(text)?.[1] ?? expect.fail('no page in docs/streams.md')
  )
}

test.skipIf(chromium === undefined)(
  'the page of docs/streams.md shows each text once and no falling progress over kills, a stop, a park and a retry',
  { timeout: 240_000 },
  async () => {
    const origin = await servePage(await documentedPage())
    const { start, kill, deeds } = await createVictim({
      PORT: `${await freePort()}`,
      TASKS_FILE: 'test/browser/tasks.ts',
      CORS_ORIGINS: origin,
      RATE_LIMIT_PER_MINUTE: '0',
      STOP_WAIT_SECONDS: '0',
    })
    let server = await start()
    const body = JSON.stringify({ lines: LINES, ms: STEP_MS })
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${server.url}/story`, { method: 'POST', headers, body })
    const { task_id: id } = (await reply.json()) as { task_id: string }

    const page = await openBrowser(chromium!)
    await page.goto(`${origin}/?task=${encodeURIComponent(`${server.url}/api/tasks/${id}`)}`)
    // Whatever is shown, at every change.
    await page.evaluate(`
      window.shown = { bars: [], texts: [] }
      new MutationObserver(() => {
        shown.bars.push(document.getElementById('bar').value)
        shown.texts.push(document.getElementById('text').textContent)
      }).observe(document.body, { subtree: true, attributes: true, childList: true, characterData: true })`)
    const linesShown = async () => ((await page.textContent('#text')) ?? '').split('\n').length - 1

    await expect.poll(linesShown, { timeout: 60_000 }).toBe(LINES / 4)
    await kill(server)
    await sleep(1500)
    server = await start()
    await expect.poll(linesShown, { timeout: 60_000 }).toBe(LINES / 2)
    // A graceful stop ends the stream itself.
    server.child.kill('SIGTERM')
    await server.exited
    server = await start()

    await expect.poll(() => page.textContent('#state'), { timeout: 120_000 }).toBe('completed')
    const whole = Array.from({ length: LINES }, (_, line) => `Line ${line}.\n`).join('')
    expect(await page.textContent('#text')).toBe(whole)
    const { bars, texts } = (await page.evaluate('shown')) as { bars: number[]; texts: string[] }
    expect(bars.length).toBeGreaterThan(LINES / 2)
    expect(bars).toEqual([...bars].sort((a, b) => a - b))
    for (const text of texts) expect(whole.startsWith(text)).toBe(true)
    // Killed, stopped, parked, tried again, done.
    expect(deeds()).toHaveLength(5)
  },
)
