import type { Prompt } from '../../llm/call.ts'
import type { Passage } from './manuscript.ts'
import { inParallel } from '../../llm/parallel.ts'
import type { ModelSession } from '../../llm/session.ts'
import type { ReportChapter } from '../../report.ts'
import { estimateTokens, type Material } from './condense.ts'
import type { Outline } from './outline.ts'
import { CHAPTER_TASK, documentBlock, INSTRUCTION_TOKENS, systemPrompt, type Shared } from './prompts.ts'
import { writePart } from './part.ts'
import type { ReportDraft } from './draft.ts'

/** A chapter as it was written, and as it appears in the report. */
export interface ChapterDraft extends ReportChapter {
  readonly raw: string
}

const WORDS = { usual: { least: 300, most: 600 }, ultra: { least: 800, most: 1500 } }
/** Several times the words that are asked for: other scripts, and models that think aloud, take more. */
const CHAPTER_TOKENS = { usual: 8192, ultra: 16_384 }
/** What a chapter sees of the one before it. */
const BEFORE_CHARS = 1500

/** Writes the chapters, concurrently or one after the other; part 0 of `output` is the text before them. */
export async function writeChapters(session: ModelSession, writing: ReportDraft): Promise<ChapterDraft[]> {
  const { outline, request, onChapter } = writing
  let done = 0
  const write = async (index: number, before: string | null) => {
    const chapter = await writeChapter(session, writing, { index, before })
    done += 1
    onChapter(done)
    return chapter
  }
  const indexes = [...outline.chapters.keys()]
  if (request.mode === 'concurrent')
    return inParallel(indexes, session.parallel, (index) => write(index, null))
  const chapters: ChapterDraft[] = []
  for (const index of indexes)
    chapters.push(await write(index, chapters.at(-1)?.raw.slice(-BEFORE_CHARS) ?? null))
  return chapters
}

interface Turn {
  /** From 0. */
  readonly index: number
  /** The end of the chapter before; null where it is not in view. */
  readonly before: string | null
}

async function writeChapter(session: ModelSession, writing: ReportDraft, turn: Turn): Promise<ChapterDraft> {
  const { outline, citations } = writing
  const { title } = outline.chapters[turn.index] as Outline['chapters'][number]
  const number = turn.index + 1
  const { raw, text } = await writePart(session, writing, {
    number,
    step: `chapter ${number}`,
    title: citations.plain(title),
    prompt: () => promptFor(session, writing, turn),
  })
  return { title: citations.bare(title), raw, markdown: text.markdown, sources: text.sources }
}

function promptFor(
  session: ModelSession,
  { material, outline, shared, request }: ReportDraft,
  { index, before }: Turn,
): Prompt {
  const { title, focus, sources } = outline.chapters[index] as Outline['chapters'][number]
  const form = request.isUltra ? 'ultra' : 'usual'
  const titles = outline.chapters.map((chapter) => chapter.title)
  const { block, tokens } = textFor(material, sources, shared)
  return {
    system: systemPrompt(shared),
    prompt: `${block}\n\n${CHAPTER_TASK({ title, focus, outline: titles, words: WORDS[form], before })}`,
    tokens: tokens + INSTRUCTION_TOKENS,
    maxOutputTokens: session.outputTokens(CHAPTER_TOKENS[form]),
  }
}

/** The whole text; or notes on it, and of the passages that the chapter rests on as many as there is room for. */
function textFor(material: Material, sources: readonly number[], shared: Shared) {
  const { passages, block, tokens, isCondensed, room, factor } = material
  if (!isCondensed) return { block, tokens: tokens * factor }
  const chosen: Passage[] = []
  let left = room - tokens
  for (const number of new Set(sources)) {
    const passage = passages[number - 1]
    if (passage === undefined) continue
    left -= estimateTokens([passage])
    if (left < 0) break
    chosen.push(passage)
  }
  chosen.sort((a, b) => a.number - b.number)
  const full = `${block}\n\nPassages of it in full:\n${documentBlock(chosen, shared)}`
  return { block: full, tokens: (tokens + estimateTokens(chosen)) * factor }
}
