import { jsonrepair } from 'jsonrepair'
import { z } from 'zod'
import { TaskError } from '../../../task/failure.ts'
import type { ModelSession } from '../../llm/session.ts'
import type { Material } from './condense.ts'
import {
  INSTRUCTION_TOKENS,
  FIX_TASK,
  OUTLINE_TASK,
  systemPrompt,
  type OutlineTask,
  type Shared,
} from './prompts.ts'

const text = (max: number) => z.string().trim().min(1).max(max)
/** Numbers of passages; what is no number is left out, since a report can do without it. */
const sources = z
  .array(z.unknown())
  .default([])
  .transform((values) => values.map(Number).filter((value) => Number.isInteger(value) && value > 0))

const outlineSchema = z.object({
  title: text(300),
  summary: text(6000),
  key_points: z
    .array(z.object({ text: text(1500), sources }))
    .min(1)
    .max(20),
  chapters: z
    .array(z.object({ title: text(300), focus: text(2000), sources }))
    .min(1)
    .max(24),
})
/** The contents of a report: its chapters and their passages. */
export type Outline = z.output<typeof outlineSchema>

/** The schema for the model, where its provider can enforce one. */
const shape = z.object({
  title: z.string(),
  summary: z.string(),
  key_points: z.array(z.object({ text: z.string(), sources: z.array(z.number()) })),
  chapters: z.array(z.object({ title: z.string(), focus: z.string(), sources: z.array(z.number()) })),
})

const MAX_TRIES = 3
const OUTLINE_TOKENS = 8192
/** A malformed reply is shown to the model as far as this. */
const MAX_SHOWN_CHARS = 6000
const CHARS_PER_TOKEN = 3

/**
 * Plans the report. A reply of another shape is corrected here where possible, otherwise asked for
 * again with what was wrong about it.
 *
 * @throws TaskError `execution_error` when the model does not get it right in three tries.
 */
export async function drawOutline(
  session: ModelSession,
  material: Material,
  { shared, task }: { readonly shared: Shared; readonly task: OutlineTask },
): Promise<Outline> {
  const base = {
    system: systemPrompt(shared),
    maxOutputTokens: session.outputTokens(OUTLINE_TOKENS),
    shape,
  }
  const tokens = material.tokens * material.factor + INSTRUCTION_TOKENS
  return session.step('outline', async (ask) => {
    let retryHint = ''
    for (let tries = 1; ; tries += 1) {
      const prompt = `${material.block}\n\n${OUTLINE_TASK(task)}${retryHint}`
      const { text: reply } = await ask({
        ...base,
        prompt,
        tokens: tokens + retryHint.length / CHARS_PER_TOKEN,
      })
      const read = readOutline(reply)
      if (typeof read !== 'string') return read
      if (tries === MAX_TRIES) {
        throw new TaskError(
          'execution_error',
          `${session.model.id} gave no usable outline in ${MAX_TRIES} tries: ${read}`,
        )
      }
      retryHint = `\n\n${FIX_TASK(reply.slice(0, MAX_SHOWN_CHARS), read)}`
    }
  })
}

/** The outline in a reply; a string is the reason why there is none. */
export function readOutline(reply: string): Outline | string {
  const from = reply.indexOf('{')
  if (from < 0) return 'it holds no JSON object'
  const end = reply.lastIndexOf('}')
  const candidate = end > from ? reply.slice(from, end + 1) : reply.slice(from)
  const parsed = parse(candidate) ?? parse(reply.slice(from))
  const checked = outlineSchema.safeParse(parsed)
  return checked.success ? checked.data : z.prettifyError(checked.error).slice(0, 500)
}

/** JSON as it should be, or as models write it: with comments, single quotes, trailing commas, or cut at its end. */
function parse(text: string): unknown {
  try {
    return JSON.parse(jsonrepair(text))
  } catch {
    return undefined
  }
}
