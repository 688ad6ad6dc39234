import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { startServer, type ServerGiven } from '../support/server.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()

const echo = defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => ({ n }) })
const held = defineTask({
  type: 'held',
  input: z.object({}),
  run: async (_input, { signal, progress }) => {
    progress(10, 'begun')
    await new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    )
  },
})

describe.skipIf(programs === undefined)('one queue over several processes', () => {
  const postgres = usePostgres(programs)
  const start = (databaseUrl: string, role: 'serve' | 'web' | 'worker', given: ServerGiven = {}) =>
    startServer({
      tasks: [echo, held],
      ...given,
      settings: {
        databaseUrl,
        role,
        workerName: `${role} ${Math.random()}`,
        builtins: [],
        ...given.settings,
      },
    })

  test('what one web process takes another process runs, and any web process shows', async () => {
    const url = await postgres.newDatabase()
    const [one, two] = [await start(url, 'web'), await start(url, 'web')]
    await start(url, 'worker')
    const { status, body } = await one.post('/echo', { n: 7 })
    expect(status).toBe(202)
    const { body: task } = await two.get(`/api/tasks/${body['task_id']}?wait=10`)
    expect(task).toMatchObject({ status: 'completed', result: { n: 7 } })
  })

  test('a task that runs elsewhere is watched and cancelled from any web process', async () => {
    const url = await postgres.newDatabase()
    const [one, two] = [await start(url, 'web'), await start(url, 'web')]
    await start(url, 'worker')
    const id = (await one.post('/held', {})).body['task_id'] as string
    const read = async () => (await two.get(`/api/tasks/${id}`)).body
    await expect.poll(read).toMatchObject({ status: 'running', progress: 10 })
    const events = fetch(`${one.url}/api/tasks/${id}/stream`).then((response) => response.text())
    expect((await two.post(`/api/tasks/${id}/cancel`, {})).status).toBeLessThan(300)
    const text = await events
    const numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(text).toContain('"cancelled"')
    expect(await read()).toMatchObject({ status: 'cancelled' })
  })
})
