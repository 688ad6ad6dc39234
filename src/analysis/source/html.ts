import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import { decodeText } from './encoding.ts'
import { SectionBuilder, type SourceDocument } from './document.ts'

const HEADINGS = new Set(['H1', 'H2', 'H3', 'H4', 'H5', 'H6'])
/** Blocks whose text is one paragraph. */
const PARAGRAPHS = new Set(['P', 'LI', 'DD', 'DT', 'BLOCKQUOTE', 'ADDRESS'])
/** What is not running text: tables, code, menus, captions, forms. */
const LEFT_OUT = new Set(
  (
    'TABLE PRE CODE FIGURE FIGCAPTION NAV ASIDE FOOTER FORM BUTTON SCRIPT STYLE NOSCRIPT SVG MATH ' +
    'VIDEO AUDIO IFRAME TEMPLATE SUP'
  ).split(' '),
)
const BLOCKS = 'p, li, dd, div, h1, h2, h3, h4, h5, h6, blockquote, section, article, ul, ol, table, pre'
/** Pieces of an encyclopedia that point elsewhere. */
const HATNOTE = /\b(hatnote|navbox|reference|reflist|mw-editsection|infobox|metadata|toc)\b/

/** The part of the DOM that is read here; the DOM's own types would make browser globals visible everywhere. */
interface PageElement {
  readonly tagName: string
  readonly textContent: string | null
  readonly children: Iterable<PageElement>
  getAttribute(name: string): string | null
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  remove(): void
}
interface Page extends PageElement {
  readonly body: PageElement | null
}

/** Reads a web page: the article that Readability finds in it, by its headings. */
export function readHtml(bytes: Uint8Array, charset: string | null = null): SourceDocument {
  const document = pageOf(decodeText(bytes, charset))
  const pageTitle = document.querySelector('title')?.textContent ?? null
  const readable = document as unknown as ConstructorParameters<typeof Readability>[0]
  const article = new Readability(readable, { keepClasses: true }).parse()
  const warnings = article === null ? ['No article was found in the page; all of its text was read.'] : []
  const root = (article === null ? document : pageOf(`<html><body>${article.content ?? ''}</body></html>`))
    .body

  const builder = new SectionBuilder()
  if (root !== null) readBlock(root, builder)
  const title = (article?.title ?? pageTitle)?.replace(/\s+/g, ' ').trim() || null
  return { title, sections: builder.build(), pages: null, warnings }
}

/** Reads markup that is all text, such as a converter makes; gives the heading that it begins with. */
export function readMarkup(html: string, builder: SectionBuilder): string | null {
  const { body } = pageOf(`<html><body>${html}</body></html>`)
  if (body === null) return null
  readBlock(body, builder)
  const [first] = body.children
  return first?.tagName === 'H1' ? textOf(first) || null : null
}

function pageOf(html: string): Page {
  return parseHTML(html).document as Page
}

/** Walks the blocks in order: a heading opens a section, the innermost block of text is a paragraph. */
function readBlock(element: PageElement, builder: SectionBuilder): void {
  const tag = element.tagName
  if (LEFT_OUT.has(tag) || HATNOTE.test(element.getAttribute('class') ?? '')) return
  if (HEADINGS.has(tag)) return builder.heading(textOf(element))
  const isInnermost = element.querySelector(BLOCKS) === null
  if (PARAGRAPHS.has(tag) || isInnermost) {
    if (isInnermost || tag === 'P') return builder.paragraph(textOf(element), { isListItem: tag === 'LI' })
  }
  for (const child of element.children) readBlock(child, builder)
}

function textOf(element: PageElement): string {
  for (const piece of element.querySelectorAll('sup, script, style, .mw-editsection')) piece.remove()
  return (element.textContent ?? '').replace(/\s+/g, ' ').trim()
}
