import { expect, test } from 'vitest'
import { createVictim, whenAllEnded } from './victim.ts'

const STEPS = 8

const submit = async (url: string, body: object) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/steps`, { method: 'POST', headers, body: JSON.stringify(body) })
  return ((await response.json()) as { task_id: string }).task_id
}

test.each([1, 3, 7])(
  `of ${STEPS} steps the process ends after %s: exactly the unfinished ones run again`,
  async (done) => {
    const { start, deeds } = await createVictim()
    const flags = ['--import', './test/kill/die-at.ts']
    const doomed = await start({ DIE_AT: 'step-saved', DIE_ON: `${done}` }, flags)
    const id = await submit(doomed.url, { count: STEPS, ms: 5 })
    await doomed.exited
    const steps = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `${id} step ${from + index}`)
    expect(deeds()).toEqual([`${id} run`, ...steps(0, done)])

    const { url } = await start()
    await whenAllEnded(url)
    expect(deeds()).toEqual([`${id} run`, ...steps(0, done), `${id} run`, ...steps(done, STEPS)])
    const task = (await (await fetch(`${url}/api/tasks/${id}`)).json()) as object
    expect(task).toMatchObject({
      status: 'completed',
      attempt: 1,
      interruptions: 1,
      result: { count: STEPS },
    })
  },
)

test('a graceful stop counts neither as an attempt nor as an interruption', async () => {
  const { start, deeds } = await createVictim({ STOP_WAIT_SECONDS: '0', STOP_GRACE_SECONDS: '0' })
  const first = await start()
  const id = await submit(first.url, { count: STEPS, ms: 100 })
  await expect.poll(() => deeds().length).toBeGreaterThan(2)
  first.child.kill('SIGTERM')
  await first.exited
  const { url } = await start()
  await whenAllEnded(url)
  const task = (await (await fetch(`${url}/api/tasks/${id}`)).json()) as object
  expect(task).toMatchObject({ status: 'completed', attempt: 1, interruptions: 0 })
  expect(deeds().filter((deed) => deed === `${id} run`)).toHaveLength(2)
})
