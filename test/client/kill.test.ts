import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { createVictim } from '../kill/victim.ts'
import { freePort } from '../support/process.ts'

/** Kills in all; `npm run test:kill-streams` makes it 20. */
const KILLS = Number(process.env['KILLS'] ?? 6)
const TASKS = 4
const READERS = 24

test(
  `${KILLS} kills under ${READERS} readers: no event is missing or comes twice, and no text either`,
  { timeout: 120_000 + KILLS * 9000 },
  async () => {
    const port = await freePort()
    const { start, kill } = await createVictim({
      PORT: `${port}`,
      MAX_CONCURRENT_ANALYSIS_TASKS: `${TASKS}`,
      RATE_LIMIT_PER_MINUTE: '0',
    })
    const url = `http://127.0.0.1:${port}`
    let server = await start()
    const submitting = createClient({ url })
    const count = 20 * KILLS
    const whole = Array.from({ length: count }, (_, index) => `${index} `).join('')
    const tasks = await Promise.all(
      Array.from({ length: TASKS }, () => submitting.submit('steps', { count, ms: 25 })),
    )
    const clients = (['websocket', 'sse'] as const).map((transport) => createClient({ url, transport }))
    let lost = 0
    /** Text that was ever sent of each task: a run of which nothing came counts towards a crash loop. */
    const sent = tasks.map(() => 0)
    const readers = Array.from({ length: READERS }, async (_, index) => {
      const client = clients[index % clients.length]
      const seen: number[] = []
      let text = ''
      const onConnection = (isOpen: boolean) => (lost += isOpen ? 0 : 1)
      const handle = client?.task(tasks[index % TASKS]?.id ?? '')
      const result = await handle?.result({
        onConnection,
        onUpdate: (event) => {
          if ('seq' in event) seen.push(event.seq)
          if (event.type !== 'output') return
          text = event.reset === true ? event.chunk : text + event.chunk
          sent[index % TASKS] = Math.max(sent[index % TASKS] ?? 0, text.length)
        },
      })
      return { seen, text, result }
    })
    const reading = Promise.all(readers)
    for (let kills = 0; kills < KILLS; kills += 1) {
      const before = [...sent]
      const hasMoved = () =>
        sent.every((chars, index) => chars > (before[index] ?? 0) || chars === whole.length)
      await expect.poll(hasMoved, { timeout: 60_000 }).toBe(true)
      await sleep(Math.random() * 300)
      await kill(server)
      server = await start()
    }
    for (const { seen, text, result } of await reading) {
      expect(result).toEqual({ count })
      expect(seen).toEqual(seen.map((_, index) => index + 1))
      expect(text).toBe(whole)
    }
    expect(lost).toBeGreaterThan(KILLS)
  },
)
