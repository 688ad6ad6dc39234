import type { Prompt } from '../call.ts'
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

interface Turn {
  /** From 0. */
  readonly index: number
  /** The end of the chapter before; null where it is not in view. */
  readonly before: string | null
}

async function writeChapter(session: ModelSession, writing: Writing, turn: Turn): Promise<Written> {
  const { outline, citations, output } = writing
  const { title } = outline.chapters[turn.index] as Outline['chapters'][number]
  const part = turn.index + 1
  const heading = `\n\n## ${citations.plain(title)}\n\n`

  const live: { text: ChapterText | null } = { text: null }
  const raw = await session.step(`chapter ${part}`, async (ask) => {
    const prompt = promptFor(session, writing, turn)
    output.restart(part)
    const text = new ChapterText(citations)
    // The heading with the first of its text: a call that finds no room begins anew.
    let open = heading
    const reply = await ask(prompt, (chunk) => {
      output.write(part, open + text.push(chunk))
      open = ''
    })
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

function promptFor(
  session: ModelSession,
  { material, outline, shared, request }: Writing,
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
    maxOutputTokens: outputTokens(session, CHAPTER_TOKENS[form]),
  }
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
