import { ChapterText } from '../../render/chapter-text.ts'
import type { Prompt } from '../../llm/call.ts'
import type { ModelSession } from '../../llm/session.ts'
import type { ReportDraft } from './draft.ts'

export interface Part {
  /** Its position in the output; 0 is the text before the chapters. */
  readonly number: number
  /** The step that it is kept as. */
  readonly step: string
  readonly title: string
  /** Made only when the model is asked. */
  readonly prompt: () => Prompt
}

export interface WrittenPart {
  /** As the model wrote it. */
  readonly raw: string
  /** As it appears in the report. */
  readonly text: ChapterText
}

/** Writes one part of the report, passed on as it arrives; a part kept from an earlier run is passed on at once. */
export async function writePart(
  session: ModelSession,
  { citations, output }: ReportDraft,
  { number, step, title, prompt }: Part,
): Promise<WrittenPart> {
  const heading = `\n\n## ${title}\n\n`
  const live: { text: ChapterText | null } = { text: null }
  const raw = await session.step(step, async (ask) => {
    output.restart(number)
    const text = new ChapterText(citations)
    // The heading with the first of its text: a call that finds no room begins anew.
    let open = heading
    const reply = await ask(prompt(), (chunk) => {
      output.write(number, open + text.push(chunk))
      open = ''
    })
    output.write(number, text.end())
    live.text = text
    return reply.text
  })
  const text = live.text ?? new ChapterText(citations)
  if (live.text === null) output.write(number, heading + text.push(raw) + text.end())
  output.end(number)
  return { raw, text }
}
