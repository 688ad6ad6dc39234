import { findFrame } from '../../render/frame.ts'
import type { ModelSession } from '../../llm/session.ts'
import type { ChapterDraft } from './chapters.ts'
import { CONCLUSION_TASK, INSTRUCTION_TOKENS, systemPrompt } from './prompts.ts'
import { writePart } from './part.ts'
import type { ReportDraft } from './draft.ts'

const WORDS = { usual: { least: 120, most: 250 }, ultra: { least: 250, most: 500 } }
const CONCLUSION_TOKENS = 4096
/** At worst: one for each character of Chinese. */
const TOKENS_PER_CHAR = 1
const SAID_SHARE = 0.5

/** Writes the conclusion from the chapters. */
export async function conclude(
  session: ModelSession,
  writing: ReportDraft,
  chapters: readonly ChapterDraft[],
): Promise<string> {
  const { outline, shared, request, language } = writing
  const form = request.isUltra ? 'ultra' : 'usual'
  // Each chapter is shown as far as there is room for all of them.
  const room = (session.model.windowTokens * SAID_SHARE - INSTRUCTION_TOKENS) / TOKENS_PER_CHAR
  const share = Math.max(200, Math.floor(room / chapters.length))
  const shown = chapters.map(({ title, raw }) => `## ${title}\n\n${raw.slice(0, share)}`).join('\n\n')
  const { text } = await writePart(session, writing, {
    number: chapters.length + 1,
    step: 'conclusion',
    title: findFrame(language).conclusion,
    prompt: () => ({
      system: systemPrompt(shared),
      prompt: `<document-${shared.mark}>\n# ${outline.title}\n\n${outline.summary}\n\n${shown}\n</document-${shared.mark}>\n\n${CONCLUSION_TASK(WORDS[form])}`,
      tokens: estimate(shown) + INSTRUCTION_TOKENS,
      maxOutputTokens: session.outputTokens(CONCLUSION_TOKENS),
    }),
  })
  return text.markdown
}

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu
const NARROW_CHARS_PER_TOKEN = 3

/** Tokens of what a model wrote, roughly: about one for each wide character. */
function estimate(text: string): number {
  const wide = text.match(WIDE)?.length ?? 0
  return wide + (text.length - wide) / NARROW_CHARS_PER_TOKEN
}
