import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createVictim } from './victim.ts'

/** Kills in all; `npm run test:kill-streams` makes it 20. */
const KILLS = Number(process.env['KILLS'] ?? 6)
const DISCONNECTS = 50 * KILLS
const TASKS = 6
/** Enough for the disconnects also where the machine is busy and each takes longer. */
const READERS_PER_TASK = 6

interface Message {
  readonly seq?: number
  readonly type: string
}

/** One reader of one task, who comes and goes, by one transport or the other, and resumes by number. */
class Reader {
  readonly seen: number[] = []
  readonly #id: string
  readonly #urlOf: () => string
  disconnects = 0
  hasEnded = false

  constructor(id: string, urlOf: () => string) {
    this.#id = id
    this.#urlOf = urlOf
  }

  async read(): Promise<void> {
    for (let turn = 0; !this.hasEnded; turn += 1) {
      const url = this.#urlOf()
      if (url !== '') {
        const path = `after=${this.seen.at(-1) ?? 0}`
        await (turn % 2 === 0 ? this.#bySocket(url, path) : this.#byEvents(url, path)).catch(() => undefined)
        this.disconnects += 1
      }
      await sleep(1)
    }
  }

  async #bySocket(url: string, after: string): Promise<void> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/${this.#id}?${after}`)
    socket.on('message', (data) => this.#hear(JSON.parse((data as Buffer).toString()) as Message))
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    await Promise.race([closed, sleep(20 + Math.random() * 400)])
    socket.terminate()
    await closed
  }

  async #byEvents(url: string, after: string): Promise<void> {
    const signal = AbortSignal.timeout(20 + Math.random() * 400)
    const response = await fetch(`${url}/api/tasks/${this.#id}/stream?${after}`, { signal })
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const data = /^data: (.*)$/m.exec(part)?.[1]
        if (data !== undefined) this.#hear(JSON.parse(data) as Message)
      }
    }
  }

  #hear({ seq, type }: Message): void {
    if (seq === undefined) return
    this.seen.push(seq)
    if (type === 'result' || type === 'error') this.hasEnded = true
  }
}

/** Of each task: more than are done between the kills. */
const STEPS = 25 * KILLS

test(
  `${DISCONNECTS} disconnects and ${KILLS} kills: every reader sees every event once and in order`,
  { timeout: 120_000 + KILLS * 9000 },
  async () => {
    const { start, kill, deeds } = await createVictim({
      MAX_CONCURRENT_ANALYSIS_TASKS: `${TASKS}`,
      RATE_LIMIT_PER_MINUTE: '0',
    })
    let server = await start()
    let url = server.url
    const ids = await Promise.all(
      Array.from({ length: TASKS }, async () => {
        const headers = { 'content-type': 'application/json' }
        const body = JSON.stringify({ count: STEPS, ms: 25 })
        const response = await fetch(`${url}/steps`, { method: 'POST', headers, body })
        return ((await response.json()) as { task_id: string }).task_id
      }),
    )
    const readers = ids.flatMap((id) =>
      Array.from({ length: READERS_PER_TASK }, () => new Reader(id, () => url)),
    )
    const reading = Promise.all(readers.map((reader) => reader.read()))
    for (let kills = 0; kills < KILLS; kills += 1) {
      // A run that saves no step counts towards a crash loop: the second step of a run begins when the first is saved.
      const before = begunSteps(deeds(), ids)
      const hasMoved = () =>
        begunSteps(deeds(), ids).every((count, index) => count > (before[index] ?? 0) + 1 || count >= STEPS)
      await expect.poll(hasMoved, { timeout: 60_000 }).toBe(true)
      await sleep(Math.random() * 400)
      url = ''
      await kill(server)
      server = await start()
      url = server.url
    }
    await reading
    const disconnects = readers.reduce((sum, reader) => sum + reader.disconnects, 0)
    console.log({ disconnects, events: readers.reduce((sum, { seen }) => sum + seen.length, 0) })
    for (const { seen } of readers) expect(seen).toEqual(seen.map((_, index) => index + 1))
    // All readers of a task saw the same.
    expect(new Set(readers.map(({ seen }) => seen.length)).size).toBeLessThanOrEqual(TASKS)
    expect(disconnects).toBeGreaterThanOrEqual(DISCONNECTS)
  },
)

/** How many steps each task has begun, those included that were begun again. */
function begunSteps(deeds: readonly string[], ids: readonly string[]): number[] {
  return ids.map((id) => deeds.filter((deed) => deed.startsWith(`${id} step`)).length)
}
