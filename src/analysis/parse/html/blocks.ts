import type { ParagraphKind, SectionBuilder } from '../document.ts'
import { isElement, isText, type PageElement, type PageNode } from './page.ts'
import { isDataTable, toRows } from './table.ts'

const HEADINGS = new Set(['H1', 'H2', 'H3', 'H4', 'H5', 'H6'])
/** What is no text of the page. */
const DROPPED = new Set(
  'SCRIPT STYLE NOSCRIPT SVG VIDEO AUDIO IFRAME OBJECT TEMPLATE BUTTON SELECT TEXTAREA INPUT ANNOTATION'.split(
    ' ',
  ),
)
const BLOCKS = new Set(
  (
    'ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY DD DETAILS DIV DL DT FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER ' +
    'HR LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TH TR UL'
  ).split(' '),
)
/** What a block makes of the text inside it; others leave it what it is. */
const KINDS: Readonly<Record<string, ParagraphKind>> = {
  LI: 'item',
  DD: 'item',
  DT: 'item',
  BLOCKQUOTE: 'quote',
  FIGCAPTION: 'caption',
  NAV: 'aside',
  ASIDE: 'aside',
  FOOTER: 'aside',
}
/** Pieces of an encyclopedia that point elsewhere. */
const POINTER = /\b(hatnote|navbox|reference|references|reflist|infobox|metadata|toc|catlinks|thumbcaption)\b/
/** Marks that lead to a note, or to an editor. */
const MARK = /\b(mw-editsection|noprint)\b/

/** `[12]`, `[a]`, `[note 3]`: what leads to a reference. */
const REFERENCE = /^\s*\[[^\]]{1,12}\]\s*$/

/** Blocks inside blocks are walked as far as this; what is deeper is one paragraph. */
const MAX_DEPTH = 500

/** The position of a block. */
interface Inside {
  readonly kind?: ParagraphKind
  readonly depth?: number
}

/** Walks the blocks in order: a heading opens a section, text between two blocks is a paragraph. Nothing is lost. */
export function readBlocks(
  element: PageElement,
  builder: SectionBuilder,
  { kind = 'prose', depth = 0 }: Inside = {},
): void {
  if (depth > MAX_DEPTH) return builder.paragraph(element.textContent ?? '', { kind })
  let open = ''
  const flush = () => {
    for (const paragraph of open.split(/\n\s*\n/)) builder.paragraph(paragraph, { kind })
    open = ''
  }
  for (const node of element.childNodes) {
    if (isText(node)) open += node.textContent?.replace(/\s+/g, ' ') ?? ''
    else if (isElement(node) && isLineBreak(node)) open += '\n'
    else if (isElement(node) && isInline(node)) open += readText(node)
    else if (isElement(node)) {
      flush()
      readBlock(node, builder, { kind, depth: depth + 1 })
    }
  }
  flush()
}

function readBlock(
  element: PageElement,
  builder: SectionBuilder,
  { kind: outer = 'prose', depth = 0 }: Inside,
): void {
  const tag = element.tagName.toUpperCase()
  if (DROPPED.has(tag)) return
  const kind =
    outer === 'aside' || POINTER.test(element.getAttribute('class') ?? '') ? 'aside' : (KINDS[tag] ?? outer)
  if (HEADINGS.has(tag)) return builder.heading(toLine(readText(element)))
  if (tag === 'PRE') return readPreformatted(element.textContent ?? '', builder, kind)
  if (tag === 'TABLE' && isDataTable(element)) {
    const text = toRows(element, (cell) => toLine(readText(cell)))
    return builder.paragraph(text, { kind: kind === 'aside' ? 'aside' : 'table' })
  }
  readBlocks(element, builder, { kind, depth })
}

/** Laws, letters and old texts are put on the web as they were typed: that is prose, not code. */
function readPreformatted(text: string, builder: SectionBuilder, kind: ParagraphKind): void {
  if (!isTypedProse(text)) return builder.paragraph(text, { kind: 'code' })
  for (const paragraph of text.split(/\n[^\S\n]*\n/)) builder.paragraph(paragraph, { kind })
}

function isTypedProse(text: string): boolean {
  const words = text.match(/\p{L}+/gu)?.length ?? 0
  const sentences = text.match(SENTENCE)?.length ?? 0
  const letters = (text.match(/\p{L}/gu)?.length ?? 0) / Math.max(1, text.match(/\S/g)?.length ?? 0)
  const isSpoken = sentences >= MIN_TYPED_SENTENCES && sentences * MAX_WORDS_PER_SENTENCE >= words
  if (words < MIN_TYPED_WORDS || !isSpoken || letters < MIN_LETTER_SHARE) return false
  const lines = text.split('\n')
  return lines.filter((line) => CODE_LINE.test(line.trimEnd())).length < lines.length * MAX_CODE_SHARE
}

const MIN_TYPED_WORDS = 100
const MIN_TYPED_SENTENCES = 3
/** Paragraphs of laws are lists of clauses: one of the US Code has a full stop in some 200 words. */
const MAX_WORDS_PER_SENTENCE = 250
const MIN_LETTER_SHARE = 0.8
const MAX_CODE_SHARE = 0.2
const CODE_LINE = /^\s*(?:\/\/|[#*])|[{};]$/
/** The end of one and the begin of the next: words of code are not apart by a full stop and a space. */
const SENTENCE = /\p{Ll}{2}[.?!]["”)]?\s+["“(]?\p{Lu}/gu

function isLineBreak({ tagName }: PageElement): boolean {
  return tagName.toUpperCase() === 'BR'
}

/** Whether an element is inline, with everything in it. */
function isInline(element: PageElement): boolean {
  const tag = element.tagName.toUpperCase()
  if (DROPPED.has(tag)) return true
  if (BLOCKS.has(tag)) return false
  for (const child of element.children) if (!isInline(child)) return false
  return true
}

/** The text of an element without scripts and marks; a line break is a space. */
function readText(node: PageNode): string {
  if (isText(node)) return node.textContent ?? ''
  if (!isElement(node)) return ''
  const tag = node.tagName.toUpperCase()
  if (DROPPED.has(tag) || MARK.test(node.getAttribute('class') ?? '')) return ''
  if (tag === 'BR') return '\n'
  if (tag === 'SUP' && isReference(node)) return ''
  let text = ''
  for (const child of node.childNodes) text += readText(child)
  // Two blocks inside a heading or a cell are two words.
  return BLOCKS.has(tag) ? ` ${text} ` : text
}

function isReference(mark: PageElement): boolean {
  return REFERENCE.test(mark.textContent ?? '') || /\breference\b/.test(mark.getAttribute('class') ?? '')
}

/** On one line, without the mark of a heading that leads to itself (Sphinx, MkDocs). */
function toLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s?[¶#🔗]$/u, '')
}
