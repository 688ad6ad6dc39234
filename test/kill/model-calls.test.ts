import { expect, onTestFinished, test } from 'vitest'
import { ANSWER, startModelServer, type Behaviour } from '../support/model-server.ts'
import { TEXT } from '../support/model-reports.ts'
import { createVictim, type Started, whenAllEnded } from './victim.ts'

const PLACES = ['notes', 'outline', 'chapter 1', 'chapter 2', 'conclusion']

/** A server whose model kills it in the middle of a call, and the calls that were made until the report was done. */
async function killedAt(about: string, mode: string) {
  let doomed: Started | null = null
  const killing: Behaviour = { kind: 'half' }
  const models = await startModelServer((call, nth) => {
    if (call.about !== about || nth > 1 || doomed === null) return ANSWER
    doomed.child.kill('SIGKILL')
    return killing
  })
  onTestFinished(models.close)
  const window = { OPENAI_WINDOW_TOKENS: '4096', MODEL_PARALLEL_CALLS: '2' }
  const { start } = await createVictim({ OPENAI_BASE_URL: models.openai, OPENAI_MODEL: 'gpt-4.1', ...window })
  doomed = await start()
  const long = Array.from({ length: 8 }, (_, index) => `Fact ${index}. ${TEXT.slice(0, 700)}`).join('\n\n')
  const response = await fetch(`${doomed.url}/summarize?generation_mode=${mode}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: long, engine: 'llm' }),
  })
  const { task_id: id } = (await response.json()) as { task_id: string }
  await doomed.exited
  const before = models.calls.length

  const { url } = await start()
  await whenAllEnded(url)
  const task = (await (await fetch(`${url}/api/tasks/${id}`)).json()) as {
    status: string
    interruptions: number
  }
  return { task, before: models.calls.slice(0, before), after: models.calls.slice(before) }
}

test.each(PLACES)(
  'killed in the middle of the call for "%s", a report repeats that call and no other',
  async (about) => {
    const { task, before, after } = await killedAt(about, 'sequential')
    expect(task).toMatchObject({ status: 'completed', interruptions: 1 })
    const prompts = (calls: typeof before) => calls.map(({ prompt }) => prompt)
    const repeated = prompts(after).filter((prompt) => prompts(before).includes(prompt))
    // Of notes two are made at once: each that was in flight is asked for again.
    expect(repeated.length).toBeLessThanOrEqual(about === 'notes' ? 2 : 1)
    expect(repeated.length).toBeGreaterThan(0)
    expect(after[0]?.about).toBe(about)
    const all = [...before, ...after].map((call) => call.about)
    for (const each of PLACES.filter((place) => place !== about && place !== 'notes')) {
      expect(
        all.filter((one) => one === each),
        each,
      ).toHaveLength(1)
    }
  },
)

test('of chapters that are written side by side, those in flight are asked for again', async () => {
  const { task, before, after } = await killedAt('chapter 2', 'concurrent')
  expect(task).toMatchObject({ status: 'completed', interruptions: 1 })
  const about = (calls: typeof before) => calls.map((call) => call.about)
  expect(about(after).filter((each) => ['notes', 'outline'].includes(each))).toEqual([])
  expect(about(after).filter((each) => about(before).includes(each)).length).toBeLessThanOrEqual(2)
})
