import type { Passage } from '../manuscript/manuscript.ts'
import { inParallel } from '../parallel.ts'
import type { ModelSession } from '../session.ts'
import { ChapterText } from '../../../output/chapter-text.ts'
import type { ReportChapter } from '../../report.ts'
import { tokensOf, type Material } from './condense.ts'
import type { Outline } from './outline.ts'
import {
  CHAPTER_TASK,
  documentBlock,
  INSTRUCTION_TOKENS,
  notesBlock,
  systemPrompt,
  type Shared,
} from './prompts.ts'
import { outputTokens } from './room.ts'
import type { Writing } from './writing.ts'

/** A chapter as it was written, and as it stands in the report. */
export interface Written extends ReportChapter {
  readonly raw: string
}

const WORDS = { usual: { least: 300, most: 600 }, ultra: { least: 800, most: 1500 } }
/** Several times the words that are asked for: other scripts, and models that think aloud, take more. */
const CHAPTER_TOKENS = { usual: 8192, ultra: 16_384 }
/** What a chapter sees of the one before it. */
const BEFORE_CHARS = 1500

/** Writes the chapters, side by side or one after the other; the first of `output` is what stands before them. */
export async function writeChapters(session: ModelSession, writing: Writing): Promise<Written[]> {
  const { outline, request, told } = writing
  let done = 0
  const write = async (index: number, before: string | null) => {
    const chapter = await writeChapter(session, writing, { index, before })
    done += 1
    told(done)
    return chapter
  }
  const indexes = [...outline.chapters.keys()]
  if (request.mode === 'concurrent')
    return inParallel(indexes, session.parallel, (index) => write(index, null))
  const chapters: Written[] = []
  for (const index of indexes)
    chapters.push(await write(index, chapters.at(-1)?.raw.slice(-BEFORE_CHARS) ?? null))
  return chapters
}

async function writeChapter(
  session: ModelSession,
  { material, outline, shared, request, citations, output }: Writing,
  { index, before }: { readonly index: number; readonly before: string | null },
): Promise<Written> {
  const { title, focus, sources } = outline.chapters[index] as Outline['chapters'][number]
  const form = request.isUltra ? 'ultra' : 'usual'
  const task = {
    title,
    focus,
    outline: outline.chapters.map((chapter) => chapter.title),
    words: WORDS[form],
    before,
  }
  const { block, tokens } = textFor(material, sources, shared)
  const part = index + 1
  const heading = `\n\n## ${citations.plain(title)}\n\n`

  const live: { text: ChapterText | null } = { text: null }
  const raw = await session.step(`chapter ${part}`, async (ask) => {
    const prompt = {
      system: systemPrompt(shared),
      prompt: `${block}\n\n${CHAPTER_TASK(task)}`,
      tokens: tokens + INSTRUCTION_TOKENS,
      maxOutputTokens: outputTokens(session, CHAPTER_TOKENS[form]),
    }
    output.restart(part)
    output.write(part, heading)
    const text = new ChapterText(citations)
    const reply = await ask(prompt, (chunk) => output.write(part, text.push(chunk)))
    output.write(part, text.end())
    live.text = text
    return reply.text
  })
  const text = live.text ?? new ChapterText(citations)
  // Kept from a run before this one: it is told at once.
  if (live.text === null) output.write(part, heading + text.push(raw) + text.end())
  output.end(part)
  return { title: citations.bare(title), raw, markdown: text.markdown, sources: text.sources }
}

/** The whole text; or notes on it, and of the passages that the chapter rests on as many as there is room for. */
function textFor({ passages, notes, room, factor }: Material, sources: readonly number[], shared: Shared) {
  if (notes === null) return { block: documentBlock(passages, shared), tokens: tokensOf(passages) * factor }
  const chosen: Passage[] = []
  let left = room - notes.tokens
  for (const number of new Set(sources)) {
    const passage = passages[number - 1]
    if (passage === undefined) continue
    left -= tokensOf([passage])
    if (left < 0) break
    chosen.push(passage)
  }
  chosen.sort((a, b) => a.number - b.number)
  const block = `${notesBlock(notes.text, shared)}\n\nPassages of it in full:\n${documentBlock(chosen, shared)}`
  return { block, tokens: (notes.tokens + tokensOf(chosen)) * factor }
}
