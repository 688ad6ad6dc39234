import type { Encoding, NumberedPassages, ManuscriptRequest, Passage } from './manuscript.ts'
import type { Paragraph, SourceDocument } from '../../parse/document.ts'
import { findKeywords } from '../extractive/keywords.ts'
import { splitSentences } from '../extractive/sentences.ts'
import { surveyDocument } from '../extractive/survey.ts'

/** Short paragraphs share a passage up to this length; a citation should refer to one position. */
const FULL_CHARS = 500
const MAX_CHARS = 1800

type Piece = Omit<Passage, 'number' | 'tokens'>

/** Cuts a document into passages that can be cited, and counts their tokens. */
export async function prepareManuscript(
  source: SourceDocument,
  { encoding }: ManuscriptRequest,
): Promise<NumberedPassages> {
  const { document, language, words, text, length, warnings } = surveyDocument(source)
  const count = await createTokenCounter(encoding)
  const pieces = splitPieces(document, language)
  return {
    title: document.title,
    about: document.about ?? {},
    language,
    keywords: findKeywords(text, words),
    length,
    warnings,
    passages: pieces.map((piece, index) => ({ ...piece, number: index + 1, tokens: count(piece.text) })),
  }
}

function splitPieces({ sections }: SourceDocument, language: string): Piece[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
  const pieces: Piece[] = []
  for (const { heading, paragraphs } of sections) {
    let isFirst = true
    for (const paragraph of paragraphs) {
      if (paragraph.kind === 'aside') continue
      for (const text of divide(paragraph, segmenter)) {
        const { page, seconds, kind } = paragraph
        const piece = { text: kind === 'item' ? `- ${text}` : text, page, seconds, heading, kind }
        const last = pieces.at(-1)
        if (last !== undefined && !isFirst && fits(last, piece)) {
          pieces[pieces.length - 1] = { ...last, text: `${last.text}\n${piece.text}` }
        } else pieces.push(piece)
        isFirst = false
      }
    }
  }
  return pieces
}

function fits(last: Piece, next: Piece): boolean {
  return (
    last.kind === next.kind && last.page === next.page && last.text.length + next.text.length < FULL_CHARS
  )
}

/** A long paragraph in parts, between its sentences where it has any. */
function divide({ text }: Paragraph, segmenter: Intl.Segmenter): string[] {
  if (text.length <= MAX_CHARS) return [text]
  const parts: string[] = []
  let open = ''
  for (const sentence of splitSentences(text, segmenter).flatMap(findCut)) {
    if (open !== '' && open.length + sentence.length > MAX_CHARS) {
      parts.push(open)
      open = ''
    }
    open += open === '' ? sentence : ` ${sentence}`
  }
  return open === '' ? parts : [...parts, open]
}

function findCut(sentence: string): string[] {
  const cuts: string[] = []
  for (let at = 0; at < sentence.length; at += MAX_CHARS) cuts.push(sentence.slice(at, at + MAX_CHARS))
  return cuts
}

/** Text that looks like a control token is text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() }
/** Merging is quadratic in a run without spaces: longer runs are counted in pieces. */
const MAX_PIECE_CHARS = 2000

/** What counts the tokens of a text. Loading an encoding takes tens of ms and as many MB. */
export async function createTokenCounter(encoding: Encoding): Promise<(text: string) => number> {
  const { countTokens } =
    encoding === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base')
  return (text) => {
    let tokens = 0
    for (let at = 0; at < text.length; at += MAX_PIECE_CHARS) {
      tokens += countTokens(text.slice(at, at + MAX_PIECE_CHARS), AS_TEXT)
    }
    return tokens
  }
}
