import { expect, onTestFinished } from 'vitest'
import type { Settings } from '../../src/config/settings.ts'
import { startModelServer, type Plan } from './model-server.ts'
import { startServer } from './server.ts'

const SENTENCES = [
  'A bounded queue protects a slow service from more requests than it can take.',
  'Every worker takes the best request that waits, and no other.',
  'What is refused is refused at once, with the time of the next try.',
]
/** Long enough for several chapters. */
export const TEXT = Array.from({ length: 12 }, (_, index) =>
  SENTENCES.map((each) => `${each} (${index})`).join(' '),
).join('\n\n')

interface ReportsGiven {
  readonly settings?: Partial<Settings>
  readonly wire?: 'openai' | 'gemini'
}

/** A server whose model is a loopback one. */
export async function setup(plan?: Plan, { settings = {}, wire = 'openai' }: ReportsGiven = {}) {
  const models = await startModelServer(plan)
  onTestFinished(models.close)
  const given: Partial<Settings> =
    wire === 'openai'
      ? { openaiUrl: models.openai, openaiKey: 'secret-key', openaiModel: 'gpt-4.1-mini' }
      : { geminiUrl: models.gemini, geminiKey: 'secret-key' }
  const server = await startServer({ settings: { engines: [wire, 'extractive'], ...given, ...settings } })
  const report = async (body: object = {}, path = '/summarize') => {
    const { body: accepted, status, text } = await server.post(path, { text: TEXT, ...body })
    expect(status, text).toBe(202)
    const task = await server.ended(accepted['task_id'])
    return { task, result: task['result'], id: `${accepted['task_id']}` }
  }
  return { ...server, models, report }
}
