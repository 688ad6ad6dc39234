import type { NumberedPassages, Passage } from './manuscript.ts'
import { inParallel } from '../../llm/parallel.ts'
import type { ModelSession } from '../../llm/session.ts'
import {
  documentBlock,
  INSTRUCTION_TOKENS,
  NOTES_TASK,
  notesBlock,
  SHORTER_NOTES_TASK,
  systemPrompt,
  TOKENS_PER_PASSAGE,
  type Shared,
} from './prompts.ts'

/** What the outline and the chapters are written from: the whole text, or notes on all of it. */
export interface Material {
  readonly passages: readonly Passage[]
  /** The beginning of every prompt. */
  readonly block: string
  /** Of the block, as counted here. */
  readonly tokens: number
  /** The text did not fit into one call: the block holds notes on it. */
  readonly isCondensed: boolean
  /** Room for text in one call, in tokens as counted here. */
  readonly room: number
  /** Tokens that a text takes of the model's window, from the tokens that were counted. */
  readonly factor: number
}

/** Share of the window that text may fill: the rest is instructions and the reply. */
const TEXT_SHARE = 0.6
/** A part that is too long is not read well, however large the window. */
const MAX_PART_TOKENS = 24_000
/** The end of the part before, so that no thought is cut in two. */
const OVERLAP_SHARE = 0.05
const MAX_OVERLAP_TOKENS = 500
const NOTES_SHARE = 0.2
const WORDS_PER_TOKEN = 0.7
/** Notes on notes on notes: a document that needs more is larger than anything that is accepted. */
const MAX_LEVELS = 5

interface Part {
  readonly text: string
  readonly tokens: number
  readonly task: string
  readonly maxOutputTokens: number
}

/** Makes notes, part by part, of a text that is longer than the model's window: map, then reduce until it fits. */
export async function summariseToFit(
  session: ModelSession,
  manuscript: NumberedPassages,
  {
    shared,
    factor,
    onNotes,
  }: { shared: Shared; factor: number; onNotes: (done: number, of: number) => void },
): Promise<Material> {
  const { windowTokens } = session.model
  const room = Math.floor(Math.max(200, windowTokens * TEXT_SHARE - INSTRUCTION_TOKENS) / factor)
  const { passages } = manuscript
  const tokens = estimateTokens(passages)
  if (tokens <= room) {
    return { passages, block: documentBlock(passages, shared), tokens, isCondensed: false, room, factor }
  }

  const partTokens = Math.min(room, MAX_PART_TOKENS)
  let parts: Part[] = splitParts(passages, partTokens).map((part) => partOf(part, partTokens, shared))
  for (let level = 1; ; level += 1) {
    const notes = await notesOn(session, parts, { level, shared, factor, onNotes })
    const all = {
      text: notes.map(({ text }) => text).join('\n'),
      tokens: sum(notes.map(({ tokens }) => tokens)),
    }
    // Half of the room: chapters need passages beside the notes.
    if (all.tokens <= room / 2 || notes.length === 1 || level === MAX_LEVELS) {
      const fitting = all.tokens <= room ? all : cut(all, room)
      const block = notesBlock(fitting.text, shared)
      return { passages, block, tokens: fitting.tokens, isCondensed: true, room, factor }
    }
    parts = grouped(notes, partTokens).map((group) => findGroup(group, partTokens, shared))
  }
}

interface Note {
  readonly text: string
  readonly tokens: number
}

interface NotesGiven {
  readonly level: number
  readonly shared: Shared
  readonly factor: number
  readonly onNotes: (done: number, of: number) => void
}

function notesOn(session: ModelSession, parts: readonly Part[], given: NotesGiven): Promise<Note[]> {
  const { level, shared, factor, onNotes } = given
  const system = systemPrompt(shared)
  let done = 0
  return inParallel(parts, session.parallel, async ({ text, tokens, task, maxOutputTokens }, index) => {
    const note = await session.step(`notes ${level}.${index + 1}`, async (ask) => {
      const prompt = {
        system,
        prompt: `${text}\n\n${task}`,
        tokens: tokens * factor + INSTRUCTION_TOKENS,
        maxOutputTokens,
      }
      const reply = await ask(prompt)
      return { text: reply.text.trim(), tokens: Math.ceil(reply.usage.outputTokens / factor) }
    })
    done += 1
    onNotes(done, parts.length)
    return note
  })
}

function partOf(passages: readonly Passage[], partTokens: number, shared: Shared): Part {
  const words = Math.round(partTokens * NOTES_SHARE * WORDS_PER_TOKEN)
  const text = documentBlock(passages, shared)
  return {
    text,
    tokens: estimateTokens(passages),
    task: NOTES_TASK(words),
    maxOutputTokens: outputFor(partTokens),
  }
}

function findGroup(notes: readonly Note[], partTokens: number, shared: Shared): Part {
  const words = Math.round(partTokens * NOTES_SHARE * WORDS_PER_TOKEN)
  const text = notesBlock(notes.map((note) => note.text).join('\n'), shared)
  const tokens = sum(notes.map((note) => note.tokens))
  return { text, tokens, task: SHORTER_NOTES_TASK(words), maxOutputTokens: outputFor(partTokens) }
}

/** Twice what is asked for: a model that thinks aloud pays for that too. */
function outputFor(partTokens: number): number {
  return Math.max(512, Math.round(partTokens * NOTES_SHARE * 2))
}

/** Passages in parts of this many tokens, each beginning with the end of the one before. */
export function splitParts(passages: readonly Passage[], partTokens: number): Passage[][] {
  const overlap = Math.min(MAX_OVERLAP_TOKENS, partTokens * OVERLAP_SHARE)
  const parts: Passage[][] = []
  let open: Passage[] = []
  for (const passage of passages) {
    if (open.length > 0 && estimateTokens(open) + weightOf(passage) > partTokens) {
      parts.push(open)
      open = takeTail(open, overlap)
    }
    open.push(passage)
  }
  return open.length === 0 ? parts : [...parts, open]
}

function takeTail(passages: readonly Passage[], tokens: number): Passage[] {
  let from = passages.length
  for (let left = tokens; from > 0; from -= 1) {
    left -= weightOf(passages[from - 1] as Passage)
    if (left < 0) break
  }
  return passages.slice(from)
}

function grouped(notes: readonly Note[], partTokens: number): Note[][] {
  const groups: Note[][] = []
  for (const note of notes) {
    const last = groups.at(-1)
    const isFull = last === undefined || sum(last.map(({ tokens }) => tokens)) + note.tokens > partTokens
    if (isFull && last?.length !== 1) groups.push([note])
    else last?.push(note)
  }
  return groups
}

function cut({ text, tokens }: Note, room: number): Note {
  return { text: text.slice(0, Math.floor((text.length * room) / tokens)), tokens: room }
}

export function estimateTokens(passages: readonly Passage[]): number {
  return sum(passages.map(weightOf))
}

function weightOf({ tokens }: Passage): number {
  return tokens + TOKENS_PER_PASSAGE
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
